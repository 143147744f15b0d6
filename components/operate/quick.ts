/**
 * Shortens Patroni's way through a planned switchover by two waits that its source has and a planned change needs not:
 *
 * 1. The old leader asks whether PostgreSQL has stopped once a second (`STOP_POLLING_INTERVAL`, patroni/postgresql), and a
 *    stop takes a tenth of that. A `before_stop` program on the member, armed here for some seconds, stops PostgreSQL the
 *    same way (fast shutdown: standbys have everything) and returns when it has; Patroni then finds it stopped.
 * 2. A bystander, a replica that is neither, sleeps for 2 s when it sees the leader key gone during a switchover
 *    (`process_unhealthy_cluster`, patroni/ha), before it follows the new leader. Where commits need its acknowledgement,
 *    the first write waits so long. Its Patroni (never its PostgreSQL) is stopped for the moment that the key is gone, and
 *    a timer on its own machine lets it go on whatever happens here.
 *
 * Both only save time: where they cannot be prepared, the switchover takes Patroni's own time.
 */
import { shell } from "../render/shell";
import { membersIn, type Observation } from "./observation";
import type { SshPool } from "./ssh";

/** Marker for the member's before_stop program; only heeded while it is younger than 15 s. */
const QUICK_STOP = "/run/pgkeel/quick-stop";
/** A bystander's Patroni goes on by itself after this long, in seconds: well within the smallest ttl of 20 s. */
const HOLD_SECONDS = 8;
const PATRONI_UNIT = "patroni@17-main";

export interface Quick {
  /** Right before Patroni is asked. */
  begin(): Promise<void>;
  /** As soon as the candidate leads. */
  release(): Promise<void>;
  /** Undoes what is left; never throws. */
  end(): Promise<void>;
}

/** Arms what can be armed; never throws. */
export async function prepareQuick(pool: SshPool, observation: Observation, from: string, to: string): Promise<Quick> {
  const bystanders = membersIn(observation)
    .filter((m) => m.key !== from && m.key !== to && m.reachable && m.member.patroniAnswers)
    .filter((m) => m.member.sync === "quorum" || m.member.sync === "sync")
    .map((m) => m.key);
  const held = new Map<string, string>();
  const quietly = async (key: string, command: string, step: string): Promise<string> => {
    try {
      const result = await pool.machine(key).exec(command, { timeoutMs: 3000, step });
      return result.code === 0 ? result.stdout.trim() : "";
    } catch {
      return "";
    }
  };
  const letGo = async () => {
    const going = [...held];
    held.clear();
    await Promise.all(going.map(([key, pid]) => quietly(key, shell`kill -CONT ${pid}`, "letting Patroni go on")));
  };
  // The timers come before the pause: starting one takes longer than the hold itself.
  const pids = await Promise.all(
    bystanders.map(async (key) => {
      const arm = shell`pid=$(systemctl show -P MainPID ${PATRONI_UNIT}) && [ "$pid" -gt 1 ] && systemd-run -q --collect --on-active=${HOLD_SECONDS} --timer-property=AccuracySec=100ms kill -CONT "$pid" && echo "$pid"`;
      return [key, await quietly(key, arm, "arming the timer")] as const;
    }),
  );
  const arming = Date.now();
  return {
    begin: async () => {
      const inTime = Date.now() - arming < (HOLD_SECONDS - 4) * 1000;
      await Promise.all([
        quietly(from, shell`install -d /run/pgkeel && touch ${QUICK_STOP}`, "arming the quick stop"),
        ...pids.map(async ([key, pid]) => {
          if (!inTime || !/^[0-9]+$/.test(pid)) return;
          held.set(key, pid);
          await quietly(key, shell`kill -STOP ${pid}`, "holding Patroni");
        }),
      ]);
    },
    release: letGo,
    end: async () => {
      await letGo();
      await quietly(from, shell`rm -f ${QUICK_STOP}`, "disarming the quick stop");
    },
  };
}
