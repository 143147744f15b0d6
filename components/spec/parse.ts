import { SpecError } from "./mistake";
import { resolveCluster } from "./resolve";
import { clusterSchema } from "./schema";
import { structureMistakes } from "./structure";
import type { ClusterSpec } from "./types";

/**
 * Parses a declaration: checks it, fills in every default, freezes it deeply. The order in which things are declared does
 * not matter. Parsing a parsed spec again gives the same spec.
 * @throws SpecError with all mistakes of the declaration at once.
 */
export function parseCluster(input: unknown): ClusterSpec {
  const parsed = clusterSchema.safeParse(input);
  if (!parsed.success) throw new SpecError(structureMistakes(clusterSchema, input, parsed.error.issues));
  const parameters = Object.fromEntries(
    Object.entries(parsed.data.postgresql.parameters).map(([name, value]) => [name, String(value)]),
  );
  return resolveCluster(parsed.data, parameters);
}
