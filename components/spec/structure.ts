/** Mistakes of structure: what zod found, said in the words of the declaration. */
import type { z } from "zod";
import { type Allowed, allowed } from "./allowed";
import { listed, type Mistake, nearest, pathOf, show } from "./mistake";

type Schema = z.core.$ZodType;
type Issue = z.core.$ZodIssue;
type Step = string | number;

/** Turns the issues that zod found in `input` into mistakes. */
export function structureMistakes(schema: Schema, input: unknown, issues: readonly Issue[]): Mistake[] {
  return issues.flatMap((issue) => mistakesOf(schema, input, issue, []));
}

function mistakesOf(root: Schema, input: unknown, issue: Issue, before: readonly Step[]): Mistake[] {
  const steps = [...before, ...issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))];
  const path = pathOf(...steps);
  const value = at(input, steps);
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = fieldsAt(root, input, steps);
      return issue.keys.map((key) => ({ path: pathOf(...steps, key), problem: unknownField(key, known) }));
    }
    case "invalid_union": {
      const kinds = kindsAt(root, input, steps);
      if (kinds.length > 0) return [{ path, problem: sentence(value, { expected: `one of ${kinds.join(", ")}` }) }];
      const inside = issue.errors.find((errors) => errors.length > 0 && errors.every(({ path }) => path.length > 0));
      const deeper = inside ?? issue.errors.find((errors) => errors.some(({ code }) => code === "unrecognized_keys"));
      if (deeper !== undefined) return deeper.flatMap((nested) => mistakesOf(root, input, nested, steps));
      return [{ path, problem: sentence(value, describe(schemaAt(root, input, steps))) }];
    }
    case "invalid_key": {
      const key = String(steps[steps.length - 1]);
      const record = unwrap(schemaAt(root, input, steps.slice(0, -1)));
      const keys = record?._zod.def.type === "record" ? (record as z.core.$ZodRecord)._zod.def.keyType : undefined;
      return [{ path, problem: sentence(key, describe(keys), "the key") }];
    }
    case "custom":
      return [{ path, problem: issue.message }];
    default:
      return [{ path, problem: sentence(value, describe(schemaAt(root, input, steps))) }];
  }
}

function sentence(value: unknown, { expected, advice }: Allowed, what?: string): string {
  const given = value === undefined ? "is missing" : `got ${what === undefined ? "" : `${what} `}${show(value)}`;
  return `${given}; expected ${expected}${advice === undefined ? "" : ` (${advice})`}`;
}

function unknownField(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  const advice = near === undefined ? "remove it, or put it where it belongs" : `did you mean ${near}?`;
  return `there is no such field; expected ${known.length === 1 ? "only" : "one of"} ${known.join(", ")} (${advice})`;
}

/** What may stand in a place of the schema, in the words of the mistakes. `input` decides where the schema has variants. */
export function allowedAt(schema: Schema, input: unknown, steps: readonly Step[]): Allowed {
  return describe(schemaAt(schema, input, steps));
}

/** The value at a path of the input; undefined where there is none. */
function at(input: unknown, steps: readonly Step[]): unknown {
  return steps.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, step)
        ? (value as Record<Step, unknown>)[step]
        : undefined,
    input,
  );
}

/** The schema of the place at a path. Where a union stands in the way, the value that was given decides. */
function schemaAt(root: Schema, input: unknown, steps: readonly Step[]): Schema | undefined {
  let schema: Schema | undefined = root;
  let value = input;
  for (const step of steps) {
    schema = stepInto(schema, value, step);
    value = at(value, [step]);
  }
  return schema;
}

function stepInto(schema: Schema | undefined, value: unknown, step: Step): Schema | undefined {
  const inner = unwrap(schema) as z.core.$ZodTypes | undefined;
  const def = inner?._zod.def;
  switch (def?.type) {
    case "object":
      return def.shape[step];
    case "record":
      return def.valueType;
    case "array":
      return def.element;
    case "union":
      return branch(def, value, step);
    default:
      return undefined;
  }
}

function branch(def: z.core.$ZodUnionDef, value: unknown, step: Step): Schema | undefined {
  if (!("discriminator" in def))
    return def.options.map((option) => stepInto(option, value, step)).find((found) => found !== undefined);
  const name = String(def.discriminator);
  const kind = at(value, [name]);
  const kinds = def.options.map((option) => stepInto(option, value, name)) as (Schema | undefined)[];
  const chosen = kinds.findIndex((schema) => literals(schema).includes(kind));
  return chosen < 0 ? undefined : stepInto(def.options[chosen], value, step);
}

/** Where the path is the discriminator of a union: its values. */
function kindsAt(root: Schema, input: unknown, steps: readonly Step[]): string[] {
  const def = (unwrap(schemaAt(root, input, steps.slice(0, -1))) as z.core.$ZodTypes | undefined)?._zod.def;
  const name = steps[steps.length - 1];
  if (def?.type !== "union" || !("discriminator" in def) || def.discriminator !== name) return [];
  return def.options.flatMap((option) => literals(stepInto(option, undefined, String(name))).map(String));
}

function literals(schema: Schema | undefined): readonly unknown[] {
  const inner = unwrap(schema) as z.core.$ZodTypes | undefined;
  return inner?._zod.def.type === "literal" ? inner._zod.def.values : [];
}

function unwrap(schema: Schema | undefined): Schema | undefined {
  let inner = schema as z.core.$ZodTypes | undefined;
  while (inner !== undefined && "innerType" in inner._zod.def) inner = inner._zod.def.innerType as z.core.$ZodTypes;
  return inner;
}

function fieldsAt(root: Schema, input: unknown, steps: readonly Step[]): string[] {
  return fields(schemaAt(root, input, steps), at(input, steps));
}

function fields(schema: Schema | undefined, value: unknown): string[] {
  const def = (unwrap(schema) as z.core.$ZodTypes | undefined)?._zod.def;
  if (def?.type === "object") return Object.keys(def.shape);
  if (def?.type !== "union") return [];
  const name = "discriminator" in def ? String(def.discriminator) : undefined;
  const options =
    name === undefined
      ? def.options
      : def.options.filter((option) => literals(stepInto(option, value, name)).includes(at(value, [name])));
  return [...new Set(options.flatMap((option) => fields(option, value)))];
}

/** What is allowed in a place: as registered, or as its type says. */
function describe(schema: Schema | undefined): Allowed {
  const inner = unwrap(schema) as z.core.$ZodTypes | undefined;
  if (inner === undefined) return { expected: "something else" };
  const registered = allowed.get(inner);
  if (registered !== undefined) return registered;
  const def = inner._zod.def;
  switch (def.type) {
    case "enum":
      return { expected: `one of ${Object.values(def.entries).join(", ")}` };
    case "literal":
      return { expected: listed(def.values.map((value) => (typeof value === "string" ? show(value) : String(value)))) };
    case "boolean":
      return { expected: "true or false" };
    case "object":
      return { expected: `an object with ${Object.keys(def.shape).join(", ")}` };
    case "record":
      return { expected: "an object" };
    case "array":
      return { expected: "a list" };
    case "union":
      return { expected: listed(def.options.map((option) => describe(option).expected)) };
    default:
      return { expected: `a ${def.type}` };
  }
}
