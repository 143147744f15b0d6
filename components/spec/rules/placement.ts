/** Rules for what runs where: etcd voters, poolers, and machines on which nothing runs. */
import { listed, type Mistake, nearest, pathOf, show } from "../mistake";
import { type Draft, keysOf, machinesOf, named } from "./draft";

/** Numbers of voters that make sense: an even number is outvoted no later than the odd one below it, seven only cost time. */
const VOTER_COUNTS = [1, 3, 5];

export function placementRules(draft: Draft): Mistake[] {
  return [
    ...existing(draft, "etcd.voters"),
    ...existing(draft, "poolers.machines"),
    ...voterCount(draft),
    ...poolerCount(draft),
    ...idleMachines(draft),
  ];
}

/** Every key that is named is one of a machine, and is named once. */
function existing(draft: Draft, path: "etcd.voters" | "poolers.machines"): Mistake[] {
  const given = path === "etcd.voters" ? draft.declared.etcd?.voters : draft.declared.poolers?.machines;
  if (given === undefined || given === "members" || draft.declared.machines === undefined) return [];
  const all = keysOf(draft);
  return given.flatMap((key, index) => {
    const at = `${path}[${index}]`;
    if (!all.includes(key)) {
      const near = nearest(key, all);
      const advice = near === undefined ? "add the machine, or remove its key here" : `did you mean ${near}?`;
      return [{ path: at, problem: `got ${show(key)}; expected the key of a machine: ${all.join(", ")} (${advice})` }];
    }
    if (given.indexOf(key) !== index)
      return [{ path: at, problem: `got ${show(key)} again; expected each machine once (remove it)` }];
    return [];
  });
}

function voterCount(draft: Draft): Mistake[] {
  const voters = named(draft, "etcd.voters");
  const path = "etcd.voters";
  // No member at all is a mistake of its own.
  if (voters === undefined || (voters.length === 0 && draft.declared.etcd?.voters === "members")) return [];
  const count = new Set(voters).size;
  if (VOTER_COUNTS.includes(count)) return [];
  const fitting = Math.max(...VOTER_COUNTS.filter((allowed) => allowed < count), 1);
  const example = JSON.stringify([...new Set(voters)].slice(0, fitting));
  const advice =
    count === 0 ? "name machines" : `a majority decides: name ${fitting} of them, ${example}, or add a machine`;
  const given = draft.declared.etcd?.voters === "members" ? `"members", that is ${count} voters` : `${count} voters`;
  return [
    {
      path,
      problem: `got ${given}${count === 0 ? "" : ` (${listed([...new Set(voters)], "and")})`}; expected 1, 3 or 5 (${advice})`,
    },
  ];
}

function poolerCount(draft: Draft): Mistake[] {
  const given = draft.declared.poolers?.machines;
  if (given === undefined || given === "members" || given.length > 0 || named(draft, "poolers.machines") === undefined)
    return [];
  return [
    {
      path: "poolers.machines",
      problem: `got an empty list; expected at least one machine (clients reach PostgreSQL through the poolers alone: name machines, or write "members")`,
    },
  ];
}

function idleMachines(draft: Draft): Mistake[] {
  const voters = named(draft, "etcd.voters");
  const poolers = named(draft, "poolers.machines");
  if (voters === undefined || poolers === undefined) return [];
  return machinesOf(draft)
    .filter(([key, { member }]) => member === false && !voters.includes(key) && !poolers.includes(key))
    .map(([key]) => ({
      path: pathOf("machines", key),
      problem: `nothing runs on it; expected a member, an etcd voter or a pooler (name it in etcd.voters or poolers.machines, or remove it)`,
    }));
}
