/** What changes without disturbing anything: Patroni's configuration, disks that grow, poolers that were left paused. */
import type { LivingCluster } from "./cluster-state";
import type { Decision } from "./decision";
import { declaredTimings, factsOf } from "./derivation";
import { type Goal, heldParameters } from "./goal";
import { type ParameterValue, sameValue } from "./parameter-value";
import type { ParameterSetting } from "./step";
import { growths, workOn } from "./work";

export function pausedPoolers(goal: Goal, state: LivingCluster): Decision | undefined {
  const machines = Object.keys(state.machines)
    .filter((key) => state.machines[key]?.pooler === "paused" && goal.poolers.includes(key))
    .sort();
  return machines.length === 0 ? undefined : { do: { kind: "resume-poolers", machines } };
}

export function configuration(goal: Goal, state: LivingCluster): Decision | undefined {
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

export function growingDisks(goal: Goal, state: LivingCluster): Decision | undefined {
  for (const machine of Object.keys(goal.after.machines).sort()) {
    if (workOn(goal, state, machine).replace.length > 0) continue;
    const [growth] = growths(goal, state, machine);
    if (growth !== undefined) return { do: { kind: "grow-disk", machine, ...growth } };
  }
  return undefined;
}
