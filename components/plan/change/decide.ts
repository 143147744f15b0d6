/**
 * The one next step from a state towards the declaration. It looks at nothing but the state: whatever an earlier run has
 * done already is not done again, and it does not matter where that run was stopped.
 *
 * The order: what is dead and goes, first, since it burdens etcd and the slots; then configuration; a restart of the
 * leader where it is, if parameters have to fall; then growth, so that everything after it can lean on the new members;
 * then one machine after the other; the leader's turn with at most one switchover; and what leaves, last, so that it
 * stands by until then.
 */
import type { DurabilityState, LivingCluster } from "./cluster-state";
import { declaredTimings, factsOf } from "./derivation";
import { refuseAddition, refuseRemoval, refuseStop } from "./etcd-gate";
import {
  anyReplicaMustRise,
  awaitingRestart,
  boundToFall,
  boundToRise,
  type Goal,
  heldParameters,
  reachable,
} from "./goal";
import { byTurn, candidate } from "./order";
import { electable } from "./parameter-rules";
import { type ParameterValue, sameValue } from "./parameter-value";
import { acknowledging, availableStandbys, neededStandbys, predict, takesReads } from "./predict";
import type { Refusal } from "./refusal";
import type { ParameterSetting, StepAction } from "./step";
import { growths, isIdle, stopsEtcd, stopsPostgresql, type Work, workOn } from "./work";

export type Decision = { readonly do: StepAction } | { readonly refuse: Refusal };

type Rule = (goal: Goal, state: LivingCluster) => Decision | undefined;

const RULES: readonly Rule[] = [
  pausedPoolers,
  deadThatGo,
  configuration,
  growingDisks,
  leaderWhereItIs,
  begunReplacement,
  emptyMachines,
  newVoters,
  newMembers,
  strongerDurability,
  oneMachine,
  leadersTurn,
  whatLeaves,
  weakerDurability,
];

/** undefined: the state is as declared. */
export function decide(goal: Goal, state: LivingCluster): Decision | undefined {
  for (const rule of RULES) {
    const decision = rule(goal, state);
    if (decision !== undefined) return decision;
  }
  return undefined;
}

function pausedPoolers(goal: Goal, state: LivingCluster): Decision | undefined {
  const machines = Object.keys(state.machines)
    .filter((key) => state.machines[key]?.pooler === "paused" && goal.poolers.includes(key))
    .sort();
  return machines.length === 0 ? undefined : { do: { kind: "resume-poolers", machines } };
}

/** Members and voters that do not answer and are to go: nothing has to be asked of them. */
function deadThatGo(goal: Goal, state: LivingCluster): Decision | undefined {
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

function configuration(goal: Goal, state: LivingCluster): Decision | undefined {
  const held = heldParameters(goal, state);
  const wanted: Record<string, ParameterValue> = { ...goal.document, ...held };
  const present = state.configuration.parameters;
  const same = (name: string, a: ParameterValue, b: ParameterValue) => sameValue(factsOf(goal.after, name), a, b);
  const parameters = settings(present, wanted, same);
  const timings = settings(
    Object.fromEntries(
      Object.keys(declaredTimings(goal.after)).flatMap((name) => pick(state.configuration.timings, name)),
    ),
    declaredTimings(goal.after),
    (_, a, b) => a === b,
  );
  if (parameters.length === 0 && timings.length === 0) return undefined;
  return { do: { kind: "config-apply", parameters, timings, held: Object.keys(held).sort() } };
}

function pick(record: Readonly<Record<string, number>>, name: string): [string, number][] {
  const value = record[name];
  return value === undefined ? [] : [[name, value]];
}

function settings(
  from: Readonly<Record<string, ParameterValue>>,
  to: Readonly<Record<string, ParameterValue>>,
  same: (name: string, a: ParameterValue, b: ParameterValue) => boolean,
): ParameterSetting[] {
  const text = (value: ParameterValue | undefined) => (value === undefined ? undefined : String(value));
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].sort().flatMap((name) => {
    const [a, b] = [from[name], to[name]];
    if (a === b || (a !== undefined && b !== undefined && same(name, a, b))) return [];
    return [{ name, from: text(a), to: text(b) }];
  });
}

function growingDisks(goal: Goal, state: LivingCluster): Decision | undefined {
  for (const machine of Object.keys(goal.after.machines).sort()) {
    if (workOn(goal, state, machine).replace.length > 0) continue;
    const [growth] = growths(goal, state, machine);
    if (growth !== undefined) return { do: { kind: "grow-disk", machine, ...growth } };
  }
  return undefined;
}

