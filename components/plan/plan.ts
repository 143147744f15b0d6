import type { ClusterSpec, MachineSpec } from "../spec";
import type { ClusterPlan, PlannedMachine, Role } from "./types";

/** Works out which machines exist and what runs on each. Pure: the same spec always gives the same plan. */
export function planCluster(spec: ClusterSpec): ClusterPlan {
  const machines = Object.keys(spec.machines)
    .sort()
    .map((key) => planMachine(spec, key, spec.machines[key] as MachineSpec));
  const having = (role: Role) => machines.filter((machine) => machine.roles.includes(role));
  return { spec, machines, members: having("postgresql"), voters: having("etcd"), poolers: having("pooler") };
}

function planMachine(spec: ClusterSpec, key: string, machine: MachineSpec): PlannedMachine {
  const roles: Role[] = [];
  if (machine.member !== false) roles.push("postgresql");
  if (spec.etcd.voters.includes(key)) roles.push("etcd");
  if (spec.poolers.machines.includes(key)) roles.push("pooler");
  const address = machine.address;
  if (address === undefined) throw new Error(`machines.${key}: the parser left its address open`);
  return { key, hostname: `${spec.name}-${key}`, address, roles, spec: machine };
}
