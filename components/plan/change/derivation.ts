/** What follows from a declaration: parameters, timings, pool sizes. The only place here that asks the spec's formulas. */

import { pooling } from "../../services/pgbouncer/pooling";
import type { ClusterSpec, MachineSpec, PostgresqlVersion } from "../../spec";
import {
  clusterParameters,
  memberParameters,
  type ParameterInfo,
  parameterInfo,
  parameterTable,
  recoveryTimings,
} from "../../spec";
import { planCluster } from "../plan";
import type { ParameterValue } from "./parameter-value";

export type Parameters = Readonly<Record<string, ParameterValue>>;

/** Facts of a parameter; undefined: PostgreSQL does not know it (an extension's own). */
export function factsOf(spec: ClusterSpec, name: string): ParameterInfo | undefined {
  return parameterInfo(spec.postgresql.version, name);
}

const START_DEFAULTS = new Map<PostgresqlVersion, Readonly<Record<string, string>>>();

/** Parameters that are read at start only, with the values that they have when nobody sets them. */
export function startDefaults({ postgresql: { version } }: ClusterSpec): Readonly<Record<string, string>> {
  let defaults = START_DEFAULTS.get(version);
  if (defaults === undefined) {
    const atStart = [...parameterTable(version).values()].filter(({ context }) => context === "postmaster");
    defaults = Object.fromEntries(atStart.flatMap(({ name, boot }) => (boot === undefined ? [] : [[name, boot]])));
    START_DEFAULTS.set(version, defaults);
  }
  return defaults;
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

/** Everything that each member shall run with, by member. */
export function declaredParameters(spec: ClusterSpec): ReadonlyMap<string, Parameters> {
  const document = documentParameters(spec);
  return new Map(memberKeys(spec).map((key) => [key, { ...document, ...ownParameters(spec, key) }]));
}

/** Patroni's timings by Patroni's names, in seconds. */
export function declaredTimings(spec: ClusterSpec): Readonly<Record<string, number>> {
  const { ttl, loopWait, retryTimeout, primaryStartTimeout } = recoveryTimings(spec.recovery);
  return { loop_wait: loopWait, primary_start_timeout: primaryStartTimeout, retry_timeout: retryTimeout, ttl };
}

/** What each pooler machine gets of the connections, read-write and read-only: "121+41 (4+4 processes)". By machine. */
export function poolerShares(spec: ClusterSpec): ReadonlyMap<string, string> {
  const plan = planCluster(spec);
  return new Map(
    plan.poolers.map((machine) => {
      const { readWrite, readOnly } = pooling(plan, machine);
      const [connections, processes] = (["connections", "processes"] as const).map(
        (what) => `${readWrite[what]}+${readOnly[what]}`,
      );
      return [machine.key, `${connections} (${processes} processes)`];
    }),
  );
}