/** Parameters that have to fall on the leader before they can on any replica; a switchover would not bring them down. */
function leaderWhereItIs(goal: Goal, state: LivingCluster): Decision | undefined {
  const leader = state.leader as string;
  if (boundToFall(goal, state).length === 0 || anyReplicaMustRise(goal, state)) return undefined;
  // One that cannot hand over has to stop in place for everything else as well: once is enough.
  if (!canHandOver(goal, leader)) return withoutStandIn(goal, state, leader, workOn(goal, state, leader));
  return { do: restart(goal, state, leader, "leader") };
}

function restart(goal: Goal, state: LivingCluster, member: string, role: "leader" | "replica"): StepAction {
  const step = { kind: "restart-member", member, role, parameters: [] } as const;
  return { ...step, parameters: pickedUp(goal, state, member, step) };
}

/** Parameters that come into force on the member with the step. */
function pickedUp(goal: Goal, state: LivingCluster, member: string, step: StepAction): string[] {
  const left = awaitingRestart(goal, predict(goal, state, step), member);
  return awaitingRestart(goal, state, member).filter((name) => !left.includes(name));
}

/** A machine that has left everything to be made anew, or is on its way out. */
function begunReplacement(goal: Goal, state: LivingCluster): Decision | undefined {
  for (const key of Object.keys(goal.after.machines).sort()) {
    if (workOn(goal, state, key).replace.length === 0) continue;
    if (state.members[key] !== undefined) continue;
    if (goal.members.includes(key) || (goal.voters.includes(key) && !isInEtcd(state, key)))
      return goodbye(goal, state, key, true);
  }
  return undefined;
}

/** Machines on which nothing runs that anyone could miss: what they need is done before members and voters come to them. */
function emptyMachines(goal: Goal, state: LivingCluster): Decision | undefined {
  const key = Object.keys(goal.after.machines)
    .sort()
    .find((name) => state.members[name] === undefined && !isInEtcd(state, name) && !isIdle(workOn(goal, state, name)));
  return key === undefined ? undefined : workStep(goal, state, key, workOn(goal, state, key), "replica");
}

function isInEtcd(state: LivingCluster, key: string): boolean {
  return state.etcd.members.some((member) => member.key === key);
}

function newVoters(goal: Goal, state: LivingCluster): Decision | undefined {
  const learner = state.etcd.members.find((member) => member.learner);
  if (learner !== undefined)
    return goal.voters.includes(learner.key)
      ? { do: { kind: "promote-voter", machine: learner.key } }
      : { do: { kind: "remove-voter", machine: learner.key, dead: !learner.healthy } };
  // One whose machine is yet to be made anew joins afterwards.
  const missing = goal.voters.filter((key) => !isInEtcd(state, key) && workOn(goal, state, key).replace.length === 0);
  const [machine] = missing;
  if (machine === undefined) return undefined;
  // Where voters are exchanged on machines without a member, the old ones go one by one, so that there are never many.
  const spare = state.etcd.members.find(({ key }) => !goal.voters.includes(key) && state.members[key] === undefined);
  if (spare !== undefined && state.etcd.members.length > goal.voters.length) return removeVoter(state, spare.key);
  const refusal = refuseAddition(state, machine);
  return refusal === undefined ? { do: { kind: "add-voter", machine } } : { refuse: refusal };
}

function removeVoter(state: LivingCluster, key: string): Decision {
  const refusal = refuseRemoval(state, key);
  const dead = state.etcd.members.some((member) => member.key === key && !member.healthy);
  return refusal === undefined ? { do: { kind: "remove-voter", machine: key, dead } } : { refuse: refusal };
}

function newMembers(goal: Goal, state: LivingCluster): Decision | undefined {
  const missing = goal.members.find((key) => state.members[key] === undefined);
  if (missing !== undefined) return { do: { kind: "seed-member", member: missing, from: state.leader as string } };
  const waiting = reachable(state).find(
    ([key, member]) =>
      key !== state.leader &&
      goal.members.includes(key) &&
      // One that is about to be made anew is on its way out of the route.
      workOn(goal, state, key).replace.length === 0 &&
      takesReads(goal, key) &&
      !member.inReadRoute &&
      member.state === "streaming",
  );
  return waiting === undefined ? undefined : { do: { kind: "admit-to-reads", member: waiting[0] } };
}

/** Whether `to` asks for less than `from` in any way. */
export function isWeaker(from: DurabilityState, to: DurabilityState): boolean {
  if (from.mode === "async") return false;
  return to.mode === "async" || (from.strict && !to.strict) || to.standbys < from.standbys;
}

