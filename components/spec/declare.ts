/** What a stack file uses to declare its cluster. */
import { SpecError, show } from "./mistake";
import type { ClusterInput, MachineInput } from "./types";

/** Declares a cluster. Returns what it gets: its worth is that an editor completes and checks what is written in it. */
export function declareCluster(input: ClusterInput): ClusterInput {
  return input;
}

export interface EqualMembersOptions {
  /** First part of the keys. Default "db": db-1, db-2, … */
  readonly prefix?: string;
  /** Zones, dealt round. Default: the machine's own zone where it declares one, else a, b, c. */
  readonly zones?: readonly string[];
}

/**
 * `count` equal members by key: db-1, db-2, … Use it inside `machines`, beside other machines:
 * `machines: { ...equalMembers(3, { size, disks }), "witness-1": {…} }`. A key keeps its zone when the count changes.
 * @throws SpecError where count is not a whole number from 1 on, or zones is empty.
 */
export function equalMembers(
  count: number,
  machine: MachineInput,
  options: EqualMembersOptions = {},
): Record<string, MachineInput> {
  const { prefix = "db", zones = machine.zone === undefined ? ["a", "b", "c"] : [machine.zone] } = options;
  if (!Number.isInteger(count) || count < 1)
    throw new SpecError([
      { path: "equalMembers", problem: `got ${show(count)} members; expected a whole number from 1 on` },
    ]);
  if (zones.length === 0)
    throw new SpecError([{ path: "equalMembers.zones", problem: "got an empty list; expected at least one zone" }]);
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${prefix}-${index + 1}`,
      { ...machine, zone: zones[index % zones.length] as string },
    ]),
  );
}
