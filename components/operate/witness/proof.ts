/** What clients saw during one update, as it was measured, and the words for it. Pure. */

/** One kind of error that clients got. */
export interface ClientError {
  /** Pooler machine through which the client works. */
  readonly pooler: string;
  /** 6432: a write; 6433: a read. */
  readonly port: number;
  /** As the client's driver says it. */
  readonly error: string;
  readonly count: number;
  /** When it was seen first and last, in seconds since the measurement began. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What the witness measured. Times are in seconds. */
export interface Measured {
  /** From the first acknowledged write until the last resource was done. */
  readonly seconds: number;
  /** Longest time without any acknowledged write through any pooler. Contains the time between two writes, at most 0.1 s. */
  readonly longestWritePause: number;
  /** The same for the unluckiest pooler's clients. */
  readonly longestWritePauseOfOnePooler: { readonly pooler: string; readonly seconds: number };
  readonly writesAcknowledged: number;
  /** Acknowledged writes that the leader does not have in the end; null: it could not be asked. */
  readonly writesLost: number | null;
  readonly readsAnswered: number;
  readonly clientErrors: readonly ClientError[];
}

/** The stack output `proof`: the last update that had anything to disturb. */
export interface Proof extends Measured {
  /** When it ended, ISO 8601. */
  readonly at: string;
  /** Steps of the plan that was carried out. */
  readonly steps: number;
}

/** One error of one client, when it happened. */
export interface ErrorEvent {
  readonly pooler: string;
  readonly port: number;
  readonly error: string;
  /** Seconds since the measurement began. */
  readonly at: number;
}

/** Equal errors through the same pooler as one; in the order in which they were seen first. */
export function groupErrors(events: readonly ErrorEvent[]): ClientError[] {
  const groups = new Map<string, ClientError>();
  for (const { pooler, port, error, at } of events) {
    const key = JSON.stringify([pooler, port, error]);
    const known = groups.get(key);
    groups.set(key, {
      pooler,
      port,
      error,
      count: (known?.count ?? 0) + 1,
      firstAt: Math.min(known?.firstAt ?? at, at),
      lastAt: Math.max(known?.lastAt ?? at, at),
    });
  }
  return [...groups.values()].sort((a, b) => a.firstAt - b.firstAt);
}

/** Nothing was lost and no client saw an error. */
export function isClean({ writesLost, clientErrors }: Measured): boolean {
  return writesLost === 0 && clientErrors.length === 0;
}

/** A pooler's clients waited noticeably longer than the cluster as a whole from this difference on, in seconds. */
const NOTICEABLE = 0.2;

/** "longest write pause 1.4 s; 0 client errors; 812 writes acknowledged, 0 lost". */
export function measuredInWords(measured: Measured): string {
  const errors = measured.clientErrors.reduce((sum, { count }) => sum + count, 0);
  return [
    `longest write pause ${seconds(measured.longestWritePause)}`,
    `${errors} client ${errors === 1 ? "error" : "errors"}`,
    `${measured.writesAcknowledged} writes acknowledged, ${lostInWords(measured.writesLost)}`,
  ].join("; ");
}

function lostInWords(lost: number | null): string {
  if (lost === null) return "whether any was lost is not known: no leader could be asked";
  return lost === 0 ? "0 lost" : `${lost} LOST`;
}

/** What one line does not say: who waited longest, and each kind of error. */
export function measuredDetails(measured: Measured): string[] {
  const { longestWritePauseOfOnePooler: worst, longestWritePause, clientErrors } = measured;
  const waited =
    worst.seconds >= longestWritePause + NOTICEABLE
      ? [`clients of ${worst.pooler} waited longest: ${seconds(worst.seconds)}`]
      : [];
  return [...waited, ...clientErrors.map(errorInWords)];
}

function errorInWords({ pooler, port, error, count, firstAt, lastAt }: ClientError): string {
  const when =
    count === 1 ? `once, at ${seconds(firstAt)}` : `${count} times, from ${seconds(firstAt)} to ${seconds(lastAt)}`;
  return `${pooler}, port ${port}: ${error} (${when})`;
}

function seconds(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} s`;
}

/** The lines with which an update ends. */
export function updateReport(measured: Measured): string[] {
  const head = `Measured during this update (${Math.round(measured.seconds)} s): ${measuredInWords(measured)}`;
  return [head, ...measuredDetails(measured).map((line) => `  ${line}`)];
}
