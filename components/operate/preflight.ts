/** What must be so before a planned change of leader, and making it so where that is only a matter of waiting. */
import { notYetAcknowledging } from "./candidate";
import { hasPooler } from "./deviations";
import { OperateError } from "./errors";
import type { LongTransaction, Observation } from "./observation";
import { observeWith } from "./observe";
import { withSql } from "./sql";
import type { SshPool } from "./ssh";
import { sleep } from "./wait";

export interface PreflightOptions {
  /** Transactions older than this are waited for before anything is paused, in seconds; default 2. */
  readonly longTransactionSeconds?: number;
  /** How long to wait for those, in ms; default 30 s. Then it gives up and names them. */
  readonly waitForTransactionsMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

/**
 * Patroni gets this long to count all streaming standbys in, in ms: about two of its loops. Then it goes on without them;
 * the first write may wait longer for it.
 */
const SETTLE_TIMEOUT_MS = 20_000;
/** The cluster is fit for a switchover, standbys acknowledge, and no transaction is old. Returns what was seen. */
export async function preflight(pool: SshPool, options: PreflightOptions): Promise<Observation> {
  const say = options.onProgress ?? (() => undefined);
  const longTransactionSeconds = options.longTransactionSeconds ?? 2;
  const begin = Date.now();
  let told = "";
  for (;;) {
    options.signal?.throwIfAborted();
    const seen = await observeWith(pool, { longTransactionSeconds });
    const refusals = obstacles(seen);
    if (refusals.length > 0) {
      const advice = "See `npm run cluster -- status`; nothing was changed";
      throw new OperateError(`cluster ${seen.cluster}`, "checking before a switchover", refusals.join("; "), advice);
    }
    const passed = Date.now() - begin;
    const leader = seen.machines.find((m) => m.key === seen.leader)?.member;
    const long = leader?.longTransactions ?? [];
    const late = passed < SETTLE_TIMEOUT_MS ? notYetAcknowledging(seen) : [];
    if (long.length === 0 && late.length === 0) return seen;
    const list = long.map(describeTransaction).join("; ");
    if (long.length > 0 && passed >= (options.waitForTransactionsMs ?? 30_000)) {
      const reason = `transactions are still open on ${seen.leader}: ${list}`;
      const advice = "End them (pg_terminate_backend) or run this again later; nothing was changed";
      throw new OperateError(`cluster ${seen.cluster}`, "waiting for long transactions", reason, advice);
    }
    const reason =
      long.length > 0 ? `transactions on ${seen.leader}: ${list}` : `${late.join(", ")} to acknowledge commits`;
    const sign = `${long.map((t) => t.pid)} ${late}`;
    if (sign !== told) say(`waiting for ${reason}`);
    told = sign;
    await sleep(300);
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
    if (!machine.reachable || !hasPooler(machine)) continue;
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
export async function checkpoint(pool: SshPool, leader: string): Promise<void> {
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
