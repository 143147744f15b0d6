/** Writes the TypeScript types of a version's parameters, for completion and compile-time errors in stack files. */
import { controlled } from "../../components/spec/parameters/controlled";
import type { ParameterInfo, ParameterTableFile } from "../../components/spec/parameters/table";

const MEMORY_UNITS = ["B", "kB", "8kB", "MB", "16MB"];

/** Source text of names-<version>.ts. */
export function parameterTypes(major: number, { server, parameters }: ParameterTableFile): string {
  const settable = parameters.filter((info) => controlled(info) === undefined);
  return `${[
    `/** Made from PostgreSQL ${server} by toolchain/generate/parameters.ts: do not edit. */`,
    'import type { MemoryValue, NumberValue, SwitchValue, TimeValue } from "./value-types";',
    "",
    `/** PostgreSQL ${major}'s parameters that a declaration may set. A name with a dot is an extension's or an application's. */`,
    `export interface Parameters${major} {`,
    ...settable.flatMap((info) => [`  /** ${comment(info)} */`, `  ${property(info)}?: ${typeOf(info)};`]),
    // A template, because the text has placeholders of its own.
    `  [custom: \`\${string}.\${string}\`]: string | number | boolean;`,
    "}",
  ].join("\n")}\n`;
}

function property({ name }: ParameterInfo): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}

function typeOf({ vartype, unit, enumvals = [] }: ParameterInfo): string {
  switch (vartype) {
    case "bool":
      return "SwitchValue";
    case "enum": {
      const values = enumvals.map((value) => JSON.stringify(value));
      return [...(enumvals.includes("on") && enumvals.includes("off") ? ["boolean"] : []), ...values].join(" | ");
    }
    case "integer":
    case "real":
      if (unit === undefined) return "NumberValue";
      return MEMORY_UNITS.includes(unit) ? "MemoryValue" : "TimeValue";
    case "string":
      return "string";
  }
}

function comment({ category, context, vartype, unit, min, max, boot }: ParameterInfo): string {
  const numbers =
    vartype === "integer" || vartype === "real" ? [`${min} to ${max}${unit === undefined ? "" : ` (${unit})`}`] : [];
  const preset = boot === undefined ? [] : [`PostgreSQL's default ${boot === "" ? "empty" : boot}`];
  return [category, ...numbers, ...preset, context === "postmaster" ? "restart" : "reload"]
    .join("; ")
    .replaceAll("*/", "* /");
}
