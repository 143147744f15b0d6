import type { ClusterPlan } from "../../plan";
import { clusterParameters, recoveryTimings } from "../../spec";
import { hbaRules } from "./hba";
import { SOCKET_DIR, TLS_DIR } from "./names";

/** Patroni's dynamic configuration: one document in etcd that holds for all members. */
export interface DynamicConfiguration {
  /** Seconds; loop_wait + 2 * retry_timeout <= ttl. */
  readonly ttl: number;
  readonly loop_wait: number;
  readonly retry_timeout: number;
  /** Seconds that a crashed leader is given to start again before another takes over. */
  readonly primary_start_timeout: number;
  /** Bytes; without synchronous replication, a replica that lags by more never leads. */
  readonly maximum_lag_on_failover: number;
  /** A replica on an older timeline than the cluster's never leads. */
  readonly check_timeline: boolean;
  /** Without etcd, the leader goes on as long as every member answers it. */
  readonly failsafe_mode: boolean;
  /** How long the leader keeps the slot of a member that is away. */
  readonly member_slots_ttl: string;
  readonly synchronous_mode: boolean | "quorum";
  readonly synchronous_mode_strict: boolean;
  readonly synchronous_node_count: number;
  readonly postgresql: {
    readonly use_pg_rewind: boolean;
    readonly use_slots: boolean;
    readonly remove_data_directory_on_rewind_failure: boolean;
    readonly remove_data_directory_on_diverged_timelines: boolean;
    readonly parameters: Readonly<Record<string, string>>;
    readonly pg_hba: readonly string[];
  };
}

/**
 * The whole dynamic configuration that a plan asks for. A new cluster starts with it; afterwards whoever changes the
 * living cluster writes it to etcd.
 *
 * pg_hba is part of it, rather than a file of each machine, for three reasons: all members take a change at once, those
 * that are down take it when they come back without anybody reaching them, and an update that is interrupted cannot
 * leave two members with different rules.
 */
export function dynamicConfiguration(plan: ClusterPlan): DynamicConfiguration {
  const { durability, recovery } = plan.spec;
  const timings = recoveryTimings(recovery);
  return {
    ttl: timings.ttl,
    loop_wait: timings.loopWait,
    retry_timeout: timings.retryTimeout,
    primary_start_timeout: timings.primaryStartTimeout,
    // Patroni's default.
    maximum_lag_on_failover: 1024 ** 2,
    check_timeline: true,
    failsafe_mode: true,
    // Patroni's default: a member that is away for longer fetches the gap by pg_rewind or a new copy.
    member_slots_ttl: "30min",
    synchronous_mode: durability.mode === "quorum" ? "quorum" : durability.mode === "sync",
    synchronous_mode_strict: durability.strict,
    synchronous_node_count: durability.standbys,
    postgresql: {
      use_pg_rewind: true,
      use_slots: true,
      // A data directory that could not be rewound may hold the only copy of something: a person decides.
      remove_data_directory_on_rewind_failure: false,
      remove_data_directory_on_diverged_timelines: false,
      parameters: { ...DEFAULTS, ...clusterParameters(plan.spec), ...REQUIRED },
      pg_hba: hbaRules(plan),
    },
  };
}

/** What the spec's parameters may override. */
const DEFAULTS: Readonly<Record<string, string>> = {
  shared_preload_libraries: "pg_stat_statements",
  ssl_min_protocol_version: "TLSv1.2",
};

/** What the program relies on. */
const REQUIRED: Readonly<Record<string, string>> = {
  wal_level: "logical",
  wal_log_hints: "on",
  password_encryption: "scram-sha-256",
  ssl: "on",
  ssl_ca_file: `${TLS_DIR}/ca.crt`,
  ssl_cert_file: `${TLS_DIR}/machine.crt`,
  ssl_key_file: `${TLS_DIR}/machine.key`,
  unix_socket_directories: SOCKET_DIR,
};
