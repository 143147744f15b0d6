/** What is known of PostgreSQL's parameters, from a real server of each version. Made by toolchain/generate/parameters.ts. */
import type { PostgresqlVersion } from "../types";
import table17 from "./17.json";

/**
 * When a change of a parameter comes into force (pg_settings.context): `internal`: never, it is fixed; `postmaster`: at a
 * restart; `sighup`: at a reload; `backend`, `superuser-backend`: at a reload, for new connections; `superuser`, `user`:
 * at a reload, for every session that has not set it itself.
 */
export type ParameterContext =
  | "internal"
  | "postmaster"
  | "sighup"
  | "backend"
  | "superuser-backend"
  | "superuser"
  | "user";

export type ParameterType = "bool" | "enum" | "integer" | "real" | "string";

export interface ParameterInfo {
  /** As the server spells it. */
  readonly name: string;
  readonly vartype: ParameterType;
  /** Unit that a bare number counts in: "kB", "8kB", "16MB"(segments), "MB", "B", "ms", "s", "min"; absent: none. */
  readonly unit?: string;
  /** Least value, in `unit`. */
  readonly min?: string;
  /** Greatest value, in `unit`. */
  readonly max?: string;
  /** Values of an enum. */
  readonly enumvals?: readonly string[];
  readonly context: ParameterContext;
  /** Value when nobody sets it, in `unit`; absent: none. */
  readonly boot?: string;
  readonly category: string;
}

/** Contents of <version>.json. */
export interface ParameterTableFile {
  /** Version of the server that was asked. */
  readonly server: string;
  /** Libraries that it had loaded: their parameters are in the table too. */
  readonly libraries: readonly string[];
  readonly parameters: readonly ParameterInfo[];
}

const FILES: Readonly<Record<PostgresqlVersion, ParameterTableFile>> = { 17: table17 as ParameterTableFile };

const TABLES = Object.fromEntries(
  Object.entries(FILES).map(([version, { parameters }]) => [
    version,
    new Map(parameters.map((parameter) => [parameter.name, parameter])),
  ]),
) as unknown as Readonly<Record<PostgresqlVersion, ReadonlyMap<string, ParameterInfo>>>;

/** Every parameter of a version by its name, as the server spells it ("DateStyle"). */
export function parameterTable(version: PostgresqlVersion): ReadonlyMap<string, ParameterInfo> {
  return TABLES[version];
}

const BY_LOWER_CASE = Object.fromEntries(
  Object.entries(FILES).map(([version, { parameters }]) => [
    version,
    new Map(parameters.map((parameter) => [parameter.name.toLowerCase(), parameter])),
  ]),
) as unknown as Readonly<Record<PostgresqlVersion, ReadonlyMap<string, ParameterInfo>>>;

/** A parameter by its name; case does not matter, as in PostgreSQL. undefined: the version has none of that name. */
export function parameterInfo(version: PostgresqlVersion, name: string): ParameterInfo | undefined {
  return BY_LOWER_CASE[version].get(name.toLowerCase());
}

/** When a change of the parameter comes into force; of a custom parameter (with a dot): `user`. undefined: there is none. */
export function parameterContext(version: PostgresqlVersion, name: string): ParameterContext | undefined {
  return parameterInfo(version, name)?.context ?? (isCustomName(name) ? "user" : undefined);
}

/** Names of parameters that an extension or an application brings: with a dot in them. */
export function isCustomName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+$/.test(name);
}

/** Libraries whose parameters the table knows all of. */
export function knownLibraries(version: PostgresqlVersion): readonly string[] {
  return FILES[version].libraries;
}
