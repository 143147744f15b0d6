/** What leaves, for good or to be made anew. */
import type { LivingCluster } from "./cluster-state";
import type { Decision } from "./decision";
import { tooFewStandbys, weakenFor } from "./durability";
import { refuseRemoval } from "./etcd-gate";
import type { Goal } from "./goal";
import { byTurn } from "./order";
import type { Refusal } from "./refusal";
import { acknowledging, availableStandbys, neededStandbys } from "./standbys";
import { workOn } from "./work";

/** Members and voters that do not answer and are to go: nothing has to be asked of them. */
export function deadThatGo(goal: Goal, state: LivingCluster): Decision | undefined {
  const dead = new Set([
    ...Object.keys(state.members).filter((key) => state.members[key]?.reachable === false),
    ...state.etcd.members.filter(({ healthy }) => !healthy).map(({ key }) => key),
  ]);
  for (const key of [...dead].sort()) {
    const remade = workOn(goal, state, key).replace.length > 0 && state.machines[key]?.reachable !== true;
    const leaves = !goal.members.includes(key);
    if (!remade && state.members[key]?.reachable === true) continue;
    if (!remade && !leaves) continue;
    const step = goodbye(goal, state, key, remade);
    if (step !== undefined) return step;
  }
  return undefined;
}

/** A voter whose machine was lost and made anew gives its place up, to join like any new one. */
export function votersWithoutData(_goal: Goal, state: LivingCluster): Decision | undefined {
  const lost = state.etcd.members.find(({ dataLost }) => dataLost);
  return lost === undefined ? undefined : removeVoter(state, lost.key);
}

/** A machine that has left everything to be made anew, or is on its way out. */
export function begunReplacement(goal: Goal, state: LivingCluster): Decision | undefined {
  for (const key of Object.keys(goal.after.machines).sort()) {
    if (workOn(goal, state, key).replace.length === 0) continue;
    if (state.members[key] !== undefined) continue;
    if (goal.members.includes(key) || (goal.voters.includes(key) && !isInEtcd(state, key)))
      return goodbye(goal, state, key, true);
  }
  return undefined;
}

/** Everything that is there and no longer declared; one machine is done with before the next begins. */
export function whatLeaves(goal: Goal, state: LivingCluster): Decision | undefined {
  const keys = new Set([
    ...Object.keys(state.members).filter((key) => !goal.members.includes(key)),
    ...state.slots.filter((key) => !goal.members.includes(key)),
    ...state.etcd.members.map(({ key }) => key).filter((key) => !goal.voters.includes(key)),
    ...Object.keys(state.machines).filter((key) => goal.after.machines[key] === undefined),
    ...Object.keys(state.machines).filter((key) => hasPooler(state, key) && !goal.poolers.includes(key)),
  ]);
  for (const key of byTurn(state, [...keys])) {
    const step = goodbye(goal, state, key, false);
    if (step !== undefined) return step;
  }
  return undefined;
}

/**
 * The next step of a machine's way out: read route, Patroni, its slot, etcd, pooler, and then the machine.
 * @param remade It comes back: everything on it goes now, whatever is declared.
 */
export function goodbye(goal: Goal, state: LivingCluster, key: string, remade: boolean): Decision | undefined {
  const member = state.members[key];
  const isListed = member !== undefined && (member.reachable || member.unlisted !== true);
  if (isListed && (remade || !goal.members.includes(key))) {
    if (member.reachable && member.inReadRoute) return { do: { kind: "leave-read-route", member: key } };
    const weakened = weakenFor(goal, state, availableStandbys(state, key));
    if (weakened !== undefined) return weakened;
    const refusal = refuseLeaving(goal, state, key, remade);
    if (refusal !== undefined) return { refuse: refusal };
    return { do: { kind: "leave-patroni", member: key, dead: !member.reachable } };
  }
  if (state.slots.includes(key) && (remade || !goal.members.includes(key)))
    return { do: { kind: "drop-slot", member: key } };
  if (isInEtcd(state, key) && (remade || !goal.voters.includes(key))) return removeVoter(state, key);
  if (remade) return { do: { kind: "replace-machine", machine: key, why: workOn(goal, state, key).replace } };
  if (hasPooler(state, key) && !goal.poolers.includes(key) && state.machines[key]?.reachable === true)
    return { do: { kind: "pooler-change", machines: [key], change: "drained", what: [] } };
  if (state.machines[key] !== undefined && goal.after.machines[key] === undefined)
    return { do: { kind: "delete-machine", machine: key } };
  return undefined;
}

/** A voter that is to give up its vote and may at any time: one whose member leaves does so after its member. */
export function spareVoter(goal: Goal, state: LivingCluster): string | undefined {
  return state.etcd.members
    .map(({ key }) => key)
    .filter((key) => !goal.voters.includes(key) && (state.members[key] === undefined || goal.members.includes(key)))
    .sort()[0];
}

export function removeVoter(state: LivingCluster, key: string): Decision {
  const refusal = refuseRemoval(state, key);
  const dead = state.etcd.members.some((member) => member.key === key && !member.healthy);
  if (refusal !== undefined) return { refuse: refusal };
  const stranger = state.machines[key] === undefined ? { stranger: true as const } : {};
  return { do: { kind: "remove-voter", machine: key, dead, ...stranger } };
}

/** A live standby does not leave while commits need it. A dead one acknowledges nothing. */
function refuseLeaving(goal: Goal, state: LivingCluster, key: string, remade: boolean): Refusal | undefined {
  if (remade || !acknowledging(state).includes(key)) return undefined;
  const [left, needed] = [availableStandbys(state, key), neededStandbys(goal.after.durability)];
  return left < needed ? tooFewStandbys(left, needed, `durability, once ${key} has left,`) : undefined;
}

function hasPooler(state: LivingCluster, key: string): boolean {
  const pooler = state.machines[key]?.pooler;
  return pooler !== undefined && pooler !== "none";
}

export function isInEtcd(state: LivingCluster, key: string): boolean {
  return state.etcd.members.some((member) => member.key === key);
}
