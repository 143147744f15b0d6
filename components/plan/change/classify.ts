/** From two declarations to the list of what changes and what each change does to the clients. */
import type { ClusterSpec } from "../../spec";
import { type Change, strongest } from "./change";
import {
  declaredParameters,
  declaredTimings,
  documentParameters,
  factsOf,
  memberKeys,
  type Parameters,
  poolerShares,
} from "./derivation";
import { judgeField } from "./field-rules";
import { changedFields, type FieldChange, reverted } from "./fields";
import { judgeParameter, type ParameterChange, parameterChanges, QUIET } from "./parameter-rules";
import { sameValue } from "./parameter-value";

/**
 * Every field that differs between two declarations, with its impact, and everything that follows from them (tuned
 * parameters, timings, pool sizes), marked as derived. Declared changes come first; both are sorted by path.
 *
 * @param before What the last finished update declared; undefined: nothing yet, and then nothing changes either.
 */
export function classify(before: ClusterSpec | undefined, after: ClusterSpec): Change[] {
  if (before === undefined) return [];
  const fields = changedFields(before, after);
  const parameters = parameterChanges(before, after);
  const declared: Change[] = [];
  for (const field of fields) {
    const verdict = judgeField(field, { before, after });
    declared.push(...(verdict === "parameter" ? declaredParameter(field, parameters, after) : verdict));
  }
  const causes = new Causes(before, after, fields);
  const derived = [
    ...parameters
      .filter((change) => !isDeclared(change.name, fields))
      .map((change) => derivedParameter(change, after, causes)),
    ...derivedTimings(before, after, causes),
    ...derivedPools(before, after, causes),
  ];
  const [own, following] = partition(declared.map((change) => followingItsMachine(change, fields)));
  return [...own.map((change) => withStrongest(change, derived)), ...sortByPath([...following, ...derived])];
}

function isDeclared(name: string, fields: readonly FieldChange[]): boolean {
  return fields.some((field) => field.path === `postgresql.parameters.${name}`);
}

/** A parameter that the declaration itself names, in the value that comes into force when it is taken away. */
function declaredParameter(field: FieldChange, parameters: readonly ParameterChange[], after: ClusterSpec): Change[] {
  const [name] = field.keys as [string];
  const changes = parameters.filter((change) => change.name === name);
  const text = (declared: unknown, value: unknown) =>
    declared === undefined ? inForce(name, value, after) : String(declared);
  if (changes.length === 0) {
    const value = documentParameters(after)[name];
    const [from, to] = [text(field.from, value), text(field.to, value)];
    return [{ path: field.path, from, to, impact: "none", reason: "The value in force stays the same." }];
  }
  return changes.map((change) => ({
    path: field.path,
    from: text(field.from, change.from),
    to: text(field.to, change.to),
    ...judgeParameter(change, after),
    ...concerned(change, after),
  }));
}

/** "4GB (tuned)" or "100 (default)": the value of a parameter that the declaration does not name. */
function inForce(name: string, value: unknown, spec: ClusterSpec): string {
  if (value !== undefined) return `${value} (tuned)`;
  const boot = factsOf(spec, name)?.boot;
  return boot === undefined ? "PostgreSQL's default" : `${boot === "" ? "''" : boot} (default)`;
}

/** The members concerned, where it is not all of them. */
function concerned(change: ParameterChange, after: ClusterSpec): { machines?: readonly string[] } {
  return change.members.length === memberKeys(after).length ? {} : { machines: change.members };
}

function derivedParameter(change: ParameterChange, after: ClusterSpec, causes: Causes): Change {
  const text = (value: unknown) => (value === undefined ? inForce(change.name, undefined, after) : String(value));
  const [member] = change.members as [string];
  return {
    path: `postgresql.parameters.${change.name}`,
    from: text(change.from),
    to: text(change.to),
    ...judgeParameter(change, after),
    ...concerned(change, after),
    derivedFrom: causes.of(({ parameters }) => {
      const value = parameters().get(member)?.[change.name];
      if (value === undefined || change.to === undefined) return value === change.to;
      return sameValue(factsOf(after, change.name), value, change.to);
    }),
  };
}

