/** What clients can count on while a step runs. */
import type { LivingCluster } from "./cluster-state";
import { mayLose, type Quorum, quorumOf, reduced, without } from "./etcd-gate";
import { asked, reachable } from "./goal";
import { standIns } from "./order";
import { availableStandbys, neededStandbys } from "./standbys";
import type { Standing, StepAction, WriteEffect } from "./step";

/**
 * How long writes wait, in seconds. Switchover with the poolers paused: 1.7 to 1.9 measured on three lab machines. The
 * others are estimates for a small cluster: a restart writes out what is dirty first and so takes longer on a large one.
 */
const SECONDS = { switchover: 2, restart: 3, upgrade: 10, powerCycle: 20 } as const;

/** A machine that is touched, and what of it is down meanwhile. */
interface Touched {
  readonly key: string;
  readonly postgresql: boolean;
  /** Patroni alone: PostgreSQL runs on, serves no reads meanwhile, and cannot take over. */
  readonly patroni: boolean;
  readonly etcd: boolean;
  readonly pooler: boolean;
  /** How long its PostgreSQL or Patroni is away, in seconds. */
  readonly seconds: number;
}

export function standingDuring(state: LivingCluster, step: StepAction): Standing {
  const touched = touchedBy(state, step);
  const away = touched?.postgresql ? touched.key : undefined;
  const unmanaged = touched?.patroni ? touched.key : away;
  const next = step.kind === "switchover" ? step.to : undefined;
  const gone = (key: string) => key === unmanaged || key === next;
  const routed = reachable(state).filter(([, member]) => member.inReadRoute);
  const needed = neededStandbys(state.configuration.durability);
  const there = availableStandbys(state, next ?? (away === state.leader ? undefined : away));
  const etcdMayLose = mayLose(quorumDuring(state, step, touched));
  return {
    writes: writesDuring(state, step, touched, there === 0 && needed > 0, etcdMayLose < 0),
    readReplicas: { during: routed.filter(([key]) => !gone(key)).length, of: routed.length },
    etcdMayLose: Math.max(etcdMayLose, -1),
    standIns: standIns(state, unmanaged).filter((key) => key !== next).length,
    acknowledging: { during: Math.min(there, needed), needed },
    notes: notesOn(state, step, touched, there < needed, etcdMayLose < 0),
  };
}

function quorumDuring(state: LivingCluster, step: StepAction, touched: Touched | undefined): Quorum {
  const quorum = quorumOf(state);
  if (step.kind === "remove-voter") return reduced(quorum, step.machine);
  return touched?.etcd ? without(quorum, touched.key) : quorum;
}

/** Standing when nothing is known or nothing is there yet. */
export const STARTING: Standing = {
  writes: { kind: "flow" },
  readReplicas: { during: 0, of: 0 },
  etcdMayLose: 0,
  standIns: 0,
  acknowledging: { during: 0, needed: 0 },
  notes: [],
};

function touchedBy(state: LivingCluster, step: StepAction): Touched | undefined {
  const touch = (key: string, what: Partial<Touched>): Touched => ({
    key,
    postgresql: false,
    patroni: false,
    etcd: false,
    pooler: false,
    seconds: 0,
    ...what,
  });
  switch (step.kind) {
    case "restart-member":
      return touch(step.member, { postgresql: true, seconds: SECONDS.restart });
    case "switchover":
      return touch(step.from, { postgresql: true, seconds: SECONDS.switchover });
    case "power-cycle":
      return touch(step.machine, {
        postgresql: asked(state, step.machine) !== undefined,
        etcd: true,
        pooler: hasPooler(state, step.machine),
        seconds: SECONDS.powerCycle,
      });
    case "upgrade-software": {
      const has = (...names: string[]) => step.software.some(({ software }) => names.includes(software));
      return touch(step.machine, {
        postgresql: has("postgresql"),
        patroni: has("patroni"),
        etcd: has("etcd"),
        // A reload of HAProxy cuts no session.
        pooler: has("pgbouncer"),
        seconds: SECONDS.upgrade,
      });
    }
    case "leave-read-route":
    case "leave-patroni":
    case "drop-slot":
      return touch(step.member, { postgresql: true });
    case "replace-machine":
      return touch(step.machine, { pooler: hasPooler(state, step.machine) });
    case "pooler-change":
      return step.change === "drained" ? touch(step.machines[0] as string, { pooler: true }) : undefined;
    default:
      return undefined;
  }
}

function hasPooler(state: LivingCluster, key: string): boolean {
  const pooler = state.machines[key]?.pooler;
  return pooler !== undefined && pooler !== "none";
}

function writesDuring(
  state: LivingCluster,
  step: StepAction,
  touched: Touched | undefined,
  noStandby: boolean,
  etcdStops: boolean,
): WriteEffect {
  if (touched === undefined || touched.seconds === 0) return { kind: "flow" };
  const onLeader = (touched.postgresql || touched.patroni) && touched.key === state.leader;
  // Strict: no commit is acknowledged until a standby is back. Without etcd the leader steps down until it is back.
  const waits = (touched.postgresql && noStandby && state.configuration.durability.strict) || etcdStops;
  return onLeader || waits || step.kind === "switchover"
    ? { kind: "pause", seconds: touched.seconds }
    : { kind: "flow" };
}

function notesOn(
  state: LivingCluster,
  step: StepAction,
  touched: Touched | undefined,
  tooFewStandbys: boolean,
  etcdStops: boolean,
): string[] {
  const notes: string[] = [];
  if (touched?.pooler) notes.push(`clients of the pooler on ${touched.key} connect again`);
  if (etcdStops && touched?.etcd) notes.push("etcd has one voter only: it cannot decide until the machine is back");
  if (touched?.postgresql && tooFewStandbys && step.kind !== "switchover") {
    const { strict } = state.configuration.durability;
    const none = availableStandbys(state, touched.key === state.leader ? undefined : touched.key) === 0;
    if (!none) notes.push("commits are acknowledged by fewer standbys than declared");
    else notes.push(strict ? "writes wait for a standby" : "commits are acknowledged by the leader alone");
  }
  if (step.kind === "seed-member") notes.push(`${step.from} sends a copy of all data`);
  return notes;
}
