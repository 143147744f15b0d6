import { type Mistake, SpecError } from "./mistake";
import { checkParameters } from "./parameters/check";
import { resolveCluster } from "./resolve";
import { type Draft, ruleMistakes } from "./rules";
import { type Readable, salvage } from "./salvage";
import { clusterSchema, type Declared } from "./schema";
import { structureMistakes } from "./structure";
import type { ClusterSpec } from "./types";

/**
 * Parses a declaration: checks it, fills in every default, freezes it deeply. The order in which things are declared does
 * not matter. Parsing a parsed spec again gives the same spec.
 * @throws SpecError with all mistakes of the declaration at once.
 */
export function parseCluster(input: unknown): ClusterSpec {
  const parsed = clusterSchema.safeParse(input);
  const structure = parsed.success ? [] : structureMistakes(clusterSchema, input, parsed.error.issues);
  const draft: Draft = parsed.success ? { declared: parsed.data, unreadable: new Set() } : salvagedDraft(input);
  const { version = 17, parameters = {} } = draft.declared.postgresql ?? {};
  const checked = checkParameters(version, parameters as Declared["postgresql"]["parameters"]);
  const rules = [...checked.mistakes, ...ruleMistakes(draft, checked.values)];
  const mistakes = [...structure, ...rules.filter(({ path }) => !structure.some((found) => covers(found, path)))];
  if (!parsed.success || mistakes.length > 0) throw new SpecError(mistakes);
  return resolveCluster(parsed.data, checked.values);
}

function salvagedDraft(input: unknown): Draft {
  const { value, unreadable } = salvage(clusterSchema, input);
  return { declared: (value ?? {}) as Readable<Declared>, unreadable };
}

/** Where the structure is wrong, a rule has nothing to add for the same place or a part of it. */
function covers(found: Mistake, path: string): boolean {
  return path === found.path || path.startsWith(`${found.path}.`) || path.startsWith(`${found.path}[`);
}
