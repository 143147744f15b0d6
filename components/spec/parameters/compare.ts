/** Whether the table of parameters is true of a server: for a test against a running one. */
import type { PostgresqlVersion } from "../types";
import { type ParameterInfo, parameterTable } from "./table";

/** One row and column: the server's parameters, as JSON in the shape of the table. */
export const PARAMETERS_QUERY = `
  SELECT json_agg(json_strip_nulls(json_build_object(
    'name', name, 'vartype', vartype, 'unit', unit, 'min', min_val, 'max', max_val, 'enumvals', enumvals,
    'context', context, 'boot', boot_val, 'category', category)) ORDER BY name COLLATE "C")
  FROM pg_settings`;

/**
 * What a server has different from the table, one line for each parameter; empty where the table is true.
 * @param rows The answer to PARAMETERS_QUERY. Parameters with a dot that the table does not know are left out: other
 *   libraries bring them.
 */
export function tableDifferences(version: PostgresqlVersion, rows: readonly ParameterInfo[]): string[] {
  const table = parameterTable(version);
  const seen = new Map(rows.map((row) => [row.name, row]));
  const missing = [...table.keys()].filter((name) => !seen.has(name)).map((name) => `${name}: not on the server`);
  const others = rows.flatMap((row) => {
    const known = table.get(row.name);
    if (known === undefined) return row.name.includes(".") ? [] : [`${row.name}: not in the table`];
    const [expected, actual] = [known, row].map(canonical);
    return expected === actual ? [] : [`${row.name}: the table has ${expected}, the server ${actual}`];
  });
  return [...missing, ...others];
}

function canonical(info: ParameterInfo): string {
  const entries = Object.entries(info).filter(([, value]) => value !== undefined);
  return JSON.stringify(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))));
}
