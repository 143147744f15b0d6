/**
 * Clients that write and read through the poolers all the while, each on one connection that it replaces after any error, like an
 * application does; everything is recorded in a ledger.
 */
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { checkServerIdentity } from "node:tls";
import { Client, type QueryResultRow } from "pg";
import { Ledger, type Witness, type WriteId } from "./ledger";

/** Where clients go and how they log in. */
export interface Target {
  readonly hosts: readonly string[];
  readonly writePort: number;
  readonly readPort: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** PEM; the pooler's certificate and address are verified with it. */
  readonly caCertificate: string;
}

/** An address without a machine does not answer at all, so this is what a client loses on it. */
const CONNECT_TIMEOUT_MS = 2000;
/** A client gives up a statement after this time and goes to another pooler. */
const QUERY_TIMEOUT_MS = 5000;
/** Between two writes of one client; with several of them this bounds what a pause can be told apart from. */
const WRITE_INTERVAL_MS = 20;
const READ_INTERVAL_MS = 50;
const AFTER_ERROR_MS = 50;

/** One login through a pooler, TLS as `sslmode=verify-full` has it. */
export class Connection {
  private constructor(
    private readonly client: Client,
    private readonly socket: Socket,
  ) {}

  static async open(target: Target, host: string, port: number): Promise<Connection> {
    const socket = new Socket();
    const client = new Client({
      stream: () => socket,
      host,
      port,
      user: target.user,
      password: target.password,
      database: target.database,
      ssl: {
        ca: target.caCertificate,
        checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      },
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
    });
    const connection = new Connection(client, socket);
    // A connection that breaks between two statements: the next one fails and says so.
    client.on("error", () => undefined);
    try {
      await client.connect();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async rows<T extends QueryResultRow>(text: string, values: readonly unknown[] = [], name?: string): Promise<T[]> {
    return (await this.client.query<T>({ text, values: [...values], ...(name && { name }) })).rows;
  }

  /** Without a farewell: the other side may be gone. */
  close(): void {
    this.socket.destroy();
  }
}

/** Runs `work` on a connection to the first pooler that lets it in. */
export async function connected<T>(target: Target, work: (connection: Connection) => Promise<T>): Promise<T> {
  const failures: string[] = [];
  for (const host of target.hosts) {
    const connection = await Connection.open(target, host, target.writePort).catch((error: Error) => {
      failures.push(`${host}: ${error.message}`);
    });
    if (!connection) continue;
    try {
      return await work(connection);
    } finally {
      connection.close();
    }
  }
  throw new Error(`no pooler lets a client in: ${failures.join("; ")}`);
}

export async function createLedgerTable(target: Target): Promise<void> {
  await connected(target, (connection) =>
    connection.rows(
      "CREATE TABLE IF NOT EXISTS ledger (run text, client text, sequence int, PRIMARY KEY (run, client, sequence))",
    ),
  );
}

/** The rows of a run, as the leader has them. */
export async function storedWrites(target: Target, run: string): Promise<WriteId[]> {
  return connected(target, (connection) =>
    connection.rows<{ client: string; sequence: number }>("SELECT client, sequence FROM ledger WHERE run = $1", [run]),
  );
}

// pg_walfile_name knows the timeline of the running server; pg_control_checkpoint lags behind a promotion.
const WRITE = `INSERT INTO ledger (run, client, sequence) VALUES ($1, $2, $3)
  RETURNING host(inet_server_addr()) AS server,
    substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline,
    (pg_current_wal_insert_lsn() - '0/0')::text AS position`;
const READ = `SELECT coalesce(max(sequence), 0) AS seen, host(inet_server_addr()) AS server, pg_is_in_recovery() AS replica
  FROM ledger WHERE run = $1 AND client = $2`;

/** Clients at work. */
export class Load {
  readonly ledger = new Ledger();
  private stopping = false;
  private loops: Promise<void>[] = [];

  private constructor(
    private readonly target: Target,
    /** Tells its rows from those of other runs. */
    readonly run: string,
  ) {}

  /** Starts the clients; they are spread over the poolers. The table must exist. */
  static start(target: Target, run: string, clients: { writers: number; readers: number }): Load {
    const load = new Load(target, run);
    for (let index = 0; index < clients.writers; index += 1)
      load.loops.push(load.loop(`writer-${index + 1}`, index, target.writePort, WRITE_INTERVAL_MS, load.write));
    for (let index = 0; index < clients.readers; index += 1)
      load.loops.push(load.loop(`reader-${index + 1}`, index, target.readPort, READ_INTERVAL_MS, load.read));
    return load;
  }

  /** Ends all clients after what they have under way. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.loops);
  }

  private async loop(
    name: string,
    start: number,
    port: number,
    interval: number,
    once: (name: string, connect: () => Promise<Connection>) => Promise<boolean>,
  ): Promise<void> {
    let connection: Connection | undefined;
    let turn = start;
    const connect = async () => {
      connection ??= await Connection.open(
        this.target,
        this.target.hosts[turn % this.target.hosts.length] as string,
        port,
      );
      return connection;
    };
    while (!this.stopping) {
      const good = await once.call(this, name, connect);
      if (!good) {
        connection?.close();
        connection = undefined;
        turn += 1;
      }
      await sleep(good ? interval : AFTER_ERROR_MS);
    }
    connection?.close();
  }

  /** One write, connecting included where there is no connection: a login that fails is an error of the write. */
  private async write(client: string, connect: () => Promise<Connection>): Promise<boolean> {
    const { sequence, end } = this.ledger.begin(client, performance.now());
    try {
      const connection = await connect();
      const [row] = await connection.rows<{ server: string; timeline: string; position: string }>(
        WRITE,
        [this.run, client, sequence],
        "write",
      );
      end({ kind: "acknowledged", at: performance.now(), ...witness(row) });
      return true;
    } catch (error) {
      end({ kind: "failed", at: performance.now(), reason: reasonOf(error) });
      return false;
    }
  }

  private async read(reader: string, connect: () => Promise<Connection>): Promise<boolean> {
    const sentAt = performance.now();
    const follows = reader.replace("reader", "writer");
    try {
      const connection = await connect();
      const [row] = await connection.rows<{ seen: number; server: string; replica: boolean }>(
        READ,
        [this.run, follows],
        "read",
      );
      if (row === undefined) throw new Error("a read without a row");
      this.ledger.read({ reader, sentAt, server: row.server, fromReplica: row.replica, follows, seen: row.seen });
      return true;
    } catch (error) {
      this.ledger.readFailed(reader, performance.now(), reasonOf(error));
      return false;
    }
  }
}

function witness(row: { server: string; timeline: string; position: string } | undefined): Witness {
  if (row === undefined) throw new Error("an insert without a returned row");
  return { server: row.server, timeline: Number.parseInt(row.timeline, 16), position: BigInt(row.position) };
}

/** Without addresses, so that equal errors count as one. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return (message || code || String(error)).replace(/\b\d+\.\d+\.\d+\.\d+(:\d+)?/g, "POOLER");
}
