/**
 * Reads around a replica that is about to stop: the poolers send it no new ones, those that run end by themselves, and no
 * reader gets an error. A replica that nobody takes back is taken back by the poolers' own machines after a while.
 */
import { machinesWith } from "./access";
import { messageOf } from "./errors";
import type { Observation } from "./observation";
import { openPooler, type PoolerSession } from "./pools";
import type { SshPool } from "./ssh";

/** A replica that was set aside and not taken back takes reads again after this long, in seconds: longer than a machine's power cycle. */
const ASIDE_SECONDS = 600;
/** Running reads get this long to end, in seconds; then they are cut off, as the replica's stop would do. */
const DRAIN_SECONDS = 10;

type Say = (line: string) => void;

/** Sends reads elsewhere, and waits for those that run. Never rejects: a pooler that cannot be told is named to `say`. */
export function setAside(pool: SshPool, seen: Observation, member: string, say: Say = () => undefined): Promise<void> {
  return onPoolers(pool, seen, say, (pooler) => drain(pooler, member, say));
}

/** The same for a member that leaves: it is not taken back after a while. Never rejects, as above. */
export function takeOut(pool: SshPool, seen: Observation, member: string, say: Say = () => undefined): Promise<void> {
  return onPoolers(pool, seen, say, async (pooler) => {
    await drain(pooler, member, say);
    await pooler.out(member);
  });
}

/** The members take reads again, where they are declared to. Never rejects, as above. */
export function takeBack(
  pool: SshPool,
  seen: Observation,
  members: readonly string[],
  say: Say = () => undefined,
): Promise<void> {
  return onPoolers(pool, seen, say, (pooler) => pooler.back(members));
}

async function drain(pooler: PoolerSession, member: string, say: Say): Promise<void> {
  const left = await pooler.aside(member, { forSeconds: ASIDE_SECONDS, withinSeconds: DRAIN_SECONDS });
  if (left > 0) say(`${left} reads through ${pooler.key} did not end within ${DRAIN_SECONDS} s`);
}

async function onPoolers(
  pool: SshPool,
  seen: Observation,
  say: Say,
  work: (pooler: PoolerSession) => Promise<void>,
): Promise<void> {
  const up = machinesWith(pool.access, "pooler").filter(({ key }) =>
    seen.machines.some((machine) => machine.key === key && machine.pooler?.routes),
  );
  await Promise.all(
    up.map(async ({ key }) => {
      try {
        const pooler = await openPooler(pool, key);
        try {
          await work(pooler);
        } finally {
          pooler.close();
        }
      } catch (error) {
        say(`reads through ${key}: ${messageOf(error)}`);
      }
    }),
  );
}
