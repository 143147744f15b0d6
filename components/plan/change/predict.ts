/**
 * A small model of a cluster: the state in which a step that succeeds leaves it. The plan is found by asking again and
 * again what to do next in the state that the last step leaves, so a plan made from any state in between is the rest of
 * the same plan.
 */
import type {
  ClusterState,
  DurabilityState,
  EtcdMemberState,
  LivingCluster,
  MachineState,
  MemberState,
  ReachableMember,
  Software,
} from "./cluster-state";
import { declaredTimings, factsOf, startDefaults } from "./derivation";
import { bytesOf } from "./fields";
import { asked, type Goal, heldParameters, reachable } from "./goal";
import { STANDBY_BOUND, sameValue } from "./parameter-value";
import type { StepAction } from "./step";

/** The state after the step. */
export function predict(goal: Goal, state: LivingCluster, step: StepAction): LivingCluster {
  return settled(goal, apply(goal, state, step));
}

/** What a first deployment leaves, for tests and for planning on from it. */
export function deployed(goal: Goal): ClusterState {
  const [leader] = goal.members as [string];
  const empty: LivingCluster = {
    kind: "living",
    leader,
    members: {},
    machines: {},
    configuration: {
      parameters: { ...goal.document },
      durability: goal.after.durability,
      timings: declaredTimings(goal.after),
    },
    slots: [],
    longTransactions: [],
    etcd: { members: goal.voters.map((key) => ({ key, healthy: true, learner: false })) },
    unknown: [],
  };
  const machines = Object.fromEntries(Object.keys(goal.after.machines).map((key) => [key, madeAsDeclared(goal, key)]));
  const standing = { ...empty, machines };
  const members = Object.fromEntries(
    goal.members.map((key) => [key, { ...newReplica(goal, standing, key), inReadRoute: takesReads(goal, key) }]),
  );
  const lead = {
    ...(members[leader] as ReachableMember),
    role: "leader",
    state: "running",
    inReadRoute: false,
  } as const;
  return settled(goal, {
    ...standing,
    members: { ...members, [leader]: lead },
    slots: goal.members.filter((key) => key !== leader),
  });
}

function apply(goal: Goal, state: LivingCluster, step: StepAction): LivingCluster {
  switch (step.kind) {
    case "bootstrap":
    case "preflight":
    case "hba":
    case "reload":
    case "verify":
      return state;
    case "resume-poolers":
      return step.machines.reduce((now, key) => withMachine(now, key, { pooler: "running" }), state);
    case "pooler-change":
      return poolersChanged(goal, state, step);
    case "config-apply":
      return configured(goal, state);
    case "durability-change":
      return { ...state, configuration: { ...state.configuration, durability: step.to } };
    case "grow-disk":
      return diskGrown(state, step.machine, step.disk, bytesOf(step.to));
    case "add-voter":
      return withVoters(withNewMachine(goal, state, step.machine), [
        ...state.etcd.members,
        { key: step.machine, healthy: true, learner: true },
      ]);
    case "promote-voter":
      return withVoters(
        state,
        state.etcd.members.map((voter) => (voter.key === step.machine ? { ...voter, learner: false } : voter)),
      );
    case "remove-voter":
      return withVoters(
        state,
        state.etcd.members.filter(({ key }) => key !== step.machine),
      );
    case "seed-member": {
      const made = withNewMachine(goal, state, step.member);
      return {
        ...withMember(made, step.member, newReplica(goal, made, step.member)),
        slots: withKey(state.slots, step.member),
      };
    }
    case "admit-to-reads":
      return changed(state, step.member, { inReadRoute: true });
    case "restart-member":
      return started(goal, state, step.member);
    case "switchover":
      return switchedOver(goal, state, step.from, step.to);
    case "power-cycle":
      return started(goal, withSoftware(resized(goal, state, step.machine), step.machine, step.software), step.machine);
    case "upgrade-software": {
      const upgraded = withSoftware(state, step.machine, step.software);
      const restarts = step.software.some(({ software }) => software === "postgresql" || software === "patroni");
      return restarts ? started(goal, upgraded, step.machine) : upgraded;
    }
    case "leave-read-route":
      return changed(state, step.member, { inReadRoute: false });
    case "leave-patroni": {
      const { [step.member]: _, ...members } = state.members;
      return { ...state, members };
    }
    case "drop-slot":
      return { ...state, slots: state.slots.filter((key) => key !== step.member) };
    case "replace-machine":
      return { ...state, machines: { ...state.machines, [step.machine]: madeAsDeclared(goal, step.machine) } };
    case "delete-machine": {
      const { [step.machine]: _, ...machines } = state.machines;
      return { ...state, machines };
    }
  }
}

/** Patroni's and PostgreSQL's own conclusions from a state: who acknowledges commits, and what waits for a restart. */
export function settled(goal: Goal, state: LivingCluster): LivingCluster {
  const sync = acknowledging(state);
  const members: Record<string, MemberState> = { ...state.members };
  for (const [key, member] of reachable(state))
    members[key] = {
      ...member,
      sync: sync.includes(key) ? (state.configuration.durability.mode as "sync" | "quorum") : "async",
      pendingRestart: pending(goal, state, key, member),
    };
  return { ...state, members };
}

