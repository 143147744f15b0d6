/**
 * Shortens Patroni's way through a planned switchover by two waits that its source has and a planned change needs not:
 *
 * 1. The old leader asks whether PostgreSQL has stopped once a second (`STOP_POLLING_INTERVAL`, patroni/postgresql), and a
 *    stop takes a tenth of that. A `before_stop` program on the member, armed here for some seconds, stops PostgreSQL the
 *    same way (fast shutdown: standbys have everything) and returns when it has; Patroni then finds it stopped.
 * 2. A bystander, a replica that is neither, sleeps for 2 s when it sees the leader key gone during a switchover
 *    (`process_unhealthy_cluster`, patroni/ha), before it follows the new leader. Where commits need its acknowledgement,
 *    the first write waits so long. A reload of its Patroni takes 1 s in which it does not look at the leader key
 *    (`reload_config`, patroni/postgresql/config): begun with the handover, it ends after it, and the bystander follows the
 *    new leader at once. A second reload is left pending, for a handover that takes longer.
 *
 * Both only save time: where they cannot be prepared, the switchover takes Patroni's own time.
 */
import { shell } from "../render/shell";
import { QUICK_STOP } from "../services/patroni/names";
import { membersIn, type Observation } from "./observation";
import { patchConfig, postReload } from "./patroni";
import type { SshPool } from "./ssh";
import { sleep } from "./wait";

export interface Quick {
  /** Before the pause begins: whatever takes a moment to set up. Never rejects. */
  arm(): Promise<void>;
  /** When Patroni is asked. Never rejects; need not be waited for. */
  begin(): Promise<void>;
  /** Undoes what is left. Never rejects. */
  end(): Promise<void>;
}

/** @returns what to call when; it never fails a switchover. */
export function quickHandover(pool: SshPool, seen: Observation, from: string, to: string): Quick {
  const bystanders = membersIn(seen)
    .filter(({ key, member }) => key !== from && key !== to && member.patroniAnswers && member.state === "streaming")
    .map(({ key }) => key);
  const { synchronous_mode: mode, synchronous_mode_strict: strict } = seen.configuration ?? {};
  // Otherwise a new leader waits for nobody until it has found standbys.
  const firstWriteWaits = mode === "quorum" || (mode === true && strict === true);
  const run = async (command: string, step: string) => {
    await pool
      .machine(from)
      .exec(command, { timeoutMs: 3000, step })
      .catch(() => undefined);
  };
  return {
    arm: () => run(shell`install -d /run/pgkeel && touch ${QUICK_STOP}`, "arming the quick stop"),
    begin: async () => {
      if (!firstWriteWaits) return;
      await Promise.all(bystanders.map((key) => occupy(pool, key, seen).catch(() => undefined)));
    },
    end: () => run(shell`rm -f ${QUICK_STOP}`, "disarming the quick stop"),
  };
}

/** Makes a bystander's Patroni reload now, and once more when it next wakes. */
async function occupy(pool: SshPool, key: string, seen: Observation): Promise<void> {
  const ttl = seen.configuration?.ttl;
  if (typeof ttl !== "number") return;
  await postReload(pool, key);
  // It heeds the reload when its loop wakes. A patch that changes nothing writes nothing, and wakes it.
  await patchConfig(pool, key, { ttl });
  await sleep(50);
  await postReload(pool, key);
}
