/**
 * The moment of a switchover, from the first PAUSE to the last RESUME. Whatever happens in it, clients go on: by RESUME from
 * here, or by the timer on each pooler's machine.
 */
import { messageOf, OperateError } from "./errors";
import { getCluster, postSwitchover } from "./patroni";
import { describeBlocker, type PoolerSession } from "./pools";
import type { Quick } from "./quick";
import type { Session } from "./sql";
import type { SshPool } from "./ssh";
import { sleep } from "./wait";

export interface Handover {
  readonly from: string;
  readonly to: string;
  readonly poolers: readonly PoolerSession[];
  /** Two sessions on the candidate, open already: one is asked whether it leads, the other waits for its first commit. */
  readonly candidate: Session;
  readonly committer: Session;
  readonly quick: Quick;
  /** How long a pause may wait for running transactions, in seconds. */
  readonly drainSeconds: number;
  readonly say: (message: string) => void;
}

export interface HandoverResult {
  /** From the first order to pause until every pooler went on and a commit was acknowledged, in ms. */
  readonly writePauseMs: number;
  /** When each part was done, in ms since the first order to pause. */
  readonly phases: {
    readonly paused: number;
    readonly promoted: number;
    readonly resumed: number;
    /** First commit that the standbys acknowledged; null: none was within {@link FIRST_COMMIT_TIMEOUT_MS}. */
    readonly committed: number | null;
  };
}

/** Patroni declined, and the leader is who it was: it may be tried again. */
export class RefusedHandover extends OperateError {}

/** The poolers' own timers end a pause after this long, in seconds, whoever is gone by then. */
const PAUSE_LIMIT_SECONDS = 20;
/**
 * Limit of the first commit, in ms. Where only the old leader can acknowledge it, it waits for that one's restart; the
 * change of leader stands in any case.
 */
export const FIRST_COMMIT_TIMEOUT_MS = 30_000;
/** Patroni gets this long to hand over, in ms; it took 0.5 to 1.8 s in the lab. */
const HANDOVER_TIMEOUT_MS = 12_000;
/** Hands the lead over. @throws RefusedHandover when Patroni declined; OperateError for anything else. */
export async function handOver(pool: SshPool, handover: Handover): Promise<HandoverResult> {
  const { from, to, poolers, candidate, committer, quick, say } = handover;
  const begin = performance.now();
  const passed = () => Math.round(performance.now() - begin);
  let resumed = false;
  try {
    await pauseAll(poolers, handover.drainSeconds, say);
    const paused = passed();
    const quickened = quick.begin();
    const asked = postSwitchover(pool, from, to).then(
      ({ status, body }) => (status === 200 ? undefined : `Patroni answered ${status}: ${body}`),
      (error) => messageOf(error),
    );
    await untilPromoted(pool, candidate, asked, from, to);
    const promoted = passed();
    const firstCommit = commit(committer).then(passed, (error) => {
      say(`no commit was acknowledged yet: ${messageOf(error)}`);
      return null;
    });
    // Each pooler goes on by itself: its clients need its own route, and not the others'.
    await Promise.all(
      poolers.map(async (pooler) => {
        await pooler.lead(to);
        await pooler.resume();
      }),
    );
    resumed = true;
    const phases = { paused, promoted, resumed: passed(), committed: await firstCommit };
    const writePauseMs = Math.max(phases.resumed, phases.committed ?? FIRST_COMMIT_TIMEOUT_MS);
    say(`${to} leads; writes waited ${(writePauseMs / 1000).toFixed(2)} s`);
    await Promise.all([quickened, asked]);
    return { writePauseMs, phases };
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
  asked: Promise<string | undefined>,
  from: string,
  to: string,
): Promise<void> {
  let refusal: string | undefined;
  void asked.then((answer) => {
    refusal = answer;
  });
  const deadline = Date.now() + HANDOVER_TIMEOUT_MS;
  for (;;) {
    const [row] = await candidate.rows<{ recovery: boolean }>("SELECT pg_is_in_recovery() AS recovery");
    if (row?.recovery === false) return;
    const late = Date.now() >= deadline;
    if (refusal !== undefined || late) {
      const reason = refusal ?? `${to} was not promoted within ${HANDOVER_TIMEOUT_MS / 1000} s`;
      const leader = await whoLeads(pool, to);
      const now = leader ? `${leader} leads now` : "Patroni is choosing a leader";
      const advice = `${now}; see Patroni's journals on ${from} and ${to}`;
      const kind = refusal !== undefined && leader === from ? RefusedHandover : OperateError;
      throw new kind(`cluster ${pool.access.cluster}`, `switchover from ${from} to ${to}`, reason, advice);
    }
    await sleep(5);
  }
}

/** The leader by the view of one member; undefined: nobody, or it could not be asked. */
async function whoLeads(pool: SshPool, ask: string): Promise<string | undefined> {
  try {
    const cluster = await getCluster(pool, ask, 2000);
    return cluster.members.find((m) => m.role === "leader" && m.state === "running")?.name;
  } catch {
    return undefined;
  }
}

/** A commit that waits for standbys as any client's does. A message in the WAL: it leaves nothing behind. */
async function commit(session: Session): Promise<void> {
  await session.rows("SELECT pg_logical_emit_message(true, 'pgkeel', 'switchover')");
}
