/** What stands against a declaration, whatever the cluster looks like. */
import type { ClusterSpec, MachineSpec } from "../../spec";
import { acknowledges } from "../../spec/resolve";
import type { Change } from "./change";
import { confirmed } from "./confirmation";
import { declaredParameters, memberKeys } from "./derivation";
import { bytesOf, shownBytes } from "./fields";
import { electable } from "./parameter-rules";
import type { Refusal } from "./refusal";
import { neededStandbys } from "./standbys";

/** In the declaration alone, whatever the cluster looks like. */
export function declarationRefusals(after: ClusterSpec, changes: readonly Change[]): Refusal[] {
  return [
    ...refusedFields(changes),
    ...evenVoters(after),
    ...tooFewMembers(after),
    ...tooLittleMemory(after),
    ...protectedData(after, changes),
    ...weakerDurability(after, changes),
  ];
}

function refusedFields(changes: readonly Change[]): Refusal[] {
  return changes
    .filter(({ impact }) => impact === "refused")
    .map(({ path, from, to, reason }) => ({
      code: /\.disks\.(data|wal)\.size$/.test(path) ? ("smaller-disk" as const) : ("field-refused" as const),
      subject: path,
      reason: `${from ?? "not set"} to ${to ?? "not set"}: ${reason}`,
      advice: `put ${path} back, or do what is said here`,
    }));
}

/** A cluster without anybody to lead it. */
export function lastMember(after: ClusterSpec): Refusal[] {
  if (memberKeys(after).length === 0)
    return [
      {
        code: "last-member",
        subject: "machines",
        reason: "no machine of the declaration has a member: the cluster's data would be gone",
        advice: "to give the cluster up, destroy its stack",
      },
    ];
  if (electable(after).length > 0) return [];
  return [
    {
      code: "last-electable",
      subject: "machines",
      reason: "no member of the declaration may lead",
      advice: "let at least one member lead: `member: { mayLead: true }`, without a delay",
    },
  ];
}

function evenVoters(after: ClusterSpec): Refusal[] {
  const count = after.etcd.voters.length;
  if (count % 2 === 1) return [];
  return [
    {
      code: "even-voters",
      subject: "etcd.voters",
      reason: `${count} voters (${after.etcd.voters.join(", ")}) can lose no more than ${Math.max(count - 1, 0)} can`,
      advice: `declare ${count - 1 > 0 ? `${count - 1} or ` : ""}${count + 1} of them`,
    },
  ];
}

function tooFewMembers(after: ClusterSpec): Refusal[] {
  const needed = neededStandbys(after.durability);
  const able = memberKeys(after).filter((key) => acknowledges((after.machines[key] as MachineSpec).member as never));
  // One of them leads, and acknowledges nothing but its own commits.
  const there = Math.max(able.length - 1, 0);
  if (there >= needed) return [];
  return [
    {
      code: "durability-standbys",
      subject: "durability",
      reason: `commits are to be acknowledged by ${needed} standby${needed === 1 ? "" : "s"}, and ${there} of the declared members can`,
      advice: "declare more members that may lead and stream from the leader, or fewer standbys",
    },
  ];
}

/** Of the memory, for shared_buffers: beyond it, sessions, maintenance and the system's own cache starve. */
export const MOST_SHARED_BUFFERS = 0.75;

function tooLittleMemory(after: ClusterSpec): Refusal[] {
  return [...declaredParameters(after)].flatMap(([key, { shared_buffers: buffers }]) => {
    const memory = (after.machines[key] as MachineSpec).size.memory;
    if (typeof buffers !== "string" || !/(MB|GB|TB)$/.test(buffers)) return [];
    if (bytesOf(buffers) <= bytesOf(memory) * MOST_SHARED_BUFFERS) return [];
    return [
      {
        code: "memory" as const,
        subject: `machines.${key}.size.memory`,
        reason: `shared_buffers is ${buffers} and the machine has ${memory}: PostgreSQL would not start, or starve everything else`,
        advice: `declare at least ${shownBytes(Math.ceil(bytesOf(buffers) / MOST_SHARED_BUFFERS))}, or lower postgresql.parameters.shared_buffers`,
      },
    ];
  });
}

function protectedData(after: ClusterSpec, changes: readonly Change[]): Refusal[] {
  if (!after.protection) return [];
  return changes.flatMap((change): Refusal[] => {
    if (change.impact === "member-removed")
      return [
        {
          code: "protected-data",
          subject: change.path,
          reason: "its volume would be deleted, and the cluster is protected",
          advice: "declare `protection: false` for the update that removes it",
        },
      ];
    if (change.impact !== "machine-replaced" || confirmed(after, "replace-machines")) return [];
    return [
      {
        code: "replacement-unconfirmed",
        subject: change.path,
        reason: `${(change.machines ?? []).join(", ")} would be made anew, data included, and the cluster is protected`,
        advice: 'declare `confirm: "replace-machines"` for the update that does it',
      },
    ];
  });
}

function weakerDurability(after: ClusterSpec, changes: readonly Change[]): Refusal[] {
  const weaker = changes.filter(({ weakensDurability }) => weakensDurability);
  if (weaker.length === 0 || confirmed(after, "weaker-durability")) return [];
  return weaker.map(({ path, from, to, reason }) => ({
    code: "weaker-durability",
    subject: path,
    reason: `${from} to ${to} weakens durability. ${reason}`,
    advice: 'if that is meant, declare `confirm: "weaker-durability"` beside it',
  }));
}
