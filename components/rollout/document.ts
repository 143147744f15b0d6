/** Patroni's dynamic configuration on its way from what stands in the DCS to what is declared. Pure. */
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "../operate/patroni";
import { planCluster } from "../plan";
import type { DurabilityState, LivingCluster } from "../plan/change";
import { factsOf } from "../plan/change/derivation";
import { sameValue } from "../plan/change/parameter-value";
import { type DynamicConfiguration, dynamicConfiguration, hbaRules } from "../services/patroni";
import { type ClusterSpec, clusterParameters } from "../spec";
import { transitionalSpec } from "./transitional-spec";

/** The whole document that a spec asks for. */
function declaredDocument(spec: ClusterSpec): DynamicConfiguration {
  return dynamicConfiguration(planCluster(spec));
}

/** The document with which a rollout ends; undefined: it stands there already. */
export function documentInTheEnd(spec: ClusterSpec, present: JsonObject): JsonObject | undefined {
  const declared = asJson(declaredDocument(spec));
  return isDeepStrictEqual(present, declared) ? undefined : declared;
}

/**
 * The declared document with parameters held at another value for this pass. Durability changes in a step of its own, and
 * the rules of pg_hba when everything else is done: members that leave, and those that came, are let in until then.
 */
export function documentInPass(
  spec: ClusterSpec,
  held: Readonly<Record<string, string>>,
  present: JsonObject,
  durability: DurabilityState,
): JsonObject {
  const declared = declaredDocument(spec);
  const parameters = { ...declared.postgresql.parameters, ...held };
  const rules = rulesOf(present) ?? declared.postgresql.pg_hba;
  const postgresql = { ...declared.postgresql, parameters, pg_hba: rules };
  return asJson({ ...declared, postgresql, ...durabilityKeys(durability) });
}

/**
 * The present document with rules of pg_hba that let the machines of both declarations in: new members can be seeded, and
 * leaving ones stay connected. And slots of absent members are kept as declared, which a run that was stopped while it
 * dropped one may have left otherwise. undefined: all of that stands there already.
 */
export function documentThatAdmits(
  before: ClusterSpec | undefined,
  after: ClusterSpec,
  present: JsonObject,
): JsonObject | undefined {
  const rules = hbaRules(planCluster(before === undefined ? after : transitionalSpec(before, after)));
  const admitting = asJson({
    ...present,
    member_slots_ttl: keptSlots(after),
    postgresql: { ...(present.postgresql as JsonObject), pg_hba: rules },
  });
  return isDeepStrictEqual(admitting, present) ? undefined : admitting;
}

/** For how long the slots of members that are away are kept. */
export function keptSlots(spec: ClusterSpec): string {
  return declaredDocument(spec).member_slots_ttl;
}

function rulesOf(document: JsonObject): readonly string[] | undefined {
  return (document.postgresql as JsonObject | undefined)?.pg_hba as readonly string[] | undefined;
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

/**
 * The living document in the notation of the stored one: a value that PostgreSQL or Patroni takes for the same is the
 * same, so that only what somebody changed differs.
 */
export function inNotationOf(spec: ClusterSpec, stored: JsonObject, live: JsonObject): JsonObject {
  const same = (name: string, a: unknown, b: unknown) =>
    isScalar(a) && isScalar(b) && (String(a) === String(b) || sameValue(factsOf(spec, name), a, b));
  const noted = (name: string, shown: unknown, seen: unknown): unknown => {
    if (isObject(shown) && isObject(seen))
      return Object.fromEntries(Object.entries(seen).map(([key, value]) => [key, noted(key, shown[key], value)]));
    return same(name, shown, seen) ? shown : seen;
  };
  return noted("", stored, live) as JsonObject;
}

function isScalar(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asJson(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
