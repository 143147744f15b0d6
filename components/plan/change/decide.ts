/**
 * The one next step from a state towards the declaration. It looks at nothing but the state: whatever an earlier run has
 * done already is not done again, and it does not matter where that run was stopped.
 *
 * The order: what was changed by hand is put back; what is dead and goes, first, since it burdens etcd and the slots; then configuration; a restart of the
 * leader where it is, if parameters have to fall; then growth, so that everything after it can lean on the new members;
 * then one machine after the other; the leader's turn with at most one switchover; and what leaves, last, so that it
 * stands by until then.
 */
import { emptyMachines, newMembers, newVoters } from "./arrivals";
import type { LivingCluster } from "./cluster-state";
import { configuration, growingDisks, pausedPoolers } from "./configure";
import type { Decision, Rule } from "./decision";
import { begunReplacement, deadThatGo, votersWithoutData, whatLeaves } from "./departures";
import { deviations } from "./deviations";
import { strongerDurability, weakerDurability } from "./durability";
import type { Goal } from "./goal";
import { leadersTurn, leaderWhereItIs, oneMachine } from "./turns";

const RULES: readonly Rule[] = [
  pausedPoolers,
  deviations,
  deadThatGo,
  votersWithoutData,
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
