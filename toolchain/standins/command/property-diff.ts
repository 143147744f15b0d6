/** Field-level difference of two sets of properties, as the engine shows it. */
import { equal, isArray, isObject, isSecret, type PropertyObject, type PropertyValue, source } from "./property-values";

export type ChangeKind = "add" | "delete" | "update";

/** What changed, by property path (`environment.PATH`, `triggers[0]`). */
export type PropertyChanges = ReadonlyMap<string, ChangeKind>;

/**
 * Compares old and new properties. A secret is compared as a whole, so that no path below it is named; a null counts as
 * absent.
 */
export function diffProperties(old: PropertyObject, next: PropertyObject): PropertyChanges {
  const changes = new Map<string, ChangeKind>();
  diffObject("", old, next, changes);
  return changes;
}

function diffObject(prefix: string, old: PropertyObject, next: PropertyObject, changes: Map<string, ChangeKind>): void {
  for (const name of [...new Set([...Object.keys(old), ...Object.keys(next)])].sort()) {
    diffValue(childPath(prefix, name), old[name], next[name], changes);
  }
}

function diffValue(
  path: string,
  old: PropertyValue | undefined,
  next: PropertyValue | undefined,
  changes: Map<string, ChangeKind>,
): void {
  if (equal(old, next)) return;
  if (old === undefined || old === null) changes.set(path, "add");
  else if (next === undefined || next === null) changes.set(path, "delete");
  else if (isArray(old) && isArray(next)) {
    for (let index = 0; index < Math.max(old.length, next.length); index++) {
      diffValue(`${path}[${index}]`, old[index], next[index], changes);
    }
  } else if (isPlainObject(old) && isPlainObject(next)) diffObject(path, old, next, changes);
  else changes.set(path, "update");
}

function isPlainObject(value: PropertyValue): value is PropertyObject {
  return isObject(value) && !isSecret(value) && source(value) === undefined;
}

function childPath(prefix: string, name: string): string {
  if (/^[A-Za-z_$][\w$]*$/.test(name)) return prefix === "" ? name : `${prefix}.${name}`;
  return `${prefix}[${JSON.stringify(name)}]`;
}

/** The name of the top-level property that a path is in. */
export function topLevelName(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}
