/** From an observation to what the rollout's decisions know of the cluster: pure. */
import type { ClusterState, LivingCluster, MachineState, MemberState, UnknownPart } from "../plan/change/cluster-state";
import { type ConductorState, type Owner, ownerState } from "./conductor";
import { changedFiles, isStoppedThere, stoppedUnits } from "./deviations";
import type { MachineObservation, MemberObservation, Observation } from "./observation";
import type { JsonObject } from "./patroni";

export interface StateOptions {
  /** Declared memory by machine key, in bytes: a kernel shows a little less than what was granted. */
  readonly declaredMemory?: Readonly<Record<string, number>>;
  /** Whether an owner of the conductor's lock still lives; default: looked up on this host. */
  readonly ownerState?: (owner: Owner) => "alive" | "dead" | "unknown";
}

/** A lag that nobody could tell: as far behind as can be, and reported as unknown. */
const UNKNOWN_LAG = Number.MAX_SAFE_INTEGER;

/** The observation in the words of the plan. */
export function clusterState(seen: Observation, options: StateOptions = {}): ClusterState {
  const reachable = seen.machines.filter((m) => m.reachable);
  const members = seen.machines.filter((m) => m.member !== null);
  const told = seen.problems.map((p) => `${p.where}: ${p.what}: ${p.why}`);
  if (reachable.length === 0) return { kind: "unreachable", reasons: told };
  if (seen.patroni === null) {
    const untouched = members.every((m) => m.reachable && m.initialised === false);
    return untouched ? { kind: "absent" } : { kind: "unreachable", reasons: told };
  }
  return living(seen, options);
}

function living(seen: Observation, options: StateOptions): LivingCluster {
  const unknown: UnknownPart[] = seen.problems
    .filter((problem) => !isStoppedThere(seen, problem))
    .map((p) => ({
      what: `${p.what} of ${p.where}`,
      why: p.why,
      ...(p.where === "cluster" ? {} : { machine: p.where }),
    }));
  const members: Record<string, MemberState> = {};
  for (const machine of seen.machines) {
    if (machine.member) members[machine.key] = memberState(seen, machine, machine.member, unknown);
  }
  for (const name of seen.strangers) {
    const listed = seen.patroni?.members.find((member) => member.name === name);
    const where = [listed?.state, listed?.host].filter(Boolean).join(", at ");
    members[name] = { reachable: false, why: `Patroni lists it${where && ` as ${where}`}`, stranger: true };
  }
  const leader = seen.machines.find((m) => m.key === seen.leader)?.member;
  const unfinished = unfinishedStep(seen.conductor, options.ownerState ?? ownerState);
  return {
    kind: "living",
    leader: seen.leader ?? undefined,
    members,
    machines: Object.fromEntries(seen.machines.map((m) => [m.key, machineState(m, options)])),
    configuration: configurationOf(seen.configuration ?? {}),
    slots: seen.machines
      .map((m) => m.key)
      .concat(seen.strangers)
      .filter((key) => leader?.slots.some((slot) => slot.type === "physical" && slot.name === slotName(key))),
    longTransactions: (leader?.longTransactions ?? []).map((t) => ({
      member: seen.leader ?? "",
      pid: t.pid,
      ageSeconds: t.ageSeconds,
      user: t.user,
      application: t.application,
    })),
    etcd: {
      members: (seen.etcd?.members ?? []).map(({ key, healthy, learner, hasData }) => ({
        key,
        healthy,
        learner,
        ...(!healthy && !learner && hasData === false ? { dataLost: true as const } : {}),
      })),
    },
    ...(unfinished ? { unfinished } : {}),
    unknown,
  };
}

/** Patroni's name for a member's slot on the leader: lower case, and "_" for what a slot's name cannot hold. */
export function slotName(key: string): string {
  return key.toLowerCase().replace(/[-.]/g, "_");
}

