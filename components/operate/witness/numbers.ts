/** Sets of numbers that mostly follow each other, as runs: hours of them take no room. Pure. */

/** From the first to the last number, both included. */
export type Run = readonly [first: number, last: number];

/** The runs with one more number, which is greater than all of them. */
export function withNext(runs: Run[], number: number): void {
  const last = runs.at(-1);
  if (last !== undefined && number <= last[1])
    throw new Error(`${number} does not come after ${last[1]}: numbers are given out in ascending order`);
  if (last !== undefined && last[1] === number - 1) runs[runs.length - 1] = [last[0], number];
  else runs.push([number, number]);
}

/** How many numbers there are. */
export function countOf(runs: readonly Run[]): number {
  return runs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** How many of the wanted numbers are not there. Runs of one set do not overlap; their order does not matter. */
export function missingFrom(wanted: readonly Run[], there: readonly Run[]): number {
  const found = wanted.reduce(
    (sum, [first, last]) =>
      sum + there.reduce((part, [from, to]) => part + Math.max(0, Math.min(last, to) - Math.max(first, from) + 1), 0),
    0,
  );
  return countOf(wanted) - found;
}
