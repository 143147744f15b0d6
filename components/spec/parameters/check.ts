/** Checks the parameters of a declaration against the named version of PostgreSQL. */
import { type Mistake, nearest, pathOf } from "../mistake";
import type { PostgresqlVersion } from "../types";
import { type Controlled, controlled, refusedValue } from "./controlled";
import { isCustomName, knownLibraries, parameterInfo, parameterTable } from "./table";
import { checkCustomValue, checkValue, type GivenValue } from "./value";

export interface CheckedParameters {
  /** By the server's spelling of the name, in canonical notation, sorted by name. Those with a mistake are left out. */
  readonly values: Readonly<Record<string, string>>;
  readonly mistakes: readonly Mistake[];
}

/** Names of earlier versions, and what they have become. */
const FORMER: Readonly<Record<string, string>> = {
  checkpoint_segments: "max_wal_size took its place",
  force_parallel_mode: "it is called debug_parallel_query now",
  old_snapshot_threshold: "PostgreSQL 17 has it no more",
  promote_trigger_file: "PostgreSQL 16 has it no more",
  replacement_sort_tuples: "PostgreSQL 11 has it no more",
  sql_inheritance: "PostgreSQL 10 has it no more",
  stats_temp_directory: "PostgreSQL 15 has it no more",
  vacuum_cleanup_index_scale_factor: "PostgreSQL 14 has it no more",
  vacuum_defer_cleanup_age: "PostgreSQL 16 has it no more; hot_standby_feedback does its work",
  wal_keep_segments: "wal_keep_size took its place",
};

/** Checks names, types, ranges and units, and that a declaration may set them at all. */
export function checkParameters(
  version: PostgresqlVersion,
  given: Readonly<Record<string, GivenValue>>,
): CheckedParameters {
  const mistakes: Mistake[] = [];
  const values = new Map<string, string>();
  for (const written of Object.keys(given).sort()) {
    const path = pathOf("postgresql", "parameters", written);
    const checked = checkOne(version, written, given[written] as GivenValue);
    if ("problem" in checked) mistakes.push({ path, problem: checked.problem });
    else if (values.has(checked.name))
      mistakes.push({
        path,
        problem: `it is given twice, in two spellings of ${checked.name} (case does not matter: remove one)`,
      });
    else values.set(checked.name, checked.value);
  }
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
  return { values: Object.fromEntries(sorted), mistakes };
}

type One = { readonly name: string; readonly value: string } | { readonly problem: string };

function checkOne(version: PostgresqlVersion, written: string, given: GivenValue): One {
  const info = parameterInfo(version, written);
  if (info === undefined) return checkUnlisted(version, written, given);
  const refusal = controlled(info);
  if (refusal !== undefined) return refused(info.name, refusal);
  const checked = checkValue(info, given);
  if ("problem" in checked) return checked;
  const undone = refusedValue(info.name, checked.value);
  return undone === undefined
    ? { name: info.name, value: checked.value }
    : refused(`${info.name} = ${checked.value}`, undone);
}

function refused(what: string, { reason, advice }: Controlled): One {
  return { problem: `${what} cannot be declared: ${reason} (${advice})` };
}

function checkUnlisted(version: PostgresqlVersion, written: string, given: GivenValue): One {
  const library = knownLibraries(version).find((name) => written.toLowerCase().startsWith(`${name}.`));
  if (isCustomName(written) && library === undefined) {
    const checked = checkCustomValue(given);
    return "problem" in checked ? checked : { name: written, value: checked.value };
  }
  const former = FORMER[written.toLowerCase()];
  const names = [...parameterTable(version).keys()];
  const candidates = library === undefined ? names : names.filter((name) => name.startsWith(`${library}.`));
  const near = nearest(written, candidates);
  const otherwise =
    library === undefined ? "names of extensions' parameters have a dot in them" : `there are ${candidates.join(", ")}`;
  const advice = former ?? (near === undefined ? otherwise : `did you mean ${near}?`);
  return {
    problem: `PostgreSQL ${version} has no such parameter${library === undefined ? "" : ` of ${library}`} (${advice})`,
  };
}
