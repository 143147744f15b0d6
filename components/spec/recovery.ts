/** Presets of the timings that decide how long a lost leader goes unnoticed. */
import type { RecoveryPreset } from "./types";

/** HAProxy's health checks. Its own names; milliseconds. */
export interface RouteTimings {
  /** Between checks of a server that is up. */
  readonly interMs: number;
  /** Between checks of a server that is changing its state. */
  readonly fastinterMs: number;
  /** Between checks of a server that is down (on the leader route: of every replica). */
  readonly downinterMs: number;
  /** Good checks until a server is up. */
  readonly rise: number;
  /** Bad checks until a server is down. */
  readonly fall: number;
  /** Longest time that one check may take. Without it a check may take no longer than its interval, and a busy machine flaps. */
  readonly checkTimeoutMs: number;
}

/** Timings of Patroni (seconds, its own names) and HAProxy, which fit each other. */
export interface RecoveryTimings {
  /** Life of the leader's key: nobody else leads earlier. Patroni's least is 20. */
  readonly ttl: number;
  readonly loopWait: number;
  /** Trouble with etcd or PostgreSQL that is shorter does not demote the leader. */
  readonly retryTimeout: number;
  /** Time that a crashed leader has to come up again where it is, before another takes over. */
  readonly primaryStartTimeout: number;
  readonly haproxy: RouteTimings;
}

/**
 * Ttl, loop_wait, retry_timeout and primary_start_timeout follow Pigsty's tested recovery plans (fast, norm, safe, wide),
 * all within Patroni's rule `loop_wait + 2 × retry_timeout ≤ ttl` (Patroni manual, "Dynamic configuration settings").
 *
 * HAProxy: one good check is enough to be up (`rise 1`), because Patroni's REST API answers 200 on the leader route for
 * the holder of the leader key alone, and every further check would lengthen the write pause of a switchover; three bad
 * ones are needed to be down, because that closes the clients' sessions.
 */
const PRESETS: Readonly<Record<RecoveryPreset, RecoveryTimings>> = {
  fast: {
    ttl: 20,
    loopWait: 5,
    retryTimeout: 5,
    primaryStartTimeout: 15,
    haproxy: { interMs: 1000, fastinterMs: 250, downinterMs: 500, rise: 1, fall: 3, checkTimeoutMs: 2000 },
  },
  normal: {
    ttl: 30,
    loopWait: 5,
    retryTimeout: 10,
    primaryStartTimeout: 25,
    haproxy: { interMs: 2000, fastinterMs: 500, downinterMs: 1000, rise: 1, fall: 3, checkTimeoutMs: 3000 },
  },
  patient: {
    ttl: 60,
    loopWait: 10,
    retryTimeout: 20,
    primaryStartTimeout: 45,
    haproxy: { interMs: 3000, fastinterMs: 1000, downinterMs: 2000, rise: 1, fall: 3, checkTimeoutMs: 5000 },
  },
  wide: {
    ttl: 120,
    loopWait: 20,
    retryTimeout: 30,
    primaryStartTimeout: 95,
    haproxy: { interMs: 4000, fastinterMs: 2000, downinterMs: 3000, rise: 1, fall: 3, checkTimeoutMs: 8000 },
  },
};

/** The timings of a preset. */
export function recoveryTimings(preset: RecoveryPreset): RecoveryTimings {
  return PRESETS[preset];
}

/** Worst case, in seconds, from a fault of the leader until writes flow again. Upper bounds for documents and tests, not what is usual. */
export interface RecoveryBounds {
  /** The leader's machine or network is gone. */
  readonly machineLost: number;
  /** PostgreSQL on the leader crashed and comes up again where it is, or fails to and another takes over. */
  readonly postgresqlCrashed: number;
}

/** Election of a new etcd leader where the lost machine held the old one; etcd then gives every lease its full ttl again. */
const ETCD_ELECTION_SECONDS = 3;
/** Replicas asking each other who is ahead (a lost one costs Patroni's 2 s timeout), and the promotion itself (measured: up to 1.7 s). */
const PROMOTION_SECONDS = 4;
/** PgBouncer's server_connect_timeout here: a pooler that just dialled the lost leader tries again after it. */
const POOLER_SECONDS = 2;

/**
 * `ttl` (or for a crash: one loop to notice it, and primary_start_timeout), then the election and promotion, then one
 * HAProxy check of the new leader, then a new connection of the pooler.
 */
export function recoveryBounds(preset: RecoveryPreset): RecoveryBounds {
  const { ttl, loopWait, primaryStartTimeout, haproxy } = PRESETS[preset];
  const check = (haproxy.downinterMs * haproxy.rise + haproxy.checkTimeoutMs) / 1000;
  const takeover = PROMOTION_SECONDS + check + POOLER_SECONDS;
  return {
    machineLost: Math.ceil(ttl + ETCD_ELECTION_SECONDS + takeover),
    postgresqlCrashed: Math.ceil(loopWait + primaryStartTimeout + takeover),
  };
}
