/** A file that a service owns on a machine. */
export interface ServiceFile {
  /** Absolute path. */
  readonly path: string;
  /** `user:group` that owns it. */
  readonly owner: string;
  /** Octal mode, four digits. */
  readonly mode: string;
  /** Text; ends with a newline. */
  readonly content: string;
}

/**
 * Everything that one service puts on one machine. `files` are shown in previews line by line;
 * files with secrets are given apart (see `SecretFiles`) and travel in a bundle of their own.
 */
export interface ServiceBundle {
  /** Name of the service: `base`, `etcd`, `patroni`, `haproxy`, `pgbouncer`. */
  readonly service: string;
  readonly files: readonly ServiceFile[];
  /** The service's converge script (bash), shipped with the files; see components/remote/converge.sh for its contract. */
  readonly script: string;
}

/** Secrets of the cluster, plain, as a renderer gets them inside an `apply`. */
export interface ClusterSecrets {
  /** PEM of the cluster CA's certificate (not secret). */
  readonly caCertificate: string;
  readonly passwords: ClusterPasswords;
}

export interface ClusterPasswords {
  /** PostgreSQL superuser `postgres`: Patroni and the program's own live access. */
  readonly superuser: string;
  /** PostgreSQL role `replicator`: streaming replication. */
  readonly replication: string;
  /** PostgreSQL role `rewind`: pg_rewind. */
  readonly rewind: string;
  /** PostgreSQL role `admin`: the DBA's login through the poolers; may create databases and roles. */
  readonly admin: string;
  /** PostgreSQL role `pgbouncer`: auth_query only. */
  readonly pgbouncer: string;
  /** Basic authentication of Patroni's REST API, user `patroni`. */
  readonly patroniApi: string;
  /** etcd user `root`. */
  readonly etcdRoot: string;
  /** etcd user `patroni`, limited to the cluster's prefix. */
  readonly etcdPatroni: string;
}

/** Certificate and key of one machine, PEM; SANs: host name, key, localhost, its address, 127.0.0.1. */
export interface MachineIdentity {
  readonly certificate: string;
  readonly privateKey: string;
}