function memberState(
  seen: Observation,
  machine: MachineObservation,
  member: MemberObservation,
  unknown: UnknownPart[],
): MemberState {
  if (!machine.reachable) {
    const why = seen.problems.find((p) => p.where === machine.key)?.why ?? "its machine does not answer";
    return { reachable: false, why };
  }
  if (!member.answers && !member.patroniAnswers) {
    return { reachable: false, why: "neither Patroni nor PostgreSQL on it answers" };
  }
  const lag = (value: number | null, what: string): number => {
    if (value !== null) return value;
    const why = "its or the leader's position is not known";
    unknown.push({ what: `${what} of ${machine.key}`, why, machine: machine.key });
    return UNKNOWN_LAG;
  };
  const leader = seen.machines.find((m) => m.key === seen.leader);
  const direct = member.streamsFrom !== null && member.streamsFrom === leader?.address;
  const tagged = (name: string) => member.tags[name] === true || member.tags[name] === "true";
  return {
    reachable: true,
    role: member.role ?? "replica",
    state: member.state ?? "stopped",
    timeline: member.timeline ?? 0,
    receiveLagBytes: lag(member.receiveLagBytes, "lag of received WAL"),
    replayLagBytes: lag(member.replayLagBytes, "lag of replayed WAL"),
    sync: member.sync ?? "async",
    pendingRestart: member.pendingRestart,
    parameters: Object.fromEntries(member.settings.map((s) => [s.name, s.setting])),
    altered: member.altered,
    inReadRoute: seen.machines.some((m) => m.pooler?.routes?.replicas.includes(machine.key)),
    nofailover: tagged("nofailover") || member.tags.failover_priority === 0,
    mayAcknowledge: direct && !tagged("nosync"),
  };
}

function machineState(machine: MachineObservation, options: StateOptions): MachineState {
  const disk = (use: "data" | "wal") => {
    const found = machine.disks?.find((d) => d.use === use);
    return found && { sizeBytes: found.deviceBytes, freeBytes: found.freeBytes };
  };
  return {
    reachable: machine.reachable,
    vcpu: machine.hardware?.vcpu,
    memoryBytes: grantedMemory(machine.hardware?.memoryBytes, options.declaredMemory?.[machine.key]),
    disks: { data: disk("data"), wal: disk("wal") },
    image: machine.notes.image,
    zone: machine.notes.zone,
    versions: machine.packages ?? {},
    stale: machine.stale ?? [],
    pooler: poolerState(machine),
    files: changedFiles(machine),
    units: stoppedUnits(machine),
  };
}

/** What was granted: the declared figure where the machine sees a twentieth less than that, or nothing less. */
function grantedMemory(seen: number | undefined, declared: number | undefined): number | undefined {
  if (seen === undefined || declared === undefined) return seen;
  return Math.abs(seen - declared) <= declared / 20 ? declared : seen;
}

function poolerState(machine: MachineObservation): MachineState["pooler"] {
  if (!machine.roles.includes("pooler")) return "none";
  const processes = machine.pooler?.processes ?? [];
  if (processes.some((p) => p.state === "paused" || p.state === "suspended")) return "paused";
  return processes.length > 0 && processes.every((p) => p.state === "active") ? "running" : "stopped";
}

function configurationOf(document: JsonObject): LivingCluster["configuration"] {
  const postgresql = (document.postgresql ?? {}) as JsonObject;
  const parameters = (postgresql.parameters ?? {}) as Record<string, string | number | boolean>;
  const timings = Object.entries(document).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  const { synchronous_mode: mode, synchronous_mode_strict: strict, synchronous_node_count: count } = document;
  const on = (value: unknown) => value === true || value === "on" || value === "true";
  return {
    parameters,
    durability: {
      mode: mode === "quorum" ? "quorum" : on(mode) ? "sync" : "async",
      strict: on(strict),
      // Patroni's default.
      standbys: typeof count === "number" ? count : 1,
    },
    timings: Object.fromEntries(timings.filter(([name]) => name !== "synchronous_node_count")),
  };
}

function unfinishedStep(
  conductor: ConductorState | null,
  stateOf: (owner: Owner) => "alive" | "dead" | "unknown",
): LivingCluster["unfinished"] {
  const step = conductor?.step;
  if (!step) return undefined;
  const holds = conductor.owner !== null && JSON.stringify(conductor.owner) === JSON.stringify(step.owner);
  return {
    step: step.step,
    owner: `process ${step.owner.pid} on ${step.owner.host}`,
    run: holds && stateOf(step.owner) !== "dead" ? "working" : "gone",
  };
}
