/** Finding the fields in which two declarations differ. Knows the shape of a spec, not what its fields mean. */
import type { ClusterSpec } from "../../spec";
import { megabytes, sizeOf } from "../../spec";

/** One field whose value differs. `pattern` is its path with the user's keys replaced by `*`. */
export interface FieldChange {
  readonly path: string;
  /** The path's parts; a part may hold a dot itself (a parameter's name). */
  readonly names: readonly string[];
  readonly pattern: string;
  /** The user's keys that the path holds, in order: machine key, parameter name, … */
  readonly keys: readonly string[];
  readonly from: unknown;
  readonly to: unknown;
}

/** Records whose keys are the user's own. Their entries appear as `*` in a pattern. */
const KEYED: readonly string[] = ["machines", "postgresql.parameters", "platform.hostKeys", "software"];

/**
 * Objects that are one decision: when they come, go or turn into `false`, that is one change and not one for each of
 * their fields.
 */
const WHOLE: readonly string[] = ["machines.*", "machines.*.member", "machines.*.disks.wal", "platform.bastion"];

/** Every difference, sorted by path. Lists are one field each. */
export function changedFields(before: ClusterSpec, after: ClusterSpec): FieldChange[] {
  if (before.platform.kind !== after.platform.kind) {
    const field = { path: "platform.kind", names: ["platform", "kind"], pattern: "platform.kind", keys: [] };
    const [rest, other] = [
      { ...before, platform: {} },
      { ...after, platform: {} },
    ];
    return [{ ...field, from: before.platform.kind, to: after.platform.kind }, ...walk([], [], [], rest, other)];
  }
  return walk([], [], [], before, after);
}

function walk(path: string[], pattern: string[], keys: string[], from: unknown, to: unknown): FieldChange[] {
  if (sameJson(from, to)) return [];
  const here: FieldChange = { path: path.join("."), names: path, pattern: pattern.join("."), keys, from, to };
  const [left, right] = [asRecord(from), asRecord(to)];
  if (left === undefined && right === undefined) return [here];
  if ((left === undefined || right === undefined) && WHOLE.includes(here.pattern)) return [here];
  // An object that is there on one side only counts field by field.
  const keyed = KEYED.includes(here.pattern);
  const names = [...new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})])].sort();
  return names.flatMap((name) =>
    walk(
      [...path, name],
      [...pattern, keyed ? "*" : name],
      keyed ? [...keys, name] : keys,
      left?.[name],
      right?.[name],
    ),
  );
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Equal as data: the order of an object's fields does not count, a field that is undefined is not there. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  const [left, right] = [asRecord(a), asRecord(b)];
  if (left === undefined || right === undefined) return false;
  return [...Object.keys(left), ...Object.keys(right)].every((key) => sameJson(left[key], right[key]));
}

/** The spec `after` with what stands at the path taken from `before`; a machine with its voter and its pooler. */
export function reverted(before: ClusterSpec, after: ClusterSpec, path: readonly string[]): ClusterSpec {
  const spec = takenFrom(before, after, path);
  const [first, key] = path;
  if (first !== "machines" || path.length !== 2 || key === undefined) return spec;
  const list = (is: readonly string[], was: readonly string[]) =>
    [...is.filter((name) => name !== key), ...(was.includes(key) ? [key] : [])].sort();
  return {
    ...spec,
    etcd: { voters: list(after.etcd.voters, before.etcd.voters) },
    poolers: { ...spec.poolers, machines: list(after.poolers.machines, before.poolers.machines) },
  };
}

function takenFrom(before: ClusterSpec, after: ClusterSpec, path: readonly string[]): ClusterSpec {
  const copy = structuredClone(after) as unknown as Record<string, unknown>;
  let target: Record<string, unknown> = copy;
  let source: Record<string, unknown> | undefined = before as unknown as Record<string, unknown>;
  for (const name of path.slice(0, -1)) {
    target[name] ??= {};
    target = target[name] as Record<string, unknown>;
    source = asRecord(source?.[name]);
  }
  const last = path.at(-1) as string;
  const value = source?.[last];
  if (value === undefined) delete target[last];
  else target[last] = structuredClone(value);
  return copy as unknown as ClusterSpec;
}

const MEGABYTE = 1024 ** 2;

/** A size as the spec writes it ("16GB") in bytes. */
export function bytesOf(size: string): number {
  return megabytes(size) * MEGABYTE;
}

/** Bytes in the spec's notation, rounded to MB. */
export function shownBytes(bytes: number): string {
  return sizeOf(Math.round(bytes / MEGABYTE));
}

/** A value as a DBA reads it in one line. */
export function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => shown(item)).join(", ");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => `${name} ${shown(item)}`)
      .join(", ");
  return String(value);
}