function derivedTimings(before: ClusterSpec, after: ClusterSpec, causes: Causes): Change[] {
  const [old, next] = [declaredTimings(before), declaredTimings(after)];
  return Object.keys(next)
    .filter((name) => old[name] !== next[name])
    .map((name) => ({
      path: `recovery.${name}`,
      from: old[name] === undefined ? undefined : String(old[name]),
      to: String(next[name]),
      impact: "reload" as const,
      reason: "Taken over within one loop; no connection is closed.",
      derivedFrom: causes.of(({ spec }) => declaredTimings(spec)[name] === next[name]),
    }));
}

/** Server connections of the poolers, read-write and read-only, where they change on a machine that stays one. */
function derivedPools(before: ClusterSpec, after: ClusterSpec, causes: Causes): Change[] {
  const [old, next] = [poolerShares(before), poolerShares(after)];
  const groups = new Map<string, { from: string; to: string; machines: string[] }>();
  for (const [key, to] of next) {
    const from = old.get(key);
    if (from === undefined || from === to) continue;
    const group = groups.get(`${from} ${to}`) ?? { from, to, machines: [] };
    group.machines.push(key);
    groups.set(`${from} ${to}`, group);
  }
  return [...groups.values()].map(({ from, to, machines }) => ({
    path: "poolers.serverConnections",
    from,
    to,
    impact: "pooler-reload",
    reason: "PgBouncer reloads; surplus server connections are closed when they fall idle.",
    ...(machines.length === next.size ? {} : { machines }),
    derivedFrom: causes.of(({ spec }) => poolerShares(spec).get(machines[0] as string) === to),
  }));
}

/** A new declaration with one field as it was before. */
interface Without {
  readonly path: string;
  readonly spec: ClusterSpec;
  /** Reckoned once, and only when asked for. */
  readonly parameters: () => ReadonlyMap<string, Parameters>;
}

/** Fields that the formulas read. */
function isRead({ names: [first] }: FieldChange): boolean {
  return ["machines", "postgresql", "poolers", "recovery"].includes(first as string);
}

/** Finds out which declared fields a derived value follows from: those without which it would be another one. */
class Causes {
  private readonly without: readonly Without[];

  constructor(before: ClusterSpec, after: ClusterSpec, fields: readonly FieldChange[]) {
    this.without = fields.filter(isRead).map((field) => {
      const spec = reverted(before, after, field.names);
      let known: ReadonlyMap<string, Parameters> | undefined;
      const parameters = () => {
        known ??= declaredParameters(spec);
        return known;
      };
      return { path: field.path, spec, parameters };
    });
  }

  /** @param same Whether the derived value of a declaration is the one of the new declaration. */
  of(same: (without: Without) => boolean): string[] {
    const causes = this.without.filter((without) => {
      try {
        return !same(without);
      } catch {
        // A declaration with one field put back need not make sense as a whole; then it tells nothing.
        return false;
      }
    });
    // Where several fields have the same effect, none is alone the cause: all that changed are named.
    return (causes.length === 0 ? this.without : causes).map(({ path }) => path);
  }
}

/** A voter or a pooler that comes or goes with its machine follows from that. */
function followingItsMachine(change: Change, fields: readonly FieldChange[]): Change {
  const [machine] = change.machines ?? [];
  if (change.path !== "etcd.voters" && change.path !== "poolers.machines") return change;
  const with_ = fields.find((field) => field.pattern === "machines.*" && field.keys[0] === machine);
  return with_ === undefined ? change : { ...change, derivedFrom: [with_.path] };
}

function partition(changes: readonly Change[]): [Change[], Change[]] {
  return [
    changes.filter((change) => change.derivedFrom === undefined),
    changes.filter((change) => change.derivedFrom !== undefined),
  ];
}

/** A field that moves nothing by itself counts as much as the strongest of what follows from it. */
function withStrongest(change: Change, derived: readonly Change[]): Change {
  if (!QUIET.includes(change.impact)) return change;
  const effects = derived.filter((effect) => effect.derivedFrom?.includes(change.path)).map((effect) => effect.impact);
  return { ...change, impact: strongest([change.impact, ...effects]) };
}

function sortByPath(changes: readonly Change[]): Change[] {
  return [...changes].sort((a, b) => (a.path === b.path ? 0 : a.path < b.path ? -1 : 1));
}
