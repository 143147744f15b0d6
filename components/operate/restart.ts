/** Restart of one member's PostgreSQL by Patroni, or of its Patroni alone, until it is back and caught up. */
import { OperateError } from "./errors";
import { allCaughtUp, caughtUp, leaderServes } from "./health";
import { machineIn, type Observation } from "./observation";
import { observeWith } from "./observe";
import { postRestart } from "./patroni";
import { openPoolers, type PoolerSession } from "./pools";
import { setAside, takeBack } from "./reads";
import type { SshPool } from "./ssh";
import { notYet, untilObserved, type Verdict } from "./wait";

export interface RestartOptions {
  /** PostgreSQL must be up again within this time, in seconds; default 300. Crash recovery of a large cluster takes longer. */
  readonly timeoutSeconds?: number;
  /** Being caught up again after that, in ms; default 10 min. */
  readonly catchUpMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

export interface RestartResult {
  readonly member: string;
  readonly tookMs: number;
  /** Parameters that still wait for a restart; not empty means that the restart did not take. */
  readonly stillPending: readonly string[];
}

/** Why this member's PostgreSQL should not be restarted now; pure. */
export function restartObstacle(seen: Observation, key: string): string | undefined {
  const machine = seen.machines.find((m) => m.key === key);
  if (!machine?.member) return `${key} is no member of this cluster`;
  if (!machine.reachable) return `${key} does not answer over SSH`;
  if (!machine.member.patroniAnswers) return `Patroni of ${key} does not answer`;
  const others = allCaughtUp(seen, [key]);
  // One at a time: while another is away, this one may be what durability or a failover needs.
  if (!others.ok) return `another part of the cluster is not whole: ${others.why}`;
  return undefined;
}

/**
 * Restarts a replica. The poolers send its readers elsewhere first, and back when it is up.
 * @throws OperateError when it leads (switch over first), when others are not whole, or when it does not come back.
 */
export async function restartReplica(pool: SshPool, key: string, options: RestartOptions = {}): Promise<RestartResult> {
  const seen = await observeWith(pool);
  if (seen.leader === key) {
    const advice = "Switch over to another member first, or restart the leader with the poolers paused";
    throw new OperateError(key, "restarting PostgreSQL", "it is the leader", advice);
  }
  refuseIf(restartObstacle(seen, key), key);
  return withoutReaders(pool, seen, key, options, () => restartAndWait(pool, key, options));
}

/**
 * Restarts the leader in place while the read-write poolers hold their clients: for a cluster without a member that can
 * take over. Writes wait for the whole restart; if that takes longer than the poolers may wait, clients see errors.
 */
export async function restartLeader(pool: SshPool, options: RestartOptions = {}): Promise<RestartResult> {
  const seen = await observeWith(pool);
  const key = seen.leader;
  if (key === null)
    throw new OperateError(seen.cluster, "restarting the leader", "there is none", "See `cluster status`");
  refuseIf(restartObstacle(seen, key), key);
  return withoutClients(pool, seen, () => restartAndWait(pool, key, options));
}

/**
 * Puts a new Patroni over a PostgreSQL that runs on. Patroni has no such order: asked to stop it stops PostgreSQL too, but
 * in the whole cluster's maintenance mode, in which nothing fails over, and in which a run that dies would leave it. So it
 * is killed, as by a crash, and its successor takes PostgreSQL over as it finds it. On a member that is calm nothing is
 * half done by that: Patroni writes files at changes of its configuration, of roles, and at starts of PostgreSQL.
 *
 * For 2 to 4 s nobody answers the poolers' checks of the member, so its clients are led away or held before. A leader
 * keeps its key, which lives for longer.
 * @throws OperateError when the cluster is not whole, or it does not come back.
 */
export async function restartPatroni(pool: SshPool, key: string, options: RestartOptions = {}): Promise<void> {
  const seen = await observeWith(pool);
  const whole = allCaughtUp(seen);
  refuseIf(restartObstacle(seen, key) ?? (whole.ok ? undefined : whole.why), key, "Patroni");
  const work = async () => {
    options.onProgress?.(`Patroni of ${key} restarts`);
    await pool.machine(key).run("systemctl kill --kill-whom=main --signal=KILL patroni && systemctl restart patroni", {
      step: "restarting Patroni",
      timeoutMs: 60_000,
    });
    return untilBack(pool, key, options);
  };
  const after = await (seen.leader === key
    ? withoutClients(pool, seen, work)
    : withoutReaders(pool, seen, key, options, work));
  const started = (observation: Observation) => machineIn(observation, key).member?.startedAt;
  if (started(after) !== started(seen)) options.onProgress?.(`PostgreSQL of ${key} has restarted as well`);
}

/** Does the work while the poolers send the replica's readers elsewhere. */
async function withoutReaders<T>(
  pool: SshPool,
  seen: Observation,
  key: string,
  options: RestartOptions,
  work: () => Promise<T>,
): Promise<T> {
  await setAside(pool, seen, key, options.onProgress);
  try {
    return await work();
  } finally {
    await takeBack(pool, seen, [key], options.onProgress);
  }
}

/** Does the work while the poolers hold the leader's clients. */
async function withoutClients<T>(pool: SshPool, seen: Observation, work: () => Promise<T>): Promise<T> {
  const { open: poolers } = await openPoolers(pool, seen);
  try {
    // Where no replica is fit, reads are on the leader too.
    await hold(
      poolers,
      seen.machines.some(({ pooler }) => pooler?.routes?.readsOnLeader === true),
    );
    return await work();
  } finally {
    await Promise.all(poolers.map((p) => p.resume().catch(() => undefined)));
    for (const pooler of poolers) pooler.close();
  }
}

/** The longest that a restart may hold clients, in seconds. */
const HOLD_SECONDS = 45;

async function hold(poolers: readonly PoolerSession[], readOnlyToo: boolean): Promise<void> {
  const limits = { forSeconds: HOLD_SECONDS, withinSeconds: 5, readOnlyToo };
  const outcomes = await Promise.all(poolers.map((p) => p.pause(limits)));
  const reasons = outcomes.flatMap((o, i) => (o.kind === "paused" ? [] : [`${poolers[i]?.key}: ${o.reason}`]));
  if (reasons.length === 0) return;
  throw new OperateError("poolers", "pausing them", reasons.join("; "), "Nothing was restarted; try again later");
}

function refuseIf(reason: string | undefined, key: string, what = "PostgreSQL"): void {
  if (reason === undefined) return;
  throw new OperateError(key, `restarting ${what}`, reason, "Nothing was restarted; see `cluster status`");
}

async function restartAndWait(pool: SshPool, key: string, options: RestartOptions): Promise<RestartResult> {
  const begin = performance.now();
  options.onProgress?.(`${key} restarts`);
  await postRestart(pool, key, { timeoutSeconds: options.timeoutSeconds ?? 300 });
  const seen = await untilBack(pool, key, options);
  const member = seen.machines.find((m) => m.key === key)?.member;
  return {
    member: key,
    tookMs: Math.round(performance.now() - begin),
    stillPending: member?.pendingRestart ?? [],
  };
}

function untilBack(pool: SshPool, key: string, options: RestartOptions): Promise<Observation> {
  const judge = (seen: Observation): Verdict => {
    if (machineIn(seen, key).member?.patroniAnswers !== true) return notYet(`Patroni of ${key} does not answer`);
    return seen.leader === key ? leaderServes(seen) : caughtUp(seen, key);
  };
  return untilObserved(pool, judge, {
    what: `${key} is back and caught up`,
    timeoutMs: options.catchUpMs ?? 600_000,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onProgress ? { onReason: options.onProgress } : {}),
  });
}
