/** What changes of PostgreSQL parameters do, by the parameter's own context and by direction. */
import type { ClusterSpec, ParameterInfo } from "../../spec";
import type { Change, Impact } from "./change";
import { declaredParameters, factsOf, memberKeys } from "./derivation";
import { type ParameterValue, STANDBY_BOUND, sameValue } from "./parameter-value";

/** One parameter whose value in force changes, in the same way on all the members named. */
export interface ParameterChange {
  readonly name: string;
  /** undefined: nobody sets it; PostgreSQL's own default holds. */
  readonly from: ParameterValue | undefined;
  readonly to: ParameterValue | undefined;
  readonly members: readonly string[];
}

/** Every parameter that changes on a member that is there before and after, sorted by name. */
export function parameterChanges(before: ClusterSpec, after: ClusterSpec): ParameterChange[] {
  const groups = new Map<string, { name: string; from?: ParameterValue; to?: ParameterValue; members: string[] }>();
  const [were, are] = [declaredParameters(before), declaredParameters(after)];
  for (const [member, next] of are) {
    const old = were.get(member);
    if (old === undefined) continue;
    for (const name of new Set([...Object.keys(old), ...Object.keys(next)])) {
      const [from, to] = [old[name], next[name]];
      if (sameInForce(factsOf(after, name), from, to)) continue;
      const id = JSON.stringify([name, from, to]);
      const group = groups.get(id) ?? {
        name,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        members: [],
      };
      group.members.push(member);
      groups.set(id, group);
    }
  }
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { name, from, to, members }]) => ({ name, from, to, members }));
}

function sameInForce(
  facts: ParameterInfo | undefined,
  from: ParameterValue | undefined,
  to: ParameterValue | undefined,
): boolean {
  const [a, b] = [from ?? facts?.boot, to ?? facts?.boot];
  return a === undefined || b === undefined ? a === b : sameValue(facts, a, b);
}

/** The impact of one parameter's change, and the reason. */
export function judgeParameter(change: ParameterChange, after: ClusterSpec): Pick<Change, "impact" | "reason"> {
  const facts = factsOf(after, change.name);
  if (facts === undefined)
    return {
      impact: "reload",
      reason:
        "A parameter of an extension; where that wants a restart, PostgreSQL says so and the next update does it.",
    };
  switch (facts.context) {
    case "internal":
      return { impact: "refused", reason: "Fixed when the cluster was made; PostgreSQL does not let it be set." };
    case "postmaster":
      return restart(change, facts, after);
    case "sighup":
      return { impact: "reload", reason: "In force everywhere after a reload." };
    case "superuser-backend":
    case "backend":
      return {
        impact: "reload",
        reason: "In force for new connections; those that a pooler holds keep the old value until it renews them.",
      };
    case "superuser":
    case "user":
      return { impact: "reload", reason: "In force after a reload, except in sessions that set it themselves." };
  }
}

function restart(change: ParameterChange, facts: ParameterInfo, after: ClusterSpec): Pick<Change, "impact" | "reason"> {
  const movable = electable(after).length > 1;
  if (STANDBY_BOUND.includes(change.name)) {
    const [from, to] = [change.from ?? facts.boot, change.to ?? facts.boot];
    if (Number(to) < Number(from))
      return {
        impact: "restart-in-place",
        reason: "A standby may not have less than the leader: the leader restarts first, in place, then the replicas.",
      };
    if (movable)
      return {
        impact: "restart",
        reason: "A standby may not have less than the leader: replicas restart first, then one switchover.",
      };
  }
  if (change.members.every((key) => neverLeads(after, key)))
    return { impact: "restart-replicas", reason: "Only members that never lead restart, one at a time." };
  return movable
    ? { impact: "restart", reason: "Read at start only: replicas restart one at a time, then one switchover." }
    : { impact: "restart-in-place", reason: "Read at start only, and no other member may lead meanwhile." };
}

/** Members that may become leader. */
export function electable(spec: ClusterSpec): string[] {
  return memberKeys(spec).filter((key) => !neverLeads(spec, key));
}

function neverLeads(spec: ClusterSpec, key: string): boolean {
  const member = spec.machines[key]?.member;
  return member === undefined || member === false || !member.mayLead || member.delay !== undefined;
}

/** Impacts that a declared field takes over from what follows from it. */
export const QUIET: readonly Impact[] = ["none", "reload"];
