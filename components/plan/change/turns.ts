/** Work that stops something on a machine: one machine at a time, and the leader last. */
import type { LivingCluster } from "./cluster-state";
import type { Decision } from "./decision";
import { goodbye, removeVoter, spareVoter } from "./departures";
import { blocksWrites, everyStandbyAcknowledges, tooFewStandbys, weakenFor } from "./durability";
import { refuseRemoval, refuseStop } from "./etcd-gate";
import { anyReplicaMustRise, awaitingRestart, boundToFall, boundToRise, type Goal, heldParameters } from "./goal";
import { byTurn, candidate } from "./order";
import { electable } from "./parameter-rules";
import { predict } from "./predict";
import { availableStandbys, neededStandbys } from "./standbys";
import type { StepAction } from "./step";
import { isIdle, stopsEtcd, stopsPostgresql, type Work, workOn } from "./work";

/** Parameters that have to fall on the leader before they can on any replica; a switchover would not bring them down. */
export function leaderWhereItIs(goal: Goal, state: LivingCluster): Decision | undefined {
  const leader = state.leader as string;
  if (boundToFall(goal, state).length === 0 || anyReplicaMustRise(goal, state)) return undefined;
  // One that cannot hand over has to stop in place for everything else as well: once is enough.
  if (!canHandOver(goal, leader)) return withoutStandIn(goal, state, leader, workOn(goal, state, leader));
  return { do: restart(goal, state, leader, "leader") };
}

/** The next machine but the leader's that has anything to do. */
export function oneMachine(goal: Goal, state: LivingCluster): Decision | undefined {
  const rising = Object.keys(heldParameters(goal, state)).length > 0;
  const mustRise = (key: string) => boundToRise(goal, state, key).length > 0;
  const keys = [...new Set([...Object.keys(goal.after.machines), ...Object.keys(state.members)])].filter((key) => {
    if (key === state.leader || state.members[key]?.reachable === false) return false;
    // A member that leaves keeps up until then, and restarts for nothing else.
    if (rising || (state.members[key] !== undefined && !goal.members.includes(key))) return mustRise(key);
    return !isIdle(workOn(goal, state, key));
  });
  // What stands against one machine's turn, another one's may take away: a voter more, say.
  const inTurn = byTurn(state, keys);
  const first = goal.turn?.machine;
  const decisions = [...inTurn.filter((key) => key === first), ...inTurn.filter((key) => key !== first)].map((key) =>
    turnOf(goal, state, key),
  );
  return decisions.find((decision) => "do" in decision) ?? decisions[0];
}

function turnOf(goal: Goal, state: LivingCluster, key: string): Decision {
  const leaving = state.members[key] !== undefined && !goal.members.includes(key);
  const work = workOn(goal, state, key);
  if (leaving || (state.members[key] !== undefined && stopsPostgresql(work))) {
    const weakened = weakenFor(goal, state, availableStandbys(state, key));
    if (weakened !== undefined) return weakened;
  }
  return leaving ? { do: restart(goal, state, key, "replica") } : workStep(goal, state, key, work, "replica");
}

/** The step that does a machine's work, or the first of those that take it out to be made anew. */
export function workStep(
  goal: Goal,
  state: LivingCluster,
  key: string,
  work: Work,
  role: "leader" | "replica",
): Decision {
  if (work.replace.length > 0) return startReplacement(goal, state, key);
  const refusal = stopsEtcd(work)
    ? refuseStop(state, key, work.powerCycle === undefined ? "the upgrade" : "the power cycle")
    : undefined;
  if (refusal !== undefined) {
    // Of two voters neither can stop. Where one of them is to give up its vote anyway, it does so now.
    const spare = spareVoter(goal, state);
    const given = spare === undefined || spare === key ? undefined : removeVoter(state, spare);
    return given !== undefined && "do" in given ? given : { refuse: refusal };
  }
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

export function leadersTurn(goal: Goal, state: LivingCluster): Decision | undefined {
  const leader = state.leader as string;
  const work = workOn(goal, state, leader);
  const why = reasonToHandOver(goal, state, leader, work);
  if (why === undefined) return isIdle(work) ? undefined : workStep(goal, state, leader, work, "leader");
  if (!canHandOver(goal, leader)) return withoutStandIn(goal, state, leader, work);
  const next = candidate(goal, state);
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

function restart(goal: Goal, state: LivingCluster, member: string, role: "leader" | "replica"): StepAction {
  const step = { kind: "restart-member", member, role, parameters: [] } as const;
  return { ...step, parameters: pickedUp(goal, state, member, step) };
}

/** Parameters that come into force on the member with the step. */
function pickedUp(goal: Goal, state: LivingCluster, member: string, step: StepAction): string[] {
  const left = awaitingRestart(goal, predict(goal, state, step), member);
  return awaitingRestart(goal, state, member).filter((name) => !left.includes(name));
}
