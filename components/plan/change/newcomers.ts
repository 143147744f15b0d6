/** Machines and members as they are made: as declared. */
import type { ClusterState, LivingCluster, MachineState, ReachableMember } from "./cluster-state";
import { declaredTimings, startDefaults } from "./derivation";
import { bytesOf } from "./fields";
import { asked, type Goal } from "./goal";
import { STANDBY_BOUND } from "./parameter-value";
import { settled } from "./predict";
import { withMember } from "./state-edit";

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

/** Values in force after PostgreSQL has started: those configured, but on a standby no bound one below its leader's. */
export function inForceAfterStart(goal: Goal, state: LivingCluster, key: string): Readonly<Record<string, string>> {
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

export function newReplica(goal: Goal, state: LivingCluster, key: string): ReachableMember {
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
export function declaredTags(goal: Goal, key: string): Pick<ReachableMember, "nofailover" | "mayAcknowledge"> {
  const member = goal.after.machines[key]?.member;
  if (member === undefined || member === false) return { nofailover: true, mayAcknowledge: false };
  return {
    nofailover: !member.mayLead || member.delay !== undefined,
    mayAcknowledge: member.mayLead && member.delay === undefined && member.replicatesFrom === undefined,
  };
}

export function takesReads(goal: Goal, key: string): boolean {
  const member = goal.after.machines[key]?.member;
  return member !== undefined && member !== false && member.takesReads && member.delay === undefined;
}

export function madeAsDeclared(goal: Goal, key: string): MachineState {
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

export function withNewMachine(goal: Goal, state: LivingCluster, key: string): LivingCluster {
  if (state.machines[key] !== undefined) return state;
  return { ...state, machines: { ...state.machines, [key]: madeAsDeclared(goal, key) } };
}
