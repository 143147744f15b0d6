/**
 * A planned change of leader that clients notice as a short wait: the read-write poolers hold their clients, Patroni hands
 * over, and each pooler goes on once its own route leads to the new leader alone. Patroni alone decides who leads; what is
 * done here is to ask, to hold clients, and to shorten the ways. At any failure the clients go on.
 */
import { machinesWith } from "./access";
import { chooseCandidate } from "./candidate";
import { messageOf, OperateError } from "./errors";
import { allCaughtUp } from "./health";
import type { LongTransaction, Observation } from "./observation";
import { observeWith } from "./observe";
import { getCluster, postSwitchover } from "./patroni";
import { describeBlocker, openPooler, type PoolerSession } from "./pools";
import { prepareQuick, type Quick } from "./quick";
import { type Session, withSql } from "./sql";
import type { SshPool } from "./ssh";
import { sleep, untilObserved } from "./wait";

export interface SwitchoverOptions {
  /** Who is to lead; default: chosen, see `chooseCandidate`. */
  readonly candidate?: string;
  /** Members that are not to be chosen. */
  readonly avoid?: readonly string[];
  /** Transactions older than this are waited for before anything is paused, in seconds; default 2. */
  readonly longTransactionSeconds?: number;
  /** How long to wait for those, in ms; default 30 s. Then it gives up and names them. */
  readonly waitForTransactionsMs?: number;
  /** How long a pause may wait for running transactions, in seconds; default 2. Clients wait meanwhile. */
  readonly drainSeconds?: number;
  /** Wait until the old leader streams from the new one. Default true. */
  readonly waitForOldLeader?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

export interface SwitchoverResult {
  readonly from: string;
  readonly to: string;
  /** From the first order to pause until every pooler went on and a commit was acknowledged, in ms. */
  readonly writePauseMs: number;
  /** When each part was done, in ms since the first order to pause. */
  readonly phases: {
    readonly paused: number;
    readonly promoted: number;
    readonly resumed: number;
    readonly committed: number;
  };
  /** Poolers that were not reachable and so not paused; their clients may have seen errors. */
  readonly skipped: readonly string[];
}

/** The poolers' own timers end a pause after this long, in seconds, whoever is gone by then. */
const PAUSE_LIMIT_SECONDS = 20;
/** Patroni gets this long to hand over, in ms; it took 0.5 to 1.8 s in the lab. */
const HANDOVER_TIMEOUT_MS = 12_000;
/** The old leader's restart as a replica, and pg_rewind where needed, in ms. */
const REJOIN_TIMEOUT_MS = 120_000;

/** Carries out a switchover. @throws OperateError; clients are not left waiting then, and the message says who leads. */
export async function switchover(pool: SshPool, options: SwitchoverOptions = {}): Promise<SwitchoverResult> {
  const say = options.onProgress ?? (() => undefined);
  const observation = await preflight(pool, options, say);
  const from = observation.leader as string;
  const choice = chooseCandidate(observation, {
    ...(options.candidate === undefined ? {} : { wanted: options.candidate }),
    ...(options.avoid === undefined ? {} : { avoid: options.avoid }),
  });
  if (choice.kind === "refused") {
    const advice = "Bring a replica to health first, or name another candidate";
    throw new OperateError(
      `cluster ${pool.access.cluster}`,
      "choosing the next leader",
      choice.reasons.join("; "),
      advice,
    );
  }
  const to = choice.candidate;
  say(`${to} takes over from ${from}: ${choice.why}`);
  await checkpoint(pool, from);
  options.signal?.throwIfAborted();

  const { open, skipped } = await openPoolers(pool, observation);
  const drain = options.drainSeconds ?? 2;
  const quick = await prepareQuick(pool, observation, from, to);
  try {
    const result = await withSql(pool, to, (session) => handOver(pool, open, quick, session, from, to, drain, say));
    if (options.waitForOldLeader !== false) {
      say(`waiting for ${from} to stream from ${to}`);
      await untilObserved(pool, (seen) => allCaughtUp(seen, unreachable(observation)), {
        what: `${from} streams from ${to}`,
        timeoutMs: REJOIN_TIMEOUT_MS,
        ...(options.signal ? { signal: options.signal } : {}),
        advice: `${to} leads and clients are served; look at Patroni's journal on ${from}`,
      });
    }
    return { ...result, skipped };
  } finally {
    await quick.end();
    for (const pooler of open) pooler.close();
  }
}

function unreachable(observation: Observation): readonly string[] {
  return observation.machines.filter((m) => !m.member?.answers).map((m) => m.key);
}

/** The cluster is fit for a switchover, and no transaction is old. Returns what was seen. */
async function preflight(
  pool: SshPool,
  options: SwitchoverOptions,
  say: (message: string) => void,
): Promise<Observation> {
  const longTransactionSeconds = options.longTransactionSeconds ?? 2;
  const deadline = Date.now() + (options.waitForTransactionsMs ?? 30_000);
  let named = "";
  for (;;) {
    options.signal?.throwIfAborted();
    const seen = await observeWith(pool, { longTransactionSeconds });
    const refusals = obstacles(seen);
    if (refusals.length > 0) {
      const advice = "See `npm run cluster -- status`; nothing was changed";
      throw new OperateError(`cluster ${seen.cluster}`, "checking before a switchover", refusals.join("; "), advice);
    }
    const leader = seen.machines.find((m) => m.key === seen.leader)?.member;
    const long = leader?.longTransactions ?? [];
    if (long.length === 0) return seen;
    const list = long.map(describeTransaction).join("; ");
    if (Date.now() >= deadline) {
      const reason = `transactions are still open on ${seen.leader}: ${list}`;
      const advice = "End them (pg_terminate_backend) or run this again later; nothing was changed";
      throw new OperateError(`cluster ${seen.cluster}`, "waiting for long transactions", reason, advice);
    }
    const pids = long.map((t) => t.pid).join(", ");
    if (pids !== named) say(`waiting for transactions on ${seen.leader}: ${list}`);
    named = pids;
    await sleep(500);
  }
}

/** What speaks against any switchover now: pure. */
export function obstacles(seen: Observation): readonly string[] {
  const refusals: string[] = [];
  if (seen.leader === null) {
    const why = seen.problems.map((p) => `${p.where}: ${p.what}: ${p.why}`).join("; ");
    return [`no leader is known${why ? ` (${why})` : ""}`];
  }
  const leader = seen.machines.find((m) => m.key === seen.leader);
  if (!leader?.reachable) refusals.push(`the leader's machine ${seen.leader} does not answer over SSH`);
  else if (!leader.member?.answers) refusals.push(`PostgreSQL of the leader ${seen.leader} does not answer`);
  if (seen.patroni?.pause) refusals.push("Patroni is in maintenance mode (patronictl resume ends it)");
  if (seen.patroni?.scheduled_switchover) {
    refusals.push(`a switchover is scheduled already, for ${seen.patroni.scheduled_switchover.at}`);
  }
  if (seen.etcd && !seen.etcd.hasMajority) {
    refusals.push(`only ${seen.etcd.healthyVoters} of ${seen.etcd.voters} etcd voters are healthy`);
  }
  for (const machine of seen.machines) {
    if (!machine.roles.includes("pooler") || !machine.reachable) continue;
    const mute = machine.pooler?.processes.filter((p) => p.state === "unreachable").map((p) => p.process) ?? [];
    if (mute.length > 0) refusals.push(`PgBouncer ${mute.join(", ")} of ${machine.key} does not answer`);
    if (!machine.pooler?.routes) refusals.push(`HAProxy of ${machine.key} does not answer`);
  }
  return refusals;
}

/** "pid 4711 of app in shop, 12.3 s old, idle in transaction: update …". */
export function describeTransaction(t: LongTransaction): string {
  const application = t.application ? ` (${t.application})` : "";
  return `pid ${t.pid} of ${t.user} in ${t.database}${application}, ${t.ageSeconds} s old, ${t.state}: ${t.query}`;
}

/** Writes back what is dirty while clients still work, so that the leader's shutdown has little left to write. */
async function checkpoint(pool: SshPool, leader: string): Promise<void> {
  const limit = 300_000;
  await withSql(
    pool,
    leader,
    async (session) => {
      const begin = Date.now();
      await session.rows("CHECKPOINT");
      // A long one leaves behind what was written meanwhile; the second is short.
      if (Date.now() - begin > 2000) await session.rows("CHECKPOINT");
    },
    { statementTimeoutMs: limit },
  );
}

async function openPoolers(
  pool: SshPool,
  observation: Observation,
): Promise<{ readonly open: readonly PoolerSession[]; readonly skipped: readonly string[] }> {
  const keys = machinesWith(pool.access, "pooler").map((m) => m.key);
  const reachable = keys.filter((key) => observation.machines.some((m) => m.key === key && m.reachable));
  const open = await Promise.all(reachable.map((key) => openPooler(pool, key)));
  return { open, skipped: keys.filter((key) => !reachable.includes(key)) };
}

/** From the first PAUSE to the last RESUME. */
async function handOver(
  pool: SshPool,
  poolers: readonly PoolerSession[],
  quick: Quick,
  candidate: Session,
  from: string,
  to: string,
  drainSeconds: number,
  say: (message: string) => void,
): Promise<Omit<SwitchoverResult, "skipped">> {
  const begin = performance.now();
  const passed = () => Math.round(performance.now() - begin);
  let resumed = false;
  try {
    await pauseAll(poolers, drainSeconds, say);
    const paused = passed();
    await quick.begin();
    const asked = postSwitchover(pool, from, to).then(
      (answer) => ({
        refused: answer.status === 200 ? undefined : `Patroni answered ${answer.status}: ${answer.body}`,
      }),
      (error) => ({ refused: messageOf(error) }),
    );
    await untilPromoted(pool, candidate, asked, from, to);
    const promoted = passed();
    const released = quick.release();
    // Each pooler goes on by itself: its clients need its own route, and not the others'.
    const probe = firstCommit(candidate).then(passed);
    await Promise.all(
      poolers.map(async (pooler) => {
        await pooler.lead(to);
        await pooler.resume();
      }),
    );
    resumed = true;
    const phases = { paused, promoted, resumed: passed(), committed: await probe };
    await released;
    await asked;
    const writePauseMs = Math.max(phases.resumed, phases.committed);
    say(`${to} leads; writes waited ${(writePauseMs / 1000).toFixed(2)} s`);
    return { from, to, writePauseMs, phases };
  } finally {
    if (!resumed) await letGoOn(poolers, say);
  }
}

/** Nobody is left waiting, whatever happened. A pooler that cannot be told resumes by its own timer. */
async function letGoOn(poolers: readonly PoolerSession[], say: (message: string) => void): Promise<void> {
  await Promise.all(
    poolers.map((pooler) =>
      pooler.resume().catch((error) => {
        say(`${messageOf(error)} (its own timer resumes it within ${PAUSE_LIMIT_SECONDS} s)`);
      }),
    ),
  );
}

async function pauseAll(
  poolers: readonly PoolerSession[],
  withinSeconds: number,
  say: (message: string) => void,
): Promise<void> {
  const outcomes = await Promise.all(
    poolers.map(async (pooler) => ({
      key: pooler.key,
      outcome: await pooler.pause({ forSeconds: PAUSE_LIMIT_SECONDS, withinSeconds }),
    })),
  );
  const reasons = outcomes.flatMap(({ key, outcome }) => {
    if (outcome.kind === "paused") return [];
    if (outcome.kind === "failed") return [`${key}: ${outcome.reason}`];
    return [`${key}: ${outcome.reason}`, ...outcome.blockers.map((b) => describeBlocker(key, b))];
  });
  if (reasons.length === 0) return;
  say("the poolers could not be paused; everything goes on as before");
  const advice = "End those transactions or run this again later; the leader is unchanged";
  throw new OperateError("poolers", "pausing them", reasons.join("; "), advice);
}

/** Looks every few ms whether the candidate's PostgreSQL takes writes; ends early when Patroni refuses. */
async function untilPromoted(
  pool: SshPool,
  candidate: Session,
  asked: Promise<{ readonly refused: string | undefined }>,
  from: string,
  to: string,
): Promise<void> {
  let refused: string | undefined;
  void asked.then((answer) => {
    refused = answer.refused;
  });
  const deadline = Date.now() + HANDOVER_TIMEOUT_MS;
  for (;;) {
    const [row] = await candidate.rows<{ recovery: boolean }>("SELECT pg_is_in_recovery() AS recovery");
    if (row?.recovery === false) return;
    const late = Date.now() >= deadline;
    if (refused !== undefined || late) {
      const reason = refused ?? `${to} was not promoted within ${HANDOVER_TIMEOUT_MS / 1000} s`;
      const advice = `${await whoLeads(pool, to)}; see Patroni's journals on ${from} and ${to}`;
      throw new OperateError(`cluster ${pool.access.cluster}`, `switchover from ${from} to ${to}`, reason, advice);
    }
    await sleep(5);
  }
}

async function whoLeads(pool: SshPool, ask: string): Promise<string> {
  try {
    const cluster = await getCluster(pool, ask, 2000);
    const leader = cluster.members.find((m) => m.role === "leader")?.name;
    return leader ? `${leader} leads now` : "Nobody leads at this moment, Patroni is choosing";
  } catch {
    return "Who leads now could not be asked";
  }
}

/** A commit that waits for standbys as any client's does. A message in the WAL: it leaves nothing behind. */
async function firstCommit(session: Session): Promise<void> {
  await session.rows("SELECT pg_logical_emit_message(true, 'pgkeel', 'switchover')");
}
