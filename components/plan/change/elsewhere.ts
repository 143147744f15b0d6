/** A state in which work on machines that is done elsewhere counts as done. */
import type { ClusterSpec } from "../../spec";
import type { LivingCluster } from "./cluster-state";
import { goalOf } from "./goal";
import { madeAsDeclared } from "./newcomers";

/** The machines named have their declared size, disks, image and zone; what runs on them is as it was. */
export function asIfMade(after: ClusterSpec, state: LivingCluster, keys: readonly string[]): LivingCluster {
  const goal = goalOf(undefined, after);
  const made = keys
    .filter((key) => after.machines[key] !== undefined && state.machines[key] !== undefined)
    .map((key) => {
      const { vcpu, memoryBytes, disks, image, zone } = madeAsDeclared(goal, key);
      return [key, { ...state.machines[key], vcpu, memoryBytes, disks, image, zone }] as const;
    });
  return { ...state, machines: { ...state.machines, ...Object.fromEntries(made) } } as LivingCluster;
}

/** The machines named have disks of their declared size: these grow with the machine's own update. */
export function asIfGrown(after: ClusterSpec, state: LivingCluster): LivingCluster {
  const goal = goalOf(undefined, after);
  const machines = Object.entries(state.machines).map(([key, machine]) => {
    if (after.machines[key] === undefined || !machine.reachable) return [key, machine] as const;
    const declared = madeAsDeclared(goal, key).disks;
    const disk = (use: "data" | "wal") => {
      const [has, wants] = [machine.disks[use], declared[use]];
      return has === undefined || wants === undefined || has.sizeBytes >= wants.sizeBytes ? has : wants;
    };
    return [key, { ...machine, disks: { data: disk("data"), wal: disk("wal") } }] as const;
  });
  return { ...state, machines: Object.fromEntries(machines) };
}
