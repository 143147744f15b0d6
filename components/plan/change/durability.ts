/** Changes of durability: when they come, and what they must not lead to. */
import type { DurabilityState, LivingCluster } from "./cluster-state";
import type { Decision } from "./decision";
import type { Goal } from "./goal";
import type { Refusal } from "./refusal";
import { availableStandbys, neededStandbys } from "./standbys";

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

export function strongerDurability(goal: Goal, state: LivingCluster): Decision | undefined {
  const [from, to] = [state.configuration.durability, goal.after.durability];
  if (!differs(from, to) || isWeaker(from, to)) return undefined;
  const [there, needed] = [availableStandbys(state), neededStandbys(to)];
  if (there >= needed) return changeDurability(goal, state);
  // What is not there may come after this turn.
  if (goal.turn !== undefined) return undefined;
  return { refuse: tooFewStandbys(there, needed, "declared durability") };
}

export function weakerDurability(goal: Goal, state: LivingCluster): Decision | undefined {
  return differs(state.configuration.durability, goal.after.durability) ? changeDurability(goal, state) : undefined;
}

/** Durability that is to become weaker does so when the next step could not keep the stronger one, and no earlier. */
export function weakenFor(goal: Goal, state: LivingCluster, left: number): Decision | undefined {
  const [from, to] = [state.configuration.durability, goal.after.durability];
  return isWeaker(from, to) && left < neededStandbys(from) ? changeDurability(goal, state) : undefined;
}

/**
 * In mode `sync` Patroni hands over to a named standby only, and keeps the names that it has. With more names asked for,
 * the candidate is among them; nothing is promised less meanwhile. The declared number comes back at the end.
 */
export function everyStandbyAcknowledges(state: LivingCluster, next: string): Decision {
  const from = state.configuration.durability;
  const to = { ...from, standbys: availableStandbys(state) };
  return { do: { kind: "durability-change", from, to, until: `${next} has taken over` } };
}

/** Whether writes wait for as long as no more than so many standbys can acknowledge: strict asks for one at least. */
export function blocksWrites({ configuration: { durability } }: LivingCluster, standbys: number): boolean {
  return durability.strict && durability.mode !== "async" && standbys === 0;
}

export function tooFewStandbys(there: number, needed: number, what: string): Refusal {
  return {
    code: "durability-standbys",
    subject: "durability",
    reason: `${what} needs ${needed} standby${needed === 1 ? "" : "s"} that acknowledge${needed === 1 ? "s" : ""}, and there would be ${there}`,
    advice: "wait until the replicas stream, declare more members, or fewer standbys",
  };
}