function differs(a: DurabilityState, b: DurabilityState): boolean {
  return a.mode !== b.mode || a.strict !== b.strict || a.standbys !== b.standbys;
}

function changeDurability(goal: Goal, state: LivingCluster): Decision {
  return { do: { kind: "durability-change", from: state.configuration.durability, to: goal.after.durability } };
}

function strongerDurability(goal: Goal, state: LivingCluster): Decision | undefined {
  const [from, to] = [state.configuration.durability, goal.after.durability];
  if (!differs(from, to) || isWeaker(from, to)) return undefined;
  const [there, needed] = [availableStandbys(state), neededStandbys(to)];
  if (there >= needed) return changeDurability(goal, state);
  return { refuse: tooFewStandbys(there, needed, "declared durability") };
}

function weakerDurability(goal: Goal, state: LivingCluster): Decision | undefined {
  return differs(state.configuration.durability, goal.after.durability) ? changeDurability(goal, state) : undefined;
}

/** Durability that is to become weaker does so when the next step could not keep the stronger one, and no earlier. */
function weakenFor(goal: Goal, state: LivingCluster, left: number): Decision | undefined {
  const [from, to] = [state.configuration.durability, goal.after.durability];
  return isWeaker(from, to) && left < neededStandbys(from) ? changeDurability(goal, state) : undefined;
}

/**
 * In mode `sync` Patroni hands over to a named standby only, and keeps the names that it has. With more names asked for,
 * the candidate is among them; nothing is promised less meanwhile. The declared number comes back at the end.
 */
function everyStandbyAcknowledges(state: LivingCluster, next: string): Decision {
  const from = state.configuration.durability;
  const to = { ...from, standbys: availableStandbys(state) };
  return { do: { kind: "durability-change", from, to, until: `${next} has taken over` } };
}

/** Whether writes wait for as long as no more than so many standbys can acknowledge: strict asks for one at least. */
function blocksWrites({ configuration: { durability } }: LivingCluster, standbys: number): boolean {
  return durability.strict && durability.mode !== "async" && standbys === 0;
}

function tooFewStandbys(there: number, needed: number, what: string): Refusal {
  return {
    code: "durability-standbys",
    subject: "durability",
    reason: `${what} needs ${needed} standby${needed === 1 ? "" : "s"} that acknowledge${needed === 1 ? "s" : ""}, and there would be ${there}`,
    advice: "wait until the replicas stream, declare more members, or fewer standbys",
  };
}

/** The next machine but the leader's that has anything to do. */
function oneMachine(goal: Goal, state: LivingCluster): Decision | undefined {
  const rising = Object.keys(heldParameters(goal, state)).length > 0;
  const mustRise = (key: string) => boundToRise(goal, state, key).length > 0;
  const keys = [...new Set([...Object.keys(goal.after.machines), ...Object.keys(state.members)])].filter((key) => {
    if (key === state.leader || state.members[key]?.reachable === false) return false;
    // A member that leaves keeps up until then, and restarts for nothing else.
    if (rising || (state.members[key] !== undefined && !goal.members.includes(key))) return mustRise(key);
    return !isIdle(workOn(goal, state, key));
  });
  const [key] = byTurn(state, keys);
  if (key === undefined) return undefined;
  const leaving = state.members[key] !== undefined && !goal.members.includes(key);
  const work = workOn(goal, state, key);
  if (leaving || (state.members[key] !== undefined && stopsPostgresql(work))) {
    const weakened = weakenFor(goal, state, availableStandbys(state, key));
    if (weakened !== undefined) return weakened;
  }
  return leaving ? { do: restart(goal, state, key, "replica") } : workStep(goal, state, key, work, "replica");
}

/** The step that does a machine's work, or the first of those that take it out to be made anew. */
function workStep(goal: Goal, state: LivingCluster, key: string, work: Work, role: "leader" | "replica"): Decision {
  if (work.replace.length > 0) return startReplacement(goal, state, key);
  const refusal = stopsEtcd(work)
    ? refuseStop(state, key, work.powerCycle === undefined ? "the upgrade" : "the power cycle")
    : undefined;
  if (refusal !== undefined) return { refuse: refusal };
  if (work.powerCycle !== undefined) {
    const step = {
      kind: "power-cycle",
      machine: key,
      ...work.powerCycle,
      software: work.software,
      picksUp: [],
    } as const;
    return { do: { ...step, picksUp: pickedUp(goal, state, key, step) } };
  }
  if (work.software.length > 0) {
    const step = { kind: "upgrade-software", machine: key, software: work.software, picksUp: [] } as const;
    const restarts = stopsPostgresql({ ...work, restart: [] });
    return { do: { ...step, picksUp: restarts ? pickedUp(goal, state, key, step) : [] } };
  }
  return { do: restart(goal, state, key, role) };
}

