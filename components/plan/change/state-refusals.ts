/** What stands against a plan in the state of the cluster. */
import { type MachineSpec, recoveryTimings } from "../../spec";
import type { LivingCluster } from "./cluster-state";
import { MOST_SHARED_BUFFERS } from "./declaration-refusals";
import { isStopped } from "./deviations";
import { mayLose, quorumOf } from "./etcd-gate";
import { bytesOf, shownBytes } from "./fields";
import type { Goal } from "./goal";
import type { Refusal } from "./refusal";
import { versionsNotToBeHad } from "./software-gate";
import { workOn } from "./work";

/** In the state, before it is known what will be done. */
export function stateRefusals(goal: Goal, state: LivingCluster): Refusal[] {
  const refusals: Refusal[] = [];
  if (state.unfinished?.run === "working")
    refusals.push({
      code: "unfinished-step",
      subject: state.unfinished.owner,
      reason: `another run is at work: "${state.unfinished.step}"`,
      advice:
        "wait until it ends; if it is dead, its lease runs out within 15 s, and the next run carries on from there",
    });
  if (state.leader === undefined) refusals.push(noLeader(goal, state));
  const quorum = quorumOf(state);
  if (quorum.voters.length > 0 && mayLose(quorum) < 0)
    refusals.push({
      code: "etcd-majority",
      subject: "etcd",
      reason: `etcd has no majority: ${quorum.healthy.length} of ${quorum.voters.length} voters are healthy`,
      advice: "bring voters back first (docs/runbooks/quorum-lost.md); nothing can be changed without it",
    });
  return [
    ...refusals,
    ...strangers(goal, state),
    ...onlyVoterMadeAnew(goal, state),
    ...tooSteep(goal, state),
    ...smallerThanDeclared(goal, state),
    ...tooFullForSmaller(goal, state),
    ...versionsNotToBeHad(goal, state),
  ];
}

function noLeader(goal: Goal, state: LivingCluster): Refusal {
  const stopped = goal.members.filter((key) => isStopped(state, key, "patroni"));
  return {
    code: "no-leader",
    subject: "cluster",
    reason: `no member leads at the moment${stopped.length === 0 ? "" : `, and Patroni is stopped on ${stopped.join(", ")}`}`,
    advice:
      stopped.length === 0
        ? "wait for the failover, or look why there is none: `npm run cluster -- status`"
        : `wait for the failover; where there is none, start Patroni there (\`systemctl start patroni\`), and run again`,
  };
}

/** Patroni counts on every member that is there: it may take over, and acknowledge commits, and can be told nothing from here. */
function strangers(goal: Goal, state: LivingCluster): Refusal[] {
  return Object.entries(state.members).flatMap(([key, member]): Refusal[] => {
    if (member.reachable || member.stranger !== true || goal.after.machines[key] !== undefined) return [];
    return [
      {
        code: "stranger",
        subject: key,
        reason: `${key} is a member of the cluster, and nobody declares it (${member.why}): it may take over, and commits may count on it alone`,
        advice: `stop Patroni on it (\`systemctl disable --now patroni\`), or declare its machine; if it is dead, it is forgotten within ${recoveryTimings(goal.after.recovery).ttl} s`,
      },
    ];
  });
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
