/** Where a rollout is to arrive, and how far a state is from it, parameter by parameter. */
import type { ClusterSpec } from "../../spec";
import type { LivingCluster, ReachableMember } from "./cluster-state";
import { declaredParameters, documentParameters, factsOf, memberKeys, ownParameters } from "./derivation";
import { type ParameterValue, STANDBY_BOUND, sameValue } from "./parameter-value";
import type { Turn } from "./turn";

export interface Goal {
  readonly before: ClusterSpec | undefined;
  readonly after: ClusterSpec;
  /** Where the rollout stops; undefined: at its end. */
  readonly turn?: Turn | undefined;
  readonly members: readonly string[];
  readonly voters: readonly string[];
  readonly poolers: readonly string[];
  /** `postgresql.parameters` of Patroni's dynamic configuration, as declared. */
  readonly document: Readonly<Record<string, ParameterValue>>;
  /** Declared for the members: everything, and what stands in their own files. */
  readonly declared: ReadonlyMap<string, Readonly<Record<string, ParameterValue>>>;
  readonly own: ReadonlyMap<string, Readonly<Record<string, ParameterValue>>>;
  readonly ownBefore: ReadonlyMap<string, Readonly<Record<string, ParameterValue>>>;
}

export function goalOf(before: ClusterSpec | undefined, after: ClusterSpec): Goal {
  const members = memberKeys(after);
  const old = before === undefined ? [] : memberKeys(before);
  const own = (spec: ClusterSpec, keys: readonly string[]) =>
    new Map(keys.map((key) => [key, ownParameters(spec, key)]));
  return {
    before,
    after,
    members,
    voters: [...after.etcd.voters].sort(),
    poolers: [...after.poolers.machines].sort(),
    document: documentParameters(after),
    declared: declaredParameters(after),
    own: own(after, members),
    ownBefore: own(before ?? after, old),
  };
}

/** Members that are there and reachable, by key, sorted. */
export function reachable(state: LivingCluster): [string, ReachableMember][] {
  return Object.entries(state.members)
    .filter((entry): entry is [string, ReachableMember] => entry[1].reachable)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The member's state, if it can be asked. */
export function asked(state: LivingCluster, key: string | undefined): ReachableMember | undefined {
  const member = key === undefined ? undefined : state.members[key];
  return member?.reachable ? member : undefined;
}

/** The value that a member shall have in force; a parameter that nobody declares any more has PostgreSQL's default. */
export function targetValue(goal: Goal, key: string, name: string): ParameterValue | undefined {
  return (goal.declared.get(key) ?? goal.document)[name] ?? factsOf(goal.after, name)?.boot;
}

/**
 * Parameters for which the member has to restart, sorted: those read at start only whose value in force is not the
 * declared one. Where the configuration that the member has is as declared already, PostgreSQL's own word counts
 * ("pending restart"), so that a value which it shows in another way than it was written never causes a restart.
 */
export function awaitingRestart(goal: Goal, state: LivingCluster, key: string): string[] {
  const member = asked(state, key);
  if (member === undefined) return [];
  const own = goal.own.get(key) ?? {};
  const names = new Set([
    ...Object.keys(goal.declared.get(key) ?? goal.document),
    ...Object.keys(state.configuration.parameters),
    ...Object.keys(goal.ownBefore.get(key) ?? {}),
    ...member.pendingRestart,
  ]);
  return [...names]
    .filter((name) => {
      const facts = factsOf(goal.after, name);
      if (facts?.context !== "postmaster") return facts === undefined && member.pendingRestart.includes(name);
      const [running, target] = [member.parameters[name], targetValue(goal, key, name)];
      if (running === undefined || target === undefined) return member.pendingRestart.includes(name);
      if (sameValue(facts, running, target)) return false;
      return member.pendingRestart.includes(name) || !isConfigured(goal, state, key, name, own[name]);
    })
    .sort();
}

/** Whether the configuration that reaches the member holds the declared value already. */
function isConfigured(
  goal: Goal,
  state: LivingCluster,
  key: string,
  name: string,
  own: ParameterValue | undefined,
): boolean {
  const was = goal.ownBefore.get(key)?.[name];
  if (own !== undefined || was !== undefined) return goal.before === undefined || same(goal, name, own, was);
  return same(goal, name, state.configuration.parameters[name], goal.document[name]);
}

function same(goal: Goal, name: string, a: ParameterValue | undefined, b: ParameterValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return sameValue(factsOf(goal.after, name), a, b);
}

/** Below 0: the member runs with less than is declared; above 0: with more. 0 for what cannot be compared. */
function againstTarget(goal: Goal, member: ReachableMember, key: string, name: string): number {
  const [running, target] = [member.parameters[name], targetValue(goal, key, name)];
  if (running === undefined || target === undefined) return 0;
  return Number(running) - Number(target);
}

/** Parameters that the member must have as high as its leader, and in which it is lower than declared. */
export function boundToRise(goal: Goal, state: LivingCluster, key: string): string[] {
  const member = asked(state, key);
  if (member === undefined) return [];
  return STANDBY_BOUND.filter((name) => againstTarget(goal, member, key, name) < 0);
}

/** Parameters in which the leader itself has to come down before any replica can. */
export function boundToFall(goal: Goal, state: LivingCluster): string[] {
  const leader = asked(state, state.leader);
  if (leader === undefined) return [];
  return STANDBY_BOUND.filter((name) => againstTarget(goal, leader, state.leader as string, name) > 0);
}

/** Whether any replica still lacks a value that the leader is going to have. */
export function anyReplicaMustRise(goal: Goal, state: LivingCluster): boolean {
  return reachable(state).some(([key]) => key !== state.leader && boundToRise(goal, state, key).length > 0);
}

/** Parameters to hold in this pass at their present value, by name. */
export function heldParameters(goal: Goal, state: LivingCluster): Readonly<Record<string, ParameterValue>> {
  if (!anyReplicaMustRise(goal, state)) return {};
  const leader = asked(state, state.leader) as ReachableMember;
  return Object.fromEntries(
    boundToFall(goal, state).map((name) => [
      name,
      state.configuration.parameters[name] ?? (leader.parameters[name] as string),
    ]),
  );
}
