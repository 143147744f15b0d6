/** Rules for members: who may lead, who streams from whom, who is delayed. */
import { listed, type Mistake, nearest, pathOf, show } from "../mistake";
import type { MemberSpec } from "../types";
import { type Draft, keysOf, machinesOf, membersAreKnown, membersOf } from "./draft";

export function memberRules(draft: Draft): Mistake[] {
  return [...leaders(draft), ...upstreams(draft), ...cycles(draft), ...delays(draft)];
}

function leaders(draft: Draft): Mistake[] {
  if (!membersAreKnown(draft)) return [];
  const members = membersOf(draft);
  if ([...members.values()].some(({ mayLead }) => mayLead)) return [];
  const given = members.size === 0 ? "no member" : `${listed([...members.keys()], "and")}, none of which may lead`;
  return [
    {
      path: "machines",
      problem: `got ${given}; expected at least one member that may lead (add a machine, or take mayLead: false and delay from one)`,
    },
  ];
}

/** Whom a member streams from must be another member. */
function upstreams(draft: Draft): Mistake[] {
  const members = membersOf(draft);
  const all = keysOf(draft);
  return [...members].flatMap(([key, { replicatesFrom }]) => {
    if (replicatesFrom === undefined) return [];
    const path = pathOf("machines", key, "member", "replicatesFrom");
    const others = [...members.keys()].filter((other) => other !== key);
    if (replicatesFrom === key)
      return [
        {
          path,
          problem: `got ${show(key)}, the member itself; expected another member: ${others.join(", ")} (or remove it: it then streams from the leader)`,
        },
      ];
    if (members.has(replicatesFrom)) return [];
    if (all.includes(replicatesFrom))
      return draft.declared.machines?.[replicatesFrom]?.member === false
        ? [
            {
              path,
              problem: `got ${show(replicatesFrom)}, a machine without PostgreSQL; expected a member: ${others.join(", ")}`,
            },
          ]
        : [];
    const near = nearest(replicatesFrom, others);
    const advice = near === undefined ? "" : ` (did you mean ${near}?)`;
    return [
      {
        path,
        problem: `got ${show(replicatesFrom)}, which is no machine; expected another member: ${others.join(", ")}${advice}`,
      },
    ];
  });
}

/** Members that stream from each other in a ring would never get anything. Each ring is reported once, at its first key. */
function cycles(draft: Draft): Mistake[] {
  const members = membersOf(draft);
  return [...members.keys()].flatMap((key) => {
    const ring = ringOf(key, members);
    if (ring === undefined || ring.length < 2 || [...ring].sort()[0] !== key) return [];
    const path = pathOf("machines", key, "member", "replicatesFrom");
    return [
      {
        path,
        problem: `got a ring: ${[...ring, key].join(" from ")}; expected a way to the leader (remove replicatesFrom of one of them)`,
      },
    ];
  });
}

/** The ring that a member is part of, beginning with it. */
function ringOf(start: string, members: ReadonlyMap<string, MemberSpec>): string[] | undefined {
  const way = [start];
  for (let next = members.get(start)?.replicatesFrom; next !== undefined; next = members.get(next)?.replicatesFrom) {
    if (next === start) return way;
    if (way.includes(next)) return undefined;
    way.push(next);
  }
  return undefined;
}

/** A delayed member shows the past: it must not lead, and not be read as if it were current. */
function delays(draft: Draft): Mistake[] {
  return machinesOf(draft).flatMap(([key, { member }]) => {
    if (member === undefined || member === false || member.delay === undefined) return [];
    const { delay } = member;
    return (["mayLead", "takesReads"] as const)
      .filter((field) => member[field] === true)
      .map((field) => ({
        path: pathOf("machines", key, "member", field),
        problem: `got true with a delay of ${delay}; expected false or nothing (a delayed member ${field === "mayLead" ? "never leads" : "shows old data"}: remove ${field} or delay)`,
      }));
  });
}
