/** Bounded waiting: look, judge, look again, until the judgement is good or the time is over. */
import { OperateError } from "./errors";
import type { Observation } from "./observation";
import { observeWith } from "./observe";
import type { SshPool } from "./ssh";

/** A judgement: good, or not yet and why. `hopeless` ends the waiting at once. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly why: string; readonly hopeless?: boolean };

export const fine: Verdict = { ok: true };
export const notYet = (why: string): Verdict => ({ ok: false, why });
export const hopeless = (why: string): Verdict => ({ ok: false, why, hopeless: true });

/** All must hold; the reasons of those that do not, together. */
export function every(verdicts: readonly Verdict[]): Verdict {
  const bad = verdicts.filter((v) => !v.ok);
  if (bad.length === 0) return fine;
  return { ok: false, why: bad.map((v) => v.why).join("; "), hopeless: bad.some((v) => v.hopeless === true) };
}

export interface WaitOptions {
  /** What is waited for, as an error should call it: "db-2 streams again". */
  readonly what: string;
  readonly timeoutMs: number;
  /** Pause between two looks in ms; default 300. */
  readonly everyMs?: number;
  /** What to do when the time is over. */
  readonly advice?: string;
  readonly signal?: AbortSignal;
  /** Called when the reason changes, for progress. */
  readonly onReason?: (why: string) => void;
}

/**
 * Looks until `judge` is content, and returns what it saw then.
 * @throws OperateError with the last reason when the time is over, or when it is hopeless before.
 */
export async function until<T>(look: () => Promise<T>, judge: (seen: T) => Verdict, options: WaitOptions): Promise<T> {
  const begin = Date.now();
  const advice = options.advice ?? "See `npm run cluster -- status`, and the journals of the machines named";
  let last = "nothing was seen yet";
  for (;;) {
    options.signal?.throwIfAborted();
    const seen = await look();
    const verdict = judge(seen);
    if (verdict.ok) return seen;
    if (verdict.why !== last) options.onReason?.(verdict.why);
    last = verdict.why;
    const passed = Date.now() - begin;
    if (verdict.hopeless === true) throw new OperateError(options.what, "waiting for it", last, advice);
    if (passed >= options.timeoutMs) {
      const step = `waiting for it for ${Math.round(passed / 1000)} s`;
      throw new OperateError(options.what, step, last, advice);
    }
    await sleep(options.everyMs ?? 300);
  }
}

/** Observes the cluster until `judge` is content. */
export function untilObserved(
  pool: SshPool,
  judge: (observation: Observation) => Verdict,
  options: WaitOptions,
): Promise<Observation> {
  return until(() => observeWith(pool), judge, options);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