/** Standbys that acknowledge commits: all that stream in `quorum`, the named ones in `sync`, where the present ones stay. */
export function acknowledging(state: LivingCluster): string[] {
  const { mode, standbys } = state.configuration.durability;
  const streaming = reachable(state).filter(([key, member]) => key !== state.leader && canAcknowledge(member));
  switch (mode) {
    case "async":
      return [];
    case "quorum":
      return streaming.map(([key]) => key);
    case "sync":
      return streaming
        .sort(([, a], [, b]) => Number(b.sync === "sync") - Number(a.sync === "sync"))
        .slice(0, standbys)
        .map(([key]) => key);
  }
}

function canAcknowledge(member: ReachableMember): boolean {
  return member.state === "streaming" && member.mayAcknowledge;
}

/** How many standbys durability asks for. */
export function neededStandbys({ mode, standbys }: DurabilityState): number {
  return mode === "async" ? 0 : standbys;
}

/** How many standbys could acknowledge a commit, without the member named. */
export function availableStandbys(state: LivingCluster, without?: string): number {
  return reachable(state).filter(([key, member]) => key !== state.leader && key !== without && canAcknowledge(member))
    .length;
}

/** Parameters that leave the document wait for a restart as well, where PostgreSQL's default is another value. */
function configured(goal: Goal, state: LivingCluster): LivingCluster {
  const parameters = { ...goal.document, ...heldParameters(goal, state) };
  const removed = Object.keys(state.configuration.parameters).filter((name) => !(name in parameters));
  const members = Object.entries(state.members).map(([key, member]): [string, MemberState] => [
    key,
    member.reachable ? { ...member, pendingRestart: [...member.pendingRestart, ...removed] } : member,
  ]);
  return {
    ...state,
    members: Object.fromEntries(members),
    configuration: { ...state.configuration, parameters, timings: declaredTimings(goal.after) },
  };
}

/**
 * Only what is configured here, or was, can wait: Patroni and PostgreSQL itself set others at start (cluster_name, sizes
 * of buffers that they work out), and these differ from the defaults for ever.
 */
function pending(goal: Goal, state: LivingCluster, key: string, member: ReachableMember): string[] {
  const [cluster, own] = [state.configuration.parameters, goal.own.get(key) ?? {}];
  const defaults = startDefaults(goal.after);
  const atStart = (name: string) => name in defaults || member.pendingRestart.includes(name);
  const names = new Set([
    ...[...Object.keys(cluster), ...Object.keys(own), ...Object.keys(goal.ownBefore.get(key) ?? {})].filter(atStart),
    ...member.pendingRestart,
  ]);
  return [...names]
    .filter((name) => {
      const running = member.parameters[name];
      const value = own[name] ?? cluster[name] ?? defaults[name];
      // Of a parameter that is not known well enough only PostgreSQL's own word counts.
      if (running === undefined || value === undefined) return member.pendingRestart.includes(name);
      return !sameValue(factsOf(goal.after, name), running, value);
    })
    .sort();
}

/** Values in force after PostgreSQL has started: those configured, but on a standby no bound one below its leader's. */
function inForceAfterStart(goal: Goal, state: LivingCluster, key: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = { ...startDefaults(goal.after) };
  const configured = { ...state.configuration.parameters, ...goal.own.get(key) };
  for (const [name, value] of Object.entries(configured)) values[name] = String(value);
  const leader = asked(state, state.leader);
  if (leader === undefined || key === state.leader) return values;
  for (const name of STANDBY_BOUND) {
    const [own, its] = [values[name], leader.parameters[name]];
    if (own === undefined || its === undefined) continue;
    if (Number(own) < Number(its)) values[name] = its;
  }
  return values;
}

/** The old leader has stopped and started again as a replica. */
function switchedOver(goal: Goal, state: LivingCluster, from: string, to: string): LivingCluster {
  const timeline = (asked(state, from)?.timeline ?? 0) + 1;
  const next: LivingCluster = {
    ...state,
    leader: to,
    slots: withKey(
      state.slots.filter((key) => key !== to),
      from,
    ),
    members: Object.fromEntries(
      Object.entries(state.members).map(([key, member]) => [key, member.reachable ? { ...member, timeline } : member]),
    ),
  };
  const promoted = changed(next, to, { role: "leader", state: "running", inReadRoute: false, sync: "async" });
  return changed(promoted, from, {
    role: "replica",
    state: "streaming",
    inReadRoute: goal.members.includes(from) && takesReads(goal, from),
    parameters: inForceAfterStart(goal, promoted, from),
    pendingRestart: [],
  });
}

/** Everything on the machine has started again. */
function started(goal: Goal, state: LivingCluster, key: string): LivingCluster {
  const member = asked(state, key);
  return member === undefined
    ? state
    : changed(state, key, { parameters: inForceAfterStart(goal, state, key), pendingRestart: [] });
}

