/** Patroni's dynamic configuration on its way from what stands in the DCS to what is declared. Pure. */
import type { JsonObject } from "../operate/patroni";
import { planCluster } from "../plan";
import type { DurabilityState, LivingCluster } from "../plan/change";
import { type DynamicConfiguration, dynamicConfiguration } from "../services/patroni";
import { type ClusterSpec, clusterParameters } from "../spec";

/** The whole document that a spec asks for. */
export function declaredDocument(spec: ClusterSpec): DynamicConfiguration {
  return dynamicConfiguration(planCluster(spec));
}

/**
 * The declared document with parameters held at another value for this pass, and with the durability that is in force: it
 * changes in a step of its own.
 */
export function documentInPass(
  spec: ClusterSpec,
  held: Readonly<Record<string, string>>,
  durability: DurabilityState,
): JsonObject {
  const declared = declaredDocument(spec);
  const postgresql = { ...declared.postgresql, parameters: { ...declared.postgresql.parameters, ...held } };
  return asJson({ ...declared, postgresql, ...durabilityKeys(durability) });
}

/** A document in which only the durability differs. */
export function documentWithDurability(present: JsonObject, durability: DurabilityState): JsonObject {
  return { ...present, ...durabilityKeys(durability) };
}

function durabilityKeys({ mode, strict, standbys }: DurabilityState) {
  return {
    synchronous_mode: mode === "quorum" ? "quorum" : mode === "sync",
    synchronous_mode_strict: strict,
    synchronous_node_count: standbys,
  };
}

/**
 * The state without the parameters that the program itself puts into the document beside the declared ones: the plan
 * reckons with declared ones alone.
 */
export function withoutOwnParameters(spec: ClusterSpec, state: LivingCluster): LivingCluster {
  const declared = clusterParameters(spec);
  const own = Object.entries(declaredDocument(spec).postgresql.parameters).filter(([name]) => !(name in declared));
  const parameters = { ...state.configuration.parameters };
  for (const [name, value] of own) if (String(parameters[name]) === value) delete parameters[name];
  return { ...state, configuration: { ...state.configuration, parameters } };
}

function asJson(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
