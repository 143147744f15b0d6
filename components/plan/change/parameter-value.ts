/** Comparing values of PostgreSQL parameters as PostgreSQL would: "1GB", "1024MB" and 131072 pages of 8kB are one value. */
import type { ParameterInfo } from "../../spec";
import { checkValue } from "../../spec/parameters/value";

export type ParameterValue = string | number | boolean;

/** The one notation of a value. Text that PostgreSQL would not take stays as it is. */
export function canonical(info: ParameterInfo | undefined, value: ParameterValue): string {
  // A switch of an extension's own parameter stands in the file in this notation.
  if (info === undefined) return typeof value === "boolean" ? (value ? "on" : "off") : String(value).trim();
  const checked = checkValue(info, value);
  return "value" in checked ? checked.value : String(value).trim();
}

export function sameValue(info: ParameterInfo | undefined, a: ParameterValue, b: ParameterValue): boolean {
  return String(a) === String(b) || canonical(info, a) === canonical(info, b);
}

/**
 * Parameters that a standby must have at least as high as the primary that wrote the WAL it replays
 * (PostgreSQL manual, "Hot Standby", administrator's overview). Patroni starts a replica with the higher of the
 * configured value and the one in its control file, which only comes down when the primary itself has restarted
 * with less; so raising goes replicas first, lowering goes leader first, and a switchover lowers nothing.
 * All are plain numbers.
 */
export const STANDBY_BOUND: readonly string[] = [
  "max_connections",
  "max_locks_per_transaction",
  "max_prepared_transactions",
  "max_wal_senders",
  "max_worker_processes",
];