function newReplica(goal: Goal, state: LivingCluster, key: string): ReachableMember {
  const replica: ReachableMember = {
    reachable: true,
    role: "replica",
    state: "streaming",
    timeline: asked(state, state.leader)?.timeline ?? 1,
    receiveLagBytes: 0,
    replayLagBytes: 0,
    sync: "async",
    pendingRestart: [],
    parameters: {},
    inReadRoute: false,
    ...declaredTags(goal, key),
  };
  const joined = withMember(state, key, replica);
  return { ...replica, parameters: inForceAfterStart(goal, joined, key) };
}

/** Tags in the member's own file, as declared. They are those of the members before anything else is done: converge reloads them. */
function declaredTags(goal: Goal, key: string): Pick<ReachableMember, "nofailover" | "mayAcknowledge"> {
  const member = goal.after.machines[key]?.member;
  if (member === undefined || member === false) return { nofailover: true, mayAcknowledge: false };
  return {
    nofailover: !member.mayLead || member.delay !== undefined,
    mayAcknowledge: member.mayLead && member.delay === undefined && member.replicatesFrom === undefined,
  };
}

/** The state once the services of all machines have converged: members' own files are as declared, and read. */
export function converged(goal: Goal, state: LivingCluster): LivingCluster {
  const members: Record<string, MemberState> = { ...state.members };
  for (const [key, member] of reachable(state)) {
    if (!goal.members.includes(key)) continue;
    const reads = takesReads(goal, key) && member.inReadRoute;
    members[key] = { ...member, ...declaredTags(goal, key), inReadRoute: reads };
  }
  return { ...state, members };
}

export function takesReads(goal: Goal, key: string): boolean {
  const member = goal.after.machines[key]?.member;
  return member !== undefined && member !== false && member.takesReads && member.delay === undefined;
}

function madeAsDeclared(goal: Goal, key: string): MachineState {
  const declared = goal.after.machines[key];
  if (declared === undefined) throw new Error(`machines.${key} is not declared`);
  const disk = (size: string) => ({ sizeBytes: bytesOf(size), freeBytes: bytesOf(size) });
  return {
    reachable: true,
    vcpu: declared.size.vcpu,
    memoryBytes: bytesOf(declared.size.memory),
    disks: {
      data: disk(declared.disks.data.size),
      ...(declared.disks.wal === undefined ? {} : { wal: disk(declared.disks.wal.size) }),
    },
    image: goal.after.platform.kind === "lab" ? goal.after.platform.image : undefined,
    zone: declared.zone,
    versions: { ...goal.after.software } as MachineState["versions"],
    pooler: goal.poolers.includes(key) ? "running" : "none",
  };
}

function resized(goal: Goal, state: LivingCluster, key: string): LivingCluster {
  const declared = goal.after.machines[key];
  if (declared === undefined) return state;
  return withMachine(state, key, { vcpu: declared.size.vcpu, memoryBytes: bytesOf(declared.size.memory) });
}

function poolersChanged(
  goal: Goal,
  state: LivingCluster,
  step: Extract<StepAction, { kind: "pooler-change" }>,
): LivingCluster {
  if (step.change === "reload") return state;
  const pooler = step.change === "added" ? "running" : "none";
  return step.machines.reduce((now, key) => withMachine(withNewMachine(goal, now, key), key, { pooler }), state);
}

function diskGrown(state: LivingCluster, key: string, disk: "data" | "wal", sizeBytes: number): LivingCluster {
  const machine = state.machines[key];
  const present = machine?.disks[disk];
  if (machine === undefined || present === undefined) return state;
  const freeBytes = present.freeBytes + sizeBytes - present.sizeBytes;
  return withMachine(state, key, { disks: { ...machine.disks, [disk]: { sizeBytes, freeBytes } } });
}

function withSoftware(
  state: LivingCluster,
  key: string,
  software: readonly { readonly software: Software; readonly to: string }[],
): LivingCluster {
  const versions = { ...state.machines[key]?.versions };
  for (const change of software) versions[change.software] = change.to;
  return withMachine(state, key, { versions });
}

function withKey(keys: readonly string[], key: string): readonly string[] {
  return keys.includes(key) ? keys : [...keys, key];
}

function withNewMachine(goal: Goal, state: LivingCluster, key: string): LivingCluster {
  if (state.machines[key] !== undefined) return state;
  return { ...state, machines: { ...state.machines, [key]: madeAsDeclared(goal, key) } };
}

function withMachine(state: LivingCluster, key: string, change: Partial<MachineState>): LivingCluster {
  const machine = state.machines[key];
  if (machine === undefined) return state;
  return { ...state, machines: { ...state.machines, [key]: { ...machine, ...change } } };
}

function withVoters(state: LivingCluster, members: readonly EtcdMemberState[]): LivingCluster {
  return { ...state, etcd: { members } };
}

function withMember(state: LivingCluster, key: string, member: MemberState): LivingCluster {
  return { ...state, members: { ...state.members, [key]: member } };
}

function changed(state: LivingCluster, key: string, change: Partial<ReachableMember>): LivingCluster {
  const member = asked(state, key);
  return member === undefined ? state : withMember(state, key, { ...member, ...change });
}
