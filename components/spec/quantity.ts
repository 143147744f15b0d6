/** Sizes and durations of the declaration, as numbers. Their notation is PostgreSQL's own: 1kB is 1024 bytes. */

const MEGABYTES = { MB: 1, GB: 1024, TB: 1024 * 1024 } as const;
const MILLISECONDS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Notation of a size: "512MB", "16GB", "2TB". Whole numbers: "1536MB", not "1.5GB". */
export const SIZE = /^([1-9][0-9]{0,8})(MB|GB|TB)$/;
/** Notation of a duration: "500ms", "30s", "15min", "1h", "1d". */
export const DURATION = /^([1-9][0-9]{0,8})(ms|s|min|h|d)$/;

/** Size in megabytes (of 1024 kB). Throws a RangeError where the text is not a size. */
export function megabytes(size: string): number {
  const [, digits, unit] = SIZE.exec(size) ?? [];
  if (digits === undefined) throw new RangeError(`not a size: "${size}"; expected for example "512MB" or "16GB"`);
  return Number(digits) * MEGABYTES[unit as keyof typeof MEGABYTES];
}

/** Duration in milliseconds. Throws a RangeError where the text is not a duration. */
export function milliseconds(duration: string): number {
  const [, digits, unit] = DURATION.exec(duration) ?? [];
  if (digits === undefined) throw new RangeError(`not a duration: "${duration}"; expected for example "30s" or "1h"`);
  return Number(digits) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
}

/** The shortest notation that is exact: 2048 gives "2GB", 1536 gives "1536MB". */
export function sizeOf(megabytes: number): string {
  for (const unit of ["TB", "GB"] as const) {
    if (megabytes !== 0 && megabytes % MEGABYTES[unit] === 0) return `${megabytes / MEGABYTES[unit]}${unit}`;
  }
  return `${megabytes}MB`;
}
