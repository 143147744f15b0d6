/**
 * A planned change of leader that clients notice as a short wait: the read-write poolers hold their clients, Patroni hands
 * over, and each pooler goes on once its own route leads to the new leader alone. Patroni alone decides who leads; what is
 * done here is to ask, to hold clients, and to shorten the ways. At any failure the clients go on.
 */
import { chooseCandidate } from "./candidate";
import { messageOf, OperateError } from "./errors";
import { FIRST_COMMIT_TIMEOUT_MS, type HandoverResult, handOver, RefusedHandover } from "./handover";
import { allCaughtUp } from "./health";
import type { Observation } from "./observation";
import { openPoolers } from "./pools";
import { checkpoint, type PreflightOptions, preflight } from "./preflight";
import { quickHandover } from "./quick";
import { withSql } from "./sql";
import type { SshPool } from "./ssh";
import { sleep, untilObserved } from "./wait";

export interface SwitchoverOptions extends PreflightOptions {
  /** Who is to lead; default: chosen, see `chooseCandidate`. */
  readonly candidate?: string;
  /** Members that are not to be chosen. */
  readonly avoid?: readonly string[];
  /** How long a pause may wait for running transactions, in seconds; default 2. Clients wait meanwhile. */
  readonly drainSeconds?: number;
  /** Wait until the old leader streams from the new one. Default true. */
  readonly waitForOldLeader?: boolean;
}

export interface SwitchoverResult extends HandoverResult {
  readonly from: string;
  readonly to: string;
  /** Poolers that were not reachable and so not paused; their clients may have seen errors. */
  readonly skipped: readonly string[];
}

/** The old leader's restart as a replica, and pg_rewind where needed, in ms. */
const REJOIN_TIMEOUT_MS = 120_000;
/** Patroni declines when it has just changed its mind about the standbys that acknowledge; a moment later it does not. */
const ATTEMPTS = 3;
const BETWEEN_ATTEMPTS_MS = 3000;

/** Carries out a switchover. @throws OperateError; clients are not left waiting then, and the message says who leads. */
export async function switchover(pool: SshPool, options: SwitchoverOptions = {}): Promise<SwitchoverResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(pool, options);
    } catch (error) {
      if (!(error instanceof RefusedHandover) || attempt === ATTEMPTS) throw error;
      options.onProgress?.(`${messageOf(error)}; trying again`);
      await sleep(BETWEEN_ATTEMPTS_MS);
    }
  }
}

async function attemptOnce(pool: SshPool, options: SwitchoverOptions): Promise<SwitchoverResult> {
  const say = options.onProgress ?? (() => undefined);
  const observation = await preflight(pool, options);
  const from = observation.leader as string;
  const to = candidateOf(observation, options, say);
  await checkpoint(pool, from);
  options.signal?.throwIfAborted();

  const { open, skipped } = await openPoolers(pool, observation);
  const quick = quickHandover(pool, observation, from, to);
  try {
    await quick.arm();
    const drainSeconds = options.drainSeconds ?? 2;
    const result = await withSql(
      pool,
      to,
      (candidate) =>
        withSql(
          pool,
          to,
          (committer) => handOver(pool, { from, to, poolers: open, candidate, committer, quick, drainSeconds, say }),
          { statementTimeoutMs: FIRST_COMMIT_TIMEOUT_MS },
        ),
      { statementTimeoutMs: 2000 },
    );
    if (options.waitForOldLeader !== false) await untilRejoined(pool, observation, from, to, options);
    // Readers of the new leader have stayed on it: now they go to replicas, and are out of the way of its next stop.
    await Promise.all(open.map((pooler) => pooler.reconnect().catch((error) => say(messageOf(error)))));
    return { from, to, ...result, skipped };
  } finally {
    await quick.end();
    for (const pooler of open) pooler.close();
  }
}

function candidateOf(seen: Observation, options: SwitchoverOptions, say: (message: string) => void): string {
  const choice = chooseCandidate(seen, {
    ...(options.candidate === undefined ? {} : { wanted: options.candidate }),
    ...(options.avoid === undefined ? {} : { avoid: options.avoid }),
  });
  if (choice.kind === "chosen") {
    say(`${choice.candidate} takes over from ${seen.leader}: ${choice.why}`);
    return choice.candidate;
  }
  const advice = "Bring a replica to health first, or name another candidate; nothing was changed";
  throw new OperateError(`cluster ${seen.cluster}`, "choosing the next leader", choice.reasons.join("; "), advice);
}

async function untilRejoined(
  pool: SshPool,
  before: Observation,
  from: string,
  to: string,
  options: SwitchoverOptions,
): Promise<void> {
  options.onProgress?.(`waiting for ${from} to stream from ${to}`);
  const away = before.machines.filter((m) => !m.member?.answers).map((m) => m.key);
  await untilObserved(pool, (seen) => allCaughtUp(seen, away), {
    what: `${from} streams from ${to}`,
    timeoutMs: REJOIN_TIMEOUT_MS,
    ...(options.signal ? { signal: options.signal } : {}),
    advice: `${to} leads and clients are served; look at Patroni's journal on ${from}`,
  });
}
