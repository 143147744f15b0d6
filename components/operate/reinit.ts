/** A replica's data is thrown away and seeded anew from the cluster. */
import { OperateError } from "./errors";
import { caughtUp } from "./health";
import type { Observation } from "./observation";
import { observeWith } from "./observe";
import { postReinitialize } from "./patroni";
import type { SshPool } from "./ssh";
import { sleep, untilObserved } from "./wait";

export interface ReinitOptions {
  /** Seeding and catching up, in ms; default 24 h: it copies the whole cluster. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

/** Why this member should not be seeded anew now; pure. */
export function reinitObstacle(seen: Observation, key: string): string | undefined {
  const machine = seen.machines.find((m) => m.key === key);
  if (!machine?.member) return `${key} is no member of this cluster`;
  if (seen.leader === null) return "there is no leader to seed from";
  if (seen.leader === key) return `${key} is the leader: its data is the cluster's`;
  const leader = seen.machines.find((m) => m.key === seen.leader)?.member;
  if (!leader?.answers) return `the leader ${seen.leader} does not answer`;
  if (!machine.member.patroniAnswers) return `Patroni of ${key} does not answer`;
  return undefined;
}

/** @throws OperateError when it may not be done, or when the member does not come back in time. */
export async function reinitialize(pool: SshPool, key: string, options: ReinitOptions = {}): Promise<number> {
  const begin = performance.now();
  const obstacle = reinitObstacle(await observeWith(pool), key);
  if (obstacle !== undefined) {
    throw new OperateError(key, "seeding it anew", obstacle, "Nothing was changed; see `cluster status`");
  }
  options.onProgress?.(`${key} is seeded anew`);
  await postReinitialize(pool, key, false);
  // Patroni answers before it begins: the old server would count as caught up for a moment.
  await sleep(2000);
  await untilObserved(pool, (seen) => caughtUp(seen, key), {
    what: `${key} is seeded and caught up`,
    timeoutMs: options.timeoutMs ?? 24 * 3600 * 1000,
    everyMs: 1000,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onProgress ? { onReason: options.onProgress } : {}),
  });
  return Math.round(performance.now() - begin);
}