function startReplacement(goal: Goal, state: LivingCluster, key: string): Decision {
  const { durability } = state.configuration;
  const left = availableStandbys(state, key);
  if (durability.strict && goal.members.includes(key) && left < neededStandbys(durability))
    return {
      refuse: tooFewStandbys(left, neededStandbys(durability), `strict durability, while ${key} is made anew,`),
    };
  const refusal = goal.voters.includes(key) ? refuseRemoval(state, key) : undefined;
  return refusal === undefined ? (goodbye(goal, state, key, true) as Decision) : { refuse: refusal };
}

/** Whether another member that stays may lead. */
function canHandOver(goal: Goal, leader: string): boolean {
  return electable(goal.after).some((key) => key !== leader);
}

function leadersTurn(goal: Goal, state: LivingCluster): Decision | undefined {
  const leader = state.leader as string;
  const work = workOn(goal, state, leader);
  const why = reasonToHandOver(goal, state, leader, work);
  if (why === undefined) return isIdle(work) ? undefined : workStep(goal, state, leader, work, "leader");
  if (!canHandOver(goal, leader)) return withoutStandIn(goal, state, leader, work);
  const next = candidate(goal, state, (key) => !isIdle(workOn(goal, state, key)));
  if ("code" in next) return { refuse: next };
  if (!next.sync) return everyStandbyAcknowledges(state, next.key);
  if (blocksWrites(state, availableStandbys(state, next.key))) {
    const weakened = weakenFor(goal, state, 0);
    if (weakened !== undefined) return weakened;
  }
  const step = { kind: "switchover", from: leader, to: next.key, why, picksUp: [] } as const;
  return { do: { ...step, picksUp: goal.members.includes(leader) ? pickedUp(goal, state, leader, step) : [] } };
}

function reasonToHandOver(goal: Goal, state: LivingCluster, leader: string, work: Work): string | undefined {
  if (!goal.members.includes(leader)) return "leaves";
  if (!electable(goal.after).includes(leader)) return "may no longer lead";
  if (work.replace.length > 0) return "is to be made anew";
  if (work.powerCycle !== undefined) return "is to be resized";
  if (work.software.some(({ software }) => software === "postgresql" || software === "patroni"))
    return "is to be upgraded";
  return awaitingRestart(goal, state, leader).length > 0 ? "has to restart" : undefined;
}

/** Nobody else may lead: what can be done is done where it is, while writes wait. */
function withoutStandIn(goal: Goal, state: LivingCluster, leader: string, work: Work): Decision {
  if (!goal.members.includes(leader) || !electable(goal.after).includes(leader) || work.replace.length > 0) {
    const only = goal.members.length === 1 && goal.members[0] === leader;
    return {
      refuse: {
        code: only ? "only-copy" : "last-electable",
        subject: `machines.${leader}`,
        reason: only
          ? `${leader} holds the only copy of the data, and its machine would be made anew`
          : `${leader} leads and would have to hand over, and no other member that stays may lead`,
        advice: "declare another member that may lead, run that, and then change this one",
      },
    };
  }
  return workStep(goal, state, leader, work, "leader");
}

/** Everything that is there and no longer declared; one machine is done with before the next begins. */
function whatLeaves(goal: Goal, state: LivingCluster): Decision | undefined {
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

function hasPooler(state: LivingCluster, key: string): boolean {
  const pooler = state.machines[key]?.pooler;
  return pooler !== undefined && pooler !== "none";
}

/**
 * The next step of a machine's way out: read route, Patroni, its slot, etcd, pooler, and then the machine.
 * @param remade It comes back: everything on it goes now, whatever is declared.
 */
function goodbye(goal: Goal, state: LivingCluster, key: string, remade: boolean): Decision | undefined {
  const member = state.members[key];
  if (member !== undefined && (remade || !goal.members.includes(key))) {
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

/** A live standby does not leave while commits need it. A dead one acknowledges nothing. */
function refuseLeaving(goal: Goal, state: LivingCluster, key: string, remade: boolean): Refusal | undefined {
  if (remade || !acknowledging(state).includes(key)) return undefined;
  const [left, needed] = [availableStandbys(state, key), neededStandbys(goal.after.durability)];
  return left < needed ? tooFewStandbys(left, needed, `durability, once ${key} has left,`) : undefined;
}
