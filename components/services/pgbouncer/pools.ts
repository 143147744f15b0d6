/**
 * How the server connections that PostgreSQL accepts are shared out among poolers, ports and processes. PostgreSQL answers
 * one connection too many with an error that a client sees; a pooler that is full makes the client wait. So the shares are
 * cut such that all poolers together can never ask for too many, even when every read falls back to the leader.
 */

/**
 * Left for those who come past the poolers: Patroni (2 for each member's own checks and slots), monitoring, a backup, and a
 * few sessions of a DBA at work.
 */
const DIRECT_CONNECTIONS = 10;
/**
 * Part of the connections for the read-write port. The rest is for the read-only port, whose clients are spread over the
 * replicas as long as one is fit; only then do both parts meet on the leader.
 */
const READ_WRITE_PART = 0.75;
/** For the role that looks passwords up: a lookup takes a fraction of the login that it belongs to. */
export const LOOKUP_CONNECTIONS = 1;
/**
 * One process alone would take its port away while it restarts, so there are two at least. PgBouncer uses one core a process.
 */
const FEWEST_PROCESSES = 2;
/** A process gets at least this many connections beside those for lookups; where cores are many, fewer processes run. */
const FEWEST_CONNECTIONS_OF_PROCESS = 4;
/** The kernel spreads clients over processes by hash, so not evenly: each process takes this much more than its part. */
const UNEVEN_SPREAD = 1.1;

export interface PoolDemand {
  /** max_connections of PostgreSQL. */
  readonly maxConnections: number;
  /** Of those, kept for privileged roles: superuser_reserved_connections and reserved_connections. */
  readonly reservedConnections: number;
  /** Number of pooler machines. */
  readonly poolers: number;
  /** Cores of this pooler machine. */
  readonly vcpu: number;
  /** Client connections that this machine accepts on each port. */
  readonly maxClientConnections: number;
  /** Server connections for each user and database, on each port of this machine; default: as many as there are. */
  readonly poolSize?: number | undefined;
}

/** What one port of one pooler machine gets. */
export interface PortShare {
  /** Number of PgBouncer processes. */
  readonly processes: number;
  /** Server connections of the whole port: what HAProxy lets through. */
  readonly connections: number;
  /** default_pool_size of each process. */
  readonly poolSize: number;
  /** max_db_connections of each process. */
  readonly databaseConnections: number;
  /** max_client_conn of each process. */
  readonly clientConnections: number;
}

export interface PoolShares {
  readonly readWrite: PortShare;
  readonly readOnly: PortShare;
}

/**
 * The shares of one pooler machine. All of them together, over all poolers, processes and both ports, stay within
 * max_connections less what is kept for privileged roles and direct sessions.
 *
 * Throws where max_connections is too small to give every process a connection; from `fewestConnections` on it never does.
 */
export function poolShares(demand: PoolDemand): PoolShares {
  const { maxConnections, reservedConnections, poolers } = demand;
  const usable = maxConnections - reservedConnections - DIRECT_CONNECTIONS;
  const readWrite = Math.floor((usable * READ_WRITE_PART) / poolers);
  const readOnly = Math.floor((usable - readWrite * poolers) / poolers);
  if (readOnly < FEWEST_PROCESSES * (LOOKUP_CONNECTIONS + 1))
    throw new Error(
      `postgresql.parameters.max_connections: ${maxConnections} is too small for ${poolers} pooler machine(s); ` +
        `expected at least ${fewestConnections(poolers, reservedConnections)}: raise it, or name fewer machines in poolers.machines`,
    );
  return { readWrite: portShare(readWrite, demand), readOnly: portShare(readOnly, demand) };
}

/** A max_connections with which so many pooler machines can surely work. */
export function fewestConnections(poolers: number, reservedConnections: number): number {
  const readOnly = FEWEST_PROCESSES * (LOOKUP_CONNECTIONS + 1);
  return Math.ceil((readOnly * poolers) / (1 - READ_WRITE_PART)) + reservedConnections + DIRECT_CONNECTIONS;
}

function portShare(connections: number, { vcpu, maxClientConnections, poolSize }: PoolDemand): PortShare {
  const affordable = Math.floor(connections / (LOOKUP_CONNECTIONS + FEWEST_CONNECTIONS_OF_PROCESS));
  const processes = Math.max(FEWEST_PROCESSES, Math.min(Math.floor(vcpu), affordable));
  const databaseConnections = Math.floor(connections / processes) - LOOKUP_CONNECTIONS;
  return {
    processes,
    connections,
    poolSize: Math.min(databaseConnections, poolSize === undefined ? Infinity : Math.ceil(poolSize / processes)),
    databaseConnections,
    clientConnections: Math.ceil((maxClientConnections / processes) * UNEVEN_SPREAD),
  };
}
