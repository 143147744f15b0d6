/** What stands against a plan before its first step: in the declaration, and in the state of the cluster. */
import type { ClusterSpec, MachineSpec } from "../../spec";
import { acknowledges } from "../../spec/resolve";
import type { Change } from "./change";
import type { LivingCluster } from "./cluster-state";
import { confirmed } from "./confirmation";
import { declaredParameters, memberKeys } from "./derivation";
import { mayLose, quorumOf } from "./etcd-gate";
import { bytesOf, shownBytes } from "./fields";
import type { Goal } from "./goal";
import { electable } from "./parameter-rules";
import { neededStandbys } from "./predict";
import type { Refusal } from "./refusal";
import type { Step } from "./step";
import { workOn } from "./work";

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
const MOST_SHARED_BUFFERS = 0.75;

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

/** In the state, before it is known what will be done. */
export function stateRefusals(goal: Goal, state: LivingCluster): Refusal[] {
  const refusals: Refusal[] = [];
  if (state.unfinished?.run === "working")
    refusals.push({
      code: "unfinished-step",
      subject: state.unfinished.owner,
      reason: `another run is at work: "${state.unfinished.step}"`,
      advice:
        "wait until it ends; if it is dead, its lease runs out within a minute, and the next run carries on from there",
    });
  if (state.leader === undefined)
    refusals.push({
      code: "no-leader",
      subject: "cluster",
      reason: "no member leads at the moment",
      advice: "wait for the failover, or look why there is none: `npm run cluster -- status`",
    });
  const quorum = quorumOf(state);
  if (quorum.voters.length > 0 && mayLose(quorum) < 0)
    refusals.push({
      code: "etcd-majority",
      subject: "etcd",
      reason: `etcd has no majority: ${quorum.healthy.length} of ${quorum.voters.length} voters are healthy`,
      advice: "bring voters back first (runbook: restoring quorum); nothing can be changed without it",
    });
  return [
    ...refusals,
    ...onlyVoterMadeAnew(goal, state),
    ...tooSteep(goal, state),
    ...smallerThanDeclared(goal, state),
    ...tooFullForSmaller(goal, state),
  ];
}

/** With one voter declared, the others are gone by the time of its machine's turn, or may be. */
function onlyVoterMadeAnew(goal: Goal, state: LivingCluster): Refusal[] {
  const [key, ...others] = goal.voters as readonly [string, ...string[]];
  if (others.length > 0 || !quorumOf(state).voters.includes(key)) return [];
  const why = workOn(goal, state, key).replace;
  if (why.length === 0) return [];
  return [
    {
      code: "etcd-majority",
      subject: "etcd.voters",
      reason: `${key} is the only voter declared, and its machine would be made anew (${why.join(", ")})`,
      advice: "declare etcd.voters on other machines first, run that, and then change this one",
    },
  ];
}

/**
 * The configuration is written before the machines grow, and each member has it from its next start on: one that starts
 * before its machine has grown, the old leader as it hands over or any that crashes, must be able to.
 */
function tooSteep(goal: Goal, state: LivingCluster): Refusal[] {
  if (goal.after.platform.kind === "ssh") return [];
  return goal.members.flatMap((key) => {
    const { shared_buffers: buffers } = goal.declared.get(key) ?? {};
    const memory = state.members[key] === undefined ? undefined : state.machines[key]?.memoryBytes;
    if (memory === undefined || typeof buffers !== "string" || !/(MB|GB|TB)$/.test(buffers)) return [];
    const declared = bytesOf((goal.after.machines[key] as MachineSpec).size.memory);
    if (memory >= declared || bytesOf(buffers) <= memory * MOST_SHARED_BUFFERS) return [];
    return [
      {
        code: "memory" as const,
        subject: `machines.${key}.size.memory`,
        reason: `${key} has ${shownBytes(memory)} until its turn, and could not start with shared_buffers ${buffers} before`,
        advice: "grow memory in two updates, each at most threefold",
      },
    ];
  });
}

