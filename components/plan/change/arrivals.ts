/** What comes: voters, members, and what is done on machines before anything comes to them. */
import type { LivingCluster } from "./cluster-state";
import type { Decision } from "./decision";
import { isInEtcd, removeVoter, spareVoter } from "./departures";
import { refuseAddition } from "./etcd-gate";
import { type Goal, reachable } from "./goal";
import { takesReads } from "./newcomers";
import { workStep } from "./turns";
import { isIdle, stopsMachine, workOn } from "./work";

/** Machines on which nothing runs that anyone could miss: what they need is done before members and voters come to them. */
export function emptyMachines(goal: Goal, state: LivingCluster): Decision | undefined {
  const key = Object.keys(goal.after.machines)
    .sort()
    .find((name) => state.members[name] === undefined && !isInEtcd(state, name) && !isIdle(workOn(goal, state, name)));
  return key === undefined ? undefined : workStep(goal, state, key, workOn(goal, state, key), "replica");
}

export function newVoters(goal: Goal, state: LivingCluster): Decision | undefined {
  const learner = state.etcd.members.find((member) => member.learner);
  if (learner !== undefined)
    return goal.voters.includes(learner.key)
      ? { do: { kind: "promote-voter", machine: learner.key } }
      : { do: { kind: "remove-voter", machine: learner.key, dead: !learner.healthy } };
  // It is added right before it starts: that is a turn of its own.
  if (goal.turn?.for === "work") return undefined;
  // One whose machine is yet to be made anew joins afterwards.
  const missing = goal.voters.filter((key) => !isInEtcd(state, key) && workOn(goal, state, key).replace.length === 0);
  const machine = missing.find((key) => key === goal.turn?.machine) ?? missing[0];
  if (machine === undefined) return undefined;
  // Where voters are exchanged, the old ones go one by one, so that there are never many.
  const spare = spareVoter(goal, state);
  if (spare !== undefined && state.etcd.members.length > goal.voters.length) return removeVoter(state, spare);
  const refusal = refuseAddition(state, machine);
  return refusal === undefined ? { do: { kind: "add-voter", machine } } : { refuse: refusal };
}

export function newMembers(goal: Goal, state: LivingCluster): Decision | undefined {
  const missing = goal.members.find((key) => state.members[key] === undefined && runsBefore(goal, state, key));
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

/** Whether the member's Patroni has been started when the rollout's turn comes. */
function runsBefore(goal: Goal, state: LivingCluster, key: string): boolean {
  switch (goal.turn?.for) {
    case undefined:
      return true;
    case "vote":
      return state.machines[key] !== undefined;
    case "work":
      return !stopsMachine(workOn(goal, state, key));
  }
}
