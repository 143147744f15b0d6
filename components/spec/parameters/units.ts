/** Units of PostgreSQL's parameters, by the rules of its manual, section "Parameter Names and Values". */

/** A unit that a value may be written with, and how much it is in the family's smallest. Largest first. */
interface Unit {
  readonly name: string;
  readonly size: number;
}

const MEMORY: readonly Unit[] = [
  { name: "TB", size: 1024 ** 4 },
  { name: "GB", size: 1024 ** 3 },
  { name: "MB", size: 1024 ** 2 },
  { name: "kB", size: 1024 },
  { name: "B", size: 1 },
];
const TIME: readonly Unit[] = [
  { name: "d", size: 86_400_000_000 },
  { name: "h", size: 3_600_000_000 },
  { name: "min", size: 60_000_000 },
  { name: "s", size: 1_000_000 },
  { name: "ms", size: 1000 },
  { name: "us", size: 1 },
];

/** Unit of a parameter: what its bare numbers count in. */
export interface BaseUnit {
  readonly kind: "memory" | "time";
  readonly units: readonly Unit[];
  /** In the family's smallest unit: 8192 for "8kB". */
  readonly size: number;
}

/** Reads a unit of pg_settings: "kB", "8kB", "ms", "min". */
export function baseUnit(unit: string): BaseUnit {
  const [, count, name] = /^([0-9]*)([A-Za-z]+)$/.exec(unit) ?? [];
  for (const [kind, units] of [["memory", MEMORY] as const, ["time", TIME] as const]) {
    const found = units.find((candidate) => candidate.name === name);
    if (found !== undefined) return { kind, units, size: found.size * (count === "" ? 1 : Number(count)) };
  }
  throw new RangeError(`unknown unit of pg_settings: "${unit}"`);
}

/**
 * A written quantity in the base unit; undefined where the unit is none of the family's. As in PostgreSQL, a fraction is
 * rounded to a whole number of the next smaller unit: "30.1GB" is 30822MB.
 */
export function inBaseUnit(value: number, unitName: string, base: BaseUnit): number | undefined {
  const index = base.units.findIndex(({ name }) => name === unitName);
  const unit = base.units[index];
  if (unit === undefined) return undefined;
  const next = base.units[index + 1];
  const exact = (value * unit.size) / base.size;
  if (next === undefined) return exact;
  const step = next.size / base.size;
  return roundHalfEven(exact / step) * step;
}

/** Less than this much of the smallest unit is the noise of binary fractions. */
const NOISE = 1e-6;

/**
 * The shortest text with a unit: 131072 of 8kB is "1GB". undefined where there is no exact one, and for 0 and what is
 * below it, which stand for themselves.
 */
export function inWholeUnits(value: number, base: BaseUnit): string | undefined {
  const smallest = Math.round(value * base.size);
  if (value <= 0 || smallest === 0 || Math.abs(value * base.size - smallest) > NOISE) return undefined;
  if (!Number.isSafeInteger(smallest)) return undefined;
  const unit = base.units.find(({ size }) => smallest % size === 0);
  return unit === undefined ? undefined : `${smallest / unit.size}${unit.name}`;
}

/** As C's rint: a half goes to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
