/** The inputs of each resource of `@pulumi/command` 1.2.1, and the check of a program's inputs against them. */
import {
  isArray,
  isObject,
  isSecret,
  isUnknown,
  type PropertyObject,
  type PropertyValue,
  reveal,
  secret,
  source,
} from "./property-values";

/** What a field may hold. */
type FieldType =
  | { readonly is: "string" | "number" | "boolean" | "any" | "source" }
  | { readonly is: "enum"; readonly values: readonly string[] }
  | { readonly is: "array" | "map"; readonly of: FieldType }
  | { readonly is: "object"; readonly fields: Fields };

interface Field {
  readonly type: FieldType;
  readonly required?: true;
  /** Used when the program gives none. */
  readonly default?: PropertyValue;
  /** A change of it replaces the resource instead of updating it. */
  readonly replaces?: true;
  /** Always stored as a secret. */
  readonly secret?: true;
}

export type Fields = Readonly<Record<string, Field>>;

const string: Field = { type: { is: "string" } };
const strings: Field = { type: { is: "array", of: { is: "string" } } };
const boolean: Field = { type: { is: "boolean" } };

const endpoint: Fields = {
  host: { type: { is: "string" }, required: true },
  port: { type: { is: "number" }, default: 22 },
  user: { type: { is: "string" }, default: "root" },
  password: string,
  privateKey: string,
  privateKeyPassword: string,
  agentSocketPath: string,
  hostKey: string,
  dialErrorLimit: { type: { is: "number" }, default: 10 },
  perDialTimeout: { type: { is: "number" }, default: 15 },
};

const connection: Field = {
  type: { is: "object", fields: { ...endpoint, proxy: { type: { is: "object", fields: endpoint } } } },
  required: true,
  secret: true,
};

const triggers: Field = { type: { is: "array", of: { is: "any" } }, replaces: true };
const logging: Field = { type: { is: "enum", values: ["stdout", "stderr", "stdoutAndStderr", "none"] } };

const execution: Fields = {
  environment: { type: { is: "map", of: { is: "string" } } },
  stdin: string,
  logging,
  addPreviousOutputInEnv: boolean,
};

const localExecution: Fields = {
  ...execution,
  interpreter: strings,
  dir: string,
  assetPaths: strings,
  archivePaths: strings,
};

const lifecycle: Fields = { create: string, update: string, delete: string, triggers };

/** Inputs by resource type. */
export const resources = {
  "command:remote:Command": { connection, ...execution, ...lifecycle },
  "command:remote:CopyToRemote": {
    connection,
    triggers,
    source: { type: { is: "source" }, required: true },
    remotePath: { type: { is: "string" }, required: true },
  },
  "command:local:Command": { ...localExecution, ...lifecycle },
} as const satisfies Record<string, Fields>;

export type ResourceType = keyof typeof resources;

/** Arguments of the function `command:local:run`. */
export const runArguments: Fields = { ...localExecution, command: { type: { is: "string" }, required: true } };

export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/**
 * Checks inputs and fills in defaults. A failure names the property and its type, never a value: a value may be a secret.
 */
export function checkFields(
  inputs: PropertyObject,
  fields: Fields,
): { inputs: PropertyObject; failures: readonly CheckFailure[] } {
  const failures: CheckFailure[] = [];
  const checked = checkObject("", inputs, fields, failures);
  return { inputs: checked, failures };
}

function checkObject(prefix: string, given: PropertyObject, fields: Fields, failures: CheckFailure[]): PropertyObject {
  const result: Record<string, PropertyValue> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    // The SDK sends its own properties beside those of the resource.
    if (prefix === "" && name.startsWith("__")) continue;
    const field = fields[name];
    if (!field) {
      failures.push({
        property: prefix + name,
        reason: `unknown property; known are ${Object.keys(fields).join(", ")}`,
      });
      continue;
    }
    const checked = checkValue(prefix + name, value, field.type, failures);
    result[name] = field.secret ? secret(checked) : checked;
  }
  for (const [name, field] of Object.entries(fields)) {
    if (result[name] !== undefined) continue;
    if (field.default !== undefined) result[name] = field.default;
    else if (field.required) failures.push({ property: prefix + name, reason: "missing, and it is required" });
  }
  return result;
}

function checkValue(path: string, value: PropertyValue, type: FieldType, failures: CheckFailure[]): PropertyValue {
  if (isUnknown(value)) return value;
  if (isSecret(value) && isObject(value)) return secret(checkValue(path, value.value ?? null, type, failures));
  const wrong = (expected: string): PropertyValue => {
    failures.push({ property: path, reason: `expected ${expected}, got ${nameOfType(value)}` });
    return value;
  };
  switch (type.is) {
    case "any":
      return value;
    case "string":
    case "number":
    case "boolean":
      return typeof value === type.is ? value : wrong(`a ${type.is}`);
    case "enum":
      return type.values.includes(`${reveal(value)}`) ? value : wrong(`one of ${type.values.join(", ")}`);
    case "source":
      return source(value) ? value : wrong("an asset or an archive");
    case "array":
      if (!isArray(value)) return wrong("an array");
      return value.map((inner, index) => checkValue(`${path}[${index}]`, inner, type.of, failures));
    case "map":
      if (!isObject(value)) return wrong("a map");
      return Object.fromEntries(
        Object.entries(value)
          .filter(([, inner]) => inner !== null && inner !== undefined)
          .map(([name, inner]) => [name, checkValue(`${path}.${name}`, inner ?? null, type.of, failures)]),
      );
    case "object":
      return isObject(value) ? checkObject(`${path}.`, value, type.fields, failures) : wrong("an object");
  }
}

function nameOfType(value: PropertyValue): string {
  if (isArray(value)) return "an array";
  if (source(value)) return "an asset or archive";
  return isObject(value) ? "an object" : `a ${typeof value}`;
}
