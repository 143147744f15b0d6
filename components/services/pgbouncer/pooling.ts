import type { ClusterPlan, PlannedMachine } from "../../plan";
import { clusterParameters } from "../../spec";
import { type PoolShares, poolShares } from "./pools";

/** What the poolers of one machine get of the cluster's connections. Throws where max_connections is too small. */
export function pooling(plan: ClusterPlan, machine: PlannedMachine): PoolShares {
  const parameters = clusterParameters(plan.spec);
  const { maxClientConnections, poolSize } = plan.spec.poolers;
  return poolShares({
    maxConnections: Number(parameters.max_connections),
    reservedConnections:
      // Defaults of PostgreSQL 16 and later.
      Number(parameters.superuser_reserved_connections ?? 3) + Number(parameters.reserved_connections ?? 0),
    poolers: plan.poolers.length,
    vcpu: machine.spec.size.vcpu,
    maxClientConnections,
    poolSize,
  });
}
