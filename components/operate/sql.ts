/** SQL on a member as superuser, through an SSH stream to its 127.0.0.1:5432. Everything is bounded in time. */
import type { Duplex } from "node:stream";
import { Client, type QueryResultRow } from "pg";
import { bounded, messageOf, OperateError } from "./errors";
import type { SshPool } from "./ssh";

/** Default limit of one statement, in ms. */
export const STATEMENT_TIMEOUT_MS = 5000;
const CONNECT_TIMEOUT_MS = 3000;

export interface Session {
  /** Rows of one statement. Parameters are $1, $2, …. @throws OperateError with PostgreSQL's message. */
  rows<T extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<readonly T[]>;
}

export interface SqlOptions {
  /** Default `postgres`. */
  readonly database?: string;
  /** Limit of each statement, in ms; default 5 s. Enforced by the server, and by this side a second later. */
  readonly statementTimeoutMs?: number;
}

/** What `pg` expects of a socket and an SSH channel lacks. The channel is connected already. */
export function asSocket(channel: Duplex): Duplex {
  const nothing = () => channel;
  // A channel stays half open when the other side has closed; a socket does not, and `pg` would wait for an answer.
  channel.once("end", () => setImmediate(() => channel.destroy()));
  return Object.assign(channel, {
    connect: () => {
      setImmediate(() => channel.emit("connect"));
      return channel;
    },
    setNoDelay: nothing,
    setKeepAlive: nothing,
    ref: nothing,
    unref: nothing,
  });
}

/** Opens one session on the member's PostgreSQL, runs `work`, and closes it. */
export async function withSql<T>(
  pool: SshPool,
  key: string,
  work: (session: Session) => Promise<T>,
  options: SqlOptions = {},
): Promise<T> {
  const limit = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const channel = await pool.machine(key).forward("127.0.0.1", 5432);
  const client = new Client({
    stream: () => asSocket(channel) as never,
    user: "postgres",
    password: pool.access.secrets.superuserPassword,
    database: options.database ?? "postgres",
    application_name: "pgkeel",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: limit,
    lock_timeout: limit,
    query_timeout: limit + 1000,
    idle_in_transaction_session_timeout: 60_000,
  });
  // A connection that breaks while idle must not end the process; the next statement fails and says so.
  client.on("error", () => undefined);
  const fail = (step: string, error: unknown) =>
    new OperateError(key, step, messageOf(error), "See PostgreSQL's log on that machine", { cause: error });
  try {
    const late = () =>
      new OperateError(key, "connecting to PostgreSQL", "no answer within 3 s", "Is PostgreSQL running there?");
    await bounded(client.connect(), CONNECT_TIMEOUT_MS + 500, late).catch((error) => {
      throw error instanceof OperateError ? error : fail("connecting to PostgreSQL", error);
    });
    return await work({
      rows: async (text, values = []) => {
        try {
          return (await client.query(text, [...values])).rows;
        } catch (error) {
          throw fail(`SQL "${text.replace(/\s+/g, " ").trim().slice(0, 60)}"`, error);
        }
      },
    });
  } finally {
    const ended = bounded(client.end(), 500, () => new Error("late"));
    await ended.catch(() => undefined);
    channel.destroy();
  }
}
