/** Mistakes in a declaration, and the one error that reports all of them. */

/** One mistake. */
export interface Mistake {
  /** Where: `machines.db-3.zone`. Empty: the declaration as a whole. */
  readonly path: string;
  /** What was given, what is allowed and what to do: `got "x"; expected one of a, b, c (…)`. */
  readonly problem: string;
}

/** Everything that is wrong with a declaration, in the order of the paths. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const sorted = distinct([...mistakes].sort((a, b) => compare(a.path, b.path) || compare(a.problem, b.problem)));
    const count = sorted.length === 1 ? "1 mistake" : `${sorted.length} mistakes`;
    super([`The declaration has ${count}:`, ...sorted.map((mistake) => `  ${inWords(mistake)}`)].join("\n"));
    this.mistakes = sorted;
  }
}

function inWords({ path, problem }: Mistake): string {
  return path === "" ? problem : `${path}: ${problem}`;
}

function distinct(mistakes: readonly Mistake[]): Mistake[] {
  return mistakes.filter(
    ({ path, problem }, index) =>
      index === 0 || path !== mistakes[index - 1]?.path || problem !== mistakes[index - 1]?.problem,
  );
}

/** Order by code units: the same on every machine, whatever its locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A path in the notation of mistakes; a step that is not a plain name is put in brackets. */
export function pathOf(...steps: readonly (string | number)[]): string {
  return steps
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}

const LONGEST_SHOWN = 80;

/** A given value as a mistake shows it: JSON, cut where it is long. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint" || typeof value === "symbol" || Number.isNaN(value)) return String(value);
  if (typeof value === "number") return String(value);
  const text = Array.isArray(value) || typeof value === "object" ? safeJson(value) : JSON.stringify(value);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN - 1)}…`;
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return Array.isArray(value) ? "a list" : "an object";
  }
}

/** `a, b or c`. */
export function listed(items: readonly string[], last: "or" | "and" = "or"): string {
  if (items.length <= 1) return items.join("");
  return `${items.slice(0, -1).join(", ")} ${last} ${items[items.length - 1]}`;
}

/**
 * The candidate nearest to a mistyped name by edit distance (a swap of neighbours counts once), if it is near enough
 * to be meant: at most a third of the name's length away.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const far = distance(name.toLowerCase(), candidate.toLowerCase());
    if (far < least) {
      best = candidate;
      least = far;
    }
  }
  return best;
}

/** Edit distance with swaps of neighbours (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] as number) + 1);
      row.push(cost);
    }
    before = above;
    above = row;
  }
  return above[b.length] as number;
}