/** A machine of the user's own that is declared larger than it is: PostgreSQL would be tuned for memory that is not there. */
function smallerThanDeclared(goal: Goal, state: LivingCluster): Refusal[] {
  if (goal.after.platform.kind !== "ssh") return [];
  return Object.entries(goal.after.machines).flatMap(([key, declared]): Refusal[] => {
    const machine = state.machines[key];
    const short = (what: string, path: string, has: number | undefined, wants: string): Refusal[] =>
      has === undefined || has >= bytesOf(wants)
        ? []
        : [
            {
              code: "machine-smaller-than-declared",
              subject: `machines.${key}.${path}`,
              reason: `${key} has ${shownBytes(has)} of ${what}, and ${wants} is declared`,
              advice: "enlarge the machine first, or declare what it has",
            },
          ];
    return [
      ...short("memory", "size.memory", machine?.memoryBytes, declared.size.memory),
      ...short("data disk", "disks.data.size", machine?.disks.data?.sizeBytes, declared.disks.data.size),
      ...(declared.disks.wal === undefined
        ? []
        : short("WAL disk", "disks.wal.size", machine?.disks.wal?.sizeBytes, declared.disks.wal.size)),
    ];
  });
}

/** Part of a new, smaller disk that may be full right after seeding. */
const MOST_FULL = 0.8;

function tooFullForSmaller(goal: Goal, state: LivingCluster): Refusal[] {
  return Object.entries(goal.after.machines).flatMap(([key, declared]) => {
    const disk = state.machines[key]?.disks.data;
    if (disk === undefined || bytesOf(declared.disks.data.size) >= disk.sizeBytes) return [];
    const used = disk.sizeBytes - disk.freeBytes;
    if (used <= bytesOf(declared.disks.data.size) * MOST_FULL) return [];
    return [
      {
        code: "disk-too-full" as const,
        subject: `machines.${key}.disks.data.size`,
        reason: `${shownBytes(used)} are in use on it: more than ${MOST_FULL * 100} % of ${declared.disks.data.size}`,
        advice: `declare at least ${shownBytes(Math.ceil(used / MOST_FULL))}`,
      },
    ];
  });
}

/**
 * Members that stay and are not well, while something else would be disturbed; and machines that do not answer, while
 * something is to be done on them.
 */
export function unwellMachines(goal: Goal, state: LivingCluster, steps: readonly Step[]): Refusal[] {
  const remade = new Set(steps.flatMap((step) => (step.kind === "replace-machine" ? [step.machine] : [])));
  const disturbing = steps.some(isDisturbing);
  const refusals: Refusal[] = [];
  for (const key of Object.keys(goal.after.machines).sort()) {
    if (remade.has(key)) continue;
    const why = goal.members.includes(key) ? unwell(state, key) : undefined;
    if (why !== undefined && disturbing)
      refusals.push(down(key, `${key} ${why}: with another member disturbed as well, too little would be left`));
    else if (state.machines[key]?.reachable === false && steps.some((step) => machineOf(step) === key))
      refusals.push(down(key, `${key} does not answer, and something is to be done on it`));
  }
  return refusals;
}

function down(key: string, reason: string): Refusal {
  const advice = `bring ${key} back (runbook: machine lost), or take it out of the declaration`;
  return { code: "member-down", subject: key, reason, advice };
}

/** The machine on which a step works; undefined: on none, or on several. */
function machineOf(step: Step): string | undefined {
  if ("machine" in step) return step.machine;
  return "member" in step ? step.member : undefined;
}

/** Why the member is not well; undefined: it is. */
export function unwell(state: LivingCluster, key: string): string | undefined {
  const member = state.members[key];
  if (member === undefined) return undefined;
  if (!member.reachable) return `does not answer (${member.why})`;
  const leader = state.leader === undefined ? undefined : state.members[state.leader];
  if (key === state.leader) return member.state === "running" ? undefined : `leads and is ${member.state}`;
  if (member.state !== "streaming") return `is ${member.state === "running" ? "not streaming" : member.state}`;
  if (leader?.reachable && leader.timeline !== member.timeline)
    return `is on timeline ${member.timeline}, its leader on ${leader.timeline}`;
  return undefined;
}

/** The step takes something away for a while, or for good. */
export function isDisturbing(step: Step): boolean {
  switch (step.kind) {
    case "restart-member":
    case "switchover":
    case "power-cycle":
    case "upgrade-software":
    case "replace-machine":
    case "leave-read-route":
      return true;
    case "leave-patroni":
    case "remove-voter":
      return !step.dead;
    default:
      return false;
  }
}
