import { type ClusterSpec, clusterParameters, type MachineSpec } from "../spec";

/**
 * For poolers and for who is let in by pg_hba, while a cluster is on its way from one declaration to another: the members
 * and poolers of both, and server connections that fit both. Pure.
 */
export function transitionalSpec(before: ClusterSpec, after: ClusterSpec): ClusterSpec {
  const machines: Record<string, MachineSpec> = { ...after.machines };
  for (const [key, old] of Object.entries(before.machines)) {
    const next = after.machines[key];
    // Its old size: processes that a larger machine gets come when it is larger.
    machines[key] = next === undefined || next.member === false ? old : { ...old, member: next.member };
  }
  const connections = [before, after].map((spec) => Number(clusterParameters(spec).max_connections));
  const sizes = [before, after].flatMap(({ poolers: { poolSize } }) => (poolSize === undefined ? [] : [poolSize]));
  return {
    ...after,
    machines,
    postgresql: {
      ...after.postgresql,
      parameters: { ...after.postgresql.parameters, max_connections: String(Math.min(...connections)) },
    },
    poolers: {
      machines: [...new Set([...before.poolers.machines, ...after.poolers.machines])].sort(),
      maxClientConnections: after.poolers.maxClientConnections,
      ...(sizes.length === 0 ? {} : { poolSize: Math.min(...sizes) }),
    },
  };
}
