/**
 * Reads what can be read of a declaration with mistakes in its structure, so that the rules between fields are checked
 * all the same and all mistakes are reported at once.
 */
import type { z } from "zod";
import { pathOf } from "./mistake";

type Schema = z.core.$ZodTypes;

/** A value of which every part may be missing, because it could not be read. */
export type Readable<T> = T extends readonly (infer E)[]
  ? readonly Readable<E>[]
  : T extends object
    ? { readonly [K in keyof T]?: Readable<T[K]> | undefined }
    : T;

export interface Salvaged {
  readonly value: unknown;
  /** Paths of what could not be read. */
  readonly unreadable: ReadonlySet<string>;
}

/** Reads every part of the input for itself; defaults are filled in as by the schema. */
export function salvage(schema: z.core.$ZodType, input: unknown): Salvaged {
  const unreadable = new Set<string>();
  const value = read(schema as Schema, input, [], unreadable);
  return { value, unreadable };
}

function read(schema: Schema, input: unknown, steps: readonly (string | number)[], unreadable: Set<string>): unknown {
  const def = schema._zod.def;
  switch (def.type) {
    case "optional":
      return input === undefined ? undefined : read(def.innerType as Schema, input, steps, unreadable);
    case "default":
      return input === undefined ? def.defaultValue : read(def.innerType as Schema, input, steps, unreadable);
    case "prefault":
      return read(def.innerType as Schema, input === undefined ? def.defaultValue : input, steps, unreadable);
    case "object":
      if (!isRecord(input)) break;
      return mapped(Object.keys(def.shape), (field) =>
        read(def.shape[field] as Schema, input[field], [...steps, field], unreadable),
      );
    case "record":
      if (!isRecord(input)) break;
      // An entry that cannot be read stays, without a value: that its key was written is known.
      return Object.fromEntries(
        Object.keys(input).map((key) => [key, read(def.valueType as Schema, input[key], [...steps, key], unreadable)]),
      );
    case "array":
      if (!Array.isArray(input)) break;
      return input
        .map((element, index) => read(def.element as Schema, element, [...steps, index], unreadable))
        .filter((element) => element !== undefined);
    case "union": {
      const option = def.options.find((candidate) => fits(candidate as Schema, input, def));
      if (option === undefined) break;
      return read(option as Schema, input, steps, unreadable);
    }
    default: {
      const result = (schema as unknown as z.ZodType).safeParse(input);
      if (result.success) return result.data;
    }
  }
  unreadable.add(pathOf(...steps));
  return undefined;
}

/** Whether a value is meant for an option of a union: by its discriminator, or by its kind of value. */
function fits(option: Schema, input: unknown, union: z.core.$ZodUnionDef): boolean {
  const def = option._zod.def;
  if ("discriminator" in union && def.type === "object") {
    const field = String(union.discriminator);
    const literal = (def.shape[field] as Schema)._zod.def;
    return isRecord(input) && literal.type === "literal" && literal.values.includes(input[field] as string);
  }
  if (def.type === "object") return isRecord(input);
  if (def.type === "array") return Array.isArray(input);
  return (option as unknown as z.ZodType).safeParse(input).success;
}

function mapped(keys: readonly string[], value: (key: string) => unknown): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, value(key)]).filter(([, read]) => read !== undefined));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
