/** Parameters that a declaration cannot set, because Patroni or this program does, and values that undo a promise. */
import type { ParameterInfo } from "./table";

/** Why, and the way on. */
export interface Controlled {
  readonly reason: string;
  readonly advice: string;
}

const TLS: Controlled = {
  reason: "the program sets it to the certificates that it makes",
  advice: "remove it; ssl_min_protocol_version and ssl_ciphers may be set",
};
const PLACE: Controlled = { reason: "the place of files and sockets is the program's", advice: "remove it" };
const RECOVERY: Controlled = {
  reason: "Patroni sets it when a member starts as a replica",
  advice: "remove it; whom a member streams from is machines.<key>.member.replicatesFrom",
};
const TARGET: Controlled = {
  reason: "recovery to a point in time is not a lasting property of a cluster",
  advice: "remove it",
};
const SESSION: Controlled = {
  reason: "it belongs to one transaction or session",
  advice: 'remove it; its default for new ones is the parameter with "default_" before its name',
};

const BY_NAME: Readonly<Record<string, Controlled>> = {
  listen_addresses: {
    reason: "the program sets it: other machines, and only those of hba, reach PostgreSQL over TLS",
    advice: "say who may connect by hba",
  },
  port: { reason: "members listen on 5432, and the poolers reckon with it", advice: "remove it" },
  cluster_name: { reason: "Patroni sets it", advice: "name the cluster by the field name" },
  hot_standby: {
    reason: "Patroni needs it on",
    advice: "to keep reads away from a member set its takesReads to false",
  },
  wal_level: {
    reason: "the program keeps it at logical",
    advice: "remove it: physical and logical replication both work",
  },
  wal_log_hints: { reason: "pg_rewind needs it on", advice: "remove it" },
  full_page_writes: { reason: "pg_rewind needs it on, and a crash without it can corrupt pages", advice: "remove it" },
  fsync: {
    reason: "without it a crash loses or corrupts acknowledged commits",
    advice: "for speed at the risk of the newest commits set synchronous_commit to off",
  },
  synchronous_standby_names: { reason: "Patroni sets it", advice: "set durability.mode and durability.standbys" },
  synchronized_standby_slots: { reason: "Patroni makes the slots and names them", advice: "remove it" },
  recovery_min_apply_delay: { reason: "it is set for one member", advice: "set machines.<key>.member.delay" },
  allow_system_table_mods: {
    reason: "it opens the catalog to edits that no backup protects from",
    advice: "set it in the one session that needs it",
  },
  ignore_checksum_failure: {
    reason: "it serves damaged pages as if they were whole",
    advice: "set it in the one session that needs it",
  },
  zero_damaged_pages: {
    reason: "it throws damaged pages away on every member",
    advice: "set it in the one session that needs it",
  },
  transaction_deferrable: SESSION,
  transaction_isolation: SESSION,
  transaction_read_only: SESSION,
  config_file: PLACE,
  data_directory: PLACE,
  external_pid_file: PLACE,
  hba_file: { reason: "the program writes it", advice: "set hba" },
  ident_file: PLACE,
  unix_socket_directories: PLACE,
  unix_socket_group: PLACE,
  unix_socket_permissions: PLACE,
  ssl: TLS,
  ssl_ca_file: TLS,
  ssl_cert_file: TLS,
  ssl_crl_dir: TLS,
  ssl_crl_file: TLS,
  ssl_key_file: TLS,
  ssl_passphrase_command: TLS,
  ssl_passphrase_command_supports_reload: TLS,
  primary_conninfo: RECOVERY,
  primary_slot_name: RECOVERY,
  restore_command: RECOVERY,
  archive_cleanup_command: RECOVERY,
  recovery_end_command: RECOVERY,
};

/** Why a declaration cannot set a parameter; undefined: it can. */
export function controlled({ name, context }: Pick<ParameterInfo, "name" | "context">): Controlled | undefined {
  const known = BY_NAME[name];
  if (known !== undefined) return known;
  if (name.startsWith("recovery_target")) return TARGET;
  if (context === "internal")
    return { reason: "it is fixed when PostgreSQL is built or its data directory is made", advice: "remove it" };
  return undefined;
}

/** Values (canonical) that cannot stand, because something of the cluster relies on another one. */
export function refusedValue(name: string, value: string): Controlled | undefined {
  switch (name) {
    case "password_encryption":
      return value === "scram-sha-256"
        ? undefined
        : { reason: "every login of the cluster is by scram-sha-256", advice: "remove it" };
    case "autovacuum":
    case "track_counts":
      return value === "on"
        ? undefined
        : {
            reason: "without autovacuum the cluster stops in the end, to save itself from lost rows",
            advice: "set it off for single tables",
          };
    default:
      return undefined;
  }
}

/**
 * Least values that Patroni accepts. Smaller ones it drops with no more than a line in its log (CMDLINE_OPTIONS in
 * Patroni 4.0's postgresql/config.py), and the declared value would not be in force. In the parameter's own unit.
 */
export const PATRONI_LEAST: Readonly<Record<string, number>> = {
  max_connections: 25,
  max_wal_senders: 3,
  max_replication_slots: 4,
  max_locks_per_transaction: 32,
  max_worker_processes: 2,
  wal_keep_size: 16,
};
