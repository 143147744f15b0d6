/**
 * Property values as the engine sends them: JSON, with marked objects for secrets, assets and archives, and marked strings
 * for values that are not known yet. The marks are part of the engine's protocol (sdk/go/common/resource/sig).
 */

/** A value of a property. */
export type PropertyValue = null | boolean | number | string | readonly PropertyValue[] | PropertyObject;

/** Properties by name. */
export interface PropertyObject {
  readonly [name: string]: PropertyValue | undefined;
}

const MARK = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";

/** Stands for a value that is not known before the update, of any type. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const UNKNOWNS: ReadonlySet<PropertyValue> = new Set([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // bool
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** True when the value itself stands for one that is not known yet. */
export function isUnknown(value: PropertyValue | undefined): boolean {
  return typeof value === "string" && UNKNOWNS.has(value);
}

export function isObject(value: PropertyValue | undefined): value is PropertyObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: PropertyValue | undefined): value is readonly PropertyValue[] {
  return Array.isArray(value);
}

/** True when the value itself is marked as a secret. */
export function isSecret(value: PropertyValue | undefined): boolean {
  return isObject(value) && value[MARK] === SECRET;
}

/** The value as a secret; a value that is one already stays as it is. */
export function secret(value: PropertyValue): PropertyValue {
  return isSecret(value) ? value : { [MARK]: SECRET, value };
}

/** The value without marks of secrets, at any depth. Only for use inside the plugin: nothing of it may be logged. */
export function reveal(value: PropertyValue | undefined): PropertyValue {
  if (value === undefined) return null;
  if (isArray(value)) return value.map(reveal);
  if (!isObject(value)) return value;
  if (isSecret(value)) return reveal(value.value);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, reveal(inner)]));
}

/** The properties of an object without marks of secrets; an object for anything else. */
export function revealObject(value: PropertyValue | undefined): PropertyObject {
  const revealed = reveal(value);
  return isObject(revealed) ? revealed : {};
}

/** What an asset or archive holds. */
export interface Source {
  readonly kind: "asset" | "archive";
  /** A file or directory on this machine. */
  readonly path?: string;
  /** The content itself; only of an asset. */
  readonly text?: string;
  readonly hash: string;
}

/** Reads an asset or archive; undefined when the value is something else. */
export function source(value: PropertyValue | undefined): Source | undefined {
  if (!isObject(value)) return undefined;
  const kind = value[MARK] === ASSET ? "asset" : value[MARK] === ARCHIVE ? "archive" : undefined;
  if (kind === undefined) return undefined;
  return {
    kind,
    hash: typeof value.hash === "string" ? value.hash : "",
    ...(typeof value.path === "string" && value.path !== "" ? { path: value.path } : {}),
    ...(kind === "asset" && typeof value.text === "string" && !value.path && !value.uri ? { text: value.text } : {}),
  };
}

/** An asset that names a file on this machine. */
export function fileAsset(path: string, sha256: string): PropertyValue {
  return { [MARK]: ASSET, path, hash: sha256 };
}

/** True when both are the same value, marks of secrets included; assets and archives are compared by hash. */
export function equal(left: PropertyValue | undefined, right: PropertyValue | undefined): boolean {
  if (left === undefined || left === null) return right === undefined || right === null;
  if (isArray(left)) {
    return isArray(right) && left.length === right.length && left.every((value, index) => equal(value, right[index]));
  }
  if (!isObject(left)) return left === right;
  if (!isObject(right)) return false;
  const [leftSource, rightSource] = [source(left), source(right)];
  if (leftSource?.hash && rightSource?.hash) {
    return leftSource.kind === rightSource.kind && leftSource.hash === rightSource.hash;
  }
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((name) => equal(left[name], right[name]));
}
