/** What follows from a declaration: parameters, timings, pool sizes. The only place here that asks the spec's formulas. */
import type { ClusterSpec, MachineSpec } from "../../spec";
import { clusterParameters, memberParameters, recoveryTimings } from "../../spec";
import { type ParameterInfo, parameterInfo } from "../../spec/parameters/table";
import type { ParameterValue } from "./parameter-value";

export type Parameters = Readonly<Record<string, ParameterValue>>;

/** Facts of a parameter; undefined: PostgreSQL does not know it (an extension's own). */
export function factsOf(spec: ClusterSpec, name: string): ParameterInfo | undefined {
  return parameterInfo(spec.postgresql.version, name);
}

/** Keys of the machines that run PostgreSQL, sorted. */
export function memberKeys(spec: ClusterSpec): string[] {
  return Object.keys(spec.machines)
    .filter((key) => spec.machines[key]?.member !== false)
    .sort();
}

/** `postgresql.parameters` of Patroni's dynamic configuration: the same for all members. */
export function documentParameters(spec: ClusterSpec): Parameters {
  return clusterParameters(spec);
}

/** Parameters in the file of one member's own machine; they win over those of the cluster. */
export function ownParameters(spec: ClusterSpec, key: string): Parameters {
  return memberParameters(spec, spec.machines[key] as MachineSpec);
}

/** Everything that one member shall run with. */
export function declaredParameters(spec: ClusterSpec, key: string): Parameters {
  return { ...documentParameters(spec), ...ownParameters(spec, key) };
}

/** Patroni's timings by Patroni's names, in seconds. */
export function declaredTimings(spec: ClusterSpec): Readonly<Record<string, number>> {
  const { ttl, loopWait, retryTimeout, primaryStartTimeout } = recoveryTimings(spec.recovery);
  return { loop_wait: loopWait, primary_start_timeout: primaryStartTimeout, retry_timeout: retryTimeout, ttl };
}

/** Server connections of one pooler machine for each pair of user and database. */
export function poolSize(spec: ClusterSpec): number {
  return spec.poolers.poolSize ?? 0; // FIXME serverPoolSize
}
