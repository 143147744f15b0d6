/** Quantities of memory and disk in PostgreSQL's notation. Pure. */

const UNITS = { MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 } as const;

/** Bytes of "512MB", "16GB", "2TB"; 1kB is 1024 bytes, as in PostgreSQL. */
export function parseBytes(text: string): number {
  const match = /^([1-9][0-9]*)(MB|GB|TB)$/.exec(text);
  if (match === null) throw new Error(`size: got "${text}"; expected a number with MB, GB or TB, such as 16GB`);
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
}

export function formatMegabytes(bytes: number): string {
  return `${Math.floor(bytes / UNITS.MB)} MB`;
}
