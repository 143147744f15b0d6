/** A cluster on existing machines, with addresses of its own, for the tests of what services put on machines. */
import { type ClusterPlan, type PlannedMachine, planCluster } from "../../components/plan";
import { type ClusterInput, type MachineInput, parseCluster } from "../../components/spec";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2n5Ud2d3Vb0f2n7m2yqV1H6y0l2O0rJgq7b3w1xY8z";

export function member(address: string, changes: Partial<MachineInput> = {}): MachineInput {
  return { size: { vcpu: 4, memory: "16GB" }, disks: { data: { size: "200GB" } }, address, ...changes };
}

export const THREE: Record<string, MachineInput> = {
  "db-1": member("10.0.0.11"),
  "db-2": member("10.0.0.12"),
  "db-3": member("10.0.0.13"),
};

/** The plan of the cluster `shop`: three equal members that run everything, but for what is given. */
export function planOf(changes: Partial<ClusterInput> = {}): ClusterPlan {
  const machines = changes.machines ?? THREE;
  const hostKeys = Object.fromEntries(Object.keys(machines).map((key) => [key, HOST_KEY]));
  return planCluster(parseCluster({ name: "shop", platform: { kind: "ssh", hostKeys }, machines, ...changes }));
}

export function machineOf(plan: ClusterPlan, key: string): PlannedMachine {
  const machine = plan.machines.find((candidate) => candidate.key === key);
  if (machine === undefined) throw new Error(`no machine ${key}`);
  return machine;
}
