/** One client's login through one pooler, TLS as `sslmode=verify-full` has it, over SSH to the pooler's machine. */
import { checkServerIdentity } from "node:tls";
import { Client } from "pg";
import { ROLES } from "../../services/patroni";
import { bounded, messageOf } from "../errors";
import { asSocket } from "../sql";
import type { SshPool } from "../ssh";
import { DATABASE } from "./table";

/** A client tries one pooler for so long before the next, in ms; the same as in the stack's connection strings. */
export const CONNECT_TIMEOUT_MS = 5000;
/** A client gives a statement up after this time, in ms: no planned pause lasts that long (the poolers allow 50 s). */
const STATEMENT_TIMEOUT_MS = 60_000;
/** Limit for a farewell, in ms. */
const FAREWELL_MS = 300;

export interface Login {
  readonly pooler: string;
  query(text: string, values: readonly unknown[]): Promise<void>;
  close(): Promise<void>;
}

/** Logs in as `admin`. @throws Within 5 s, or when the pooler does not let it in. */
export async function logIn(pool: SshPool, pooler: string, port: number, password: string): Promise<Login> {
  const { machine, forward } = pool.machine(pooler);
  const channel = await forward(machine.address, port);
  const client = new Client({
    stream: () => asSocket(channel) as never,
    host: machine.address,
    port,
    user: ROLES.admin,
    password,
    database: DATABASE,
    application_name: "pgkeel witness",
    ssl: {
      ca: pool.access.secrets.caCertificate,
      checkServerIdentity: (_, certificate) => checkServerIdentity(machine.address, certificate),
    },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
  });
  let closed: string | undefined;
  client.on("error", (error) => {
    closed ??= messageOf(error);
  });
  try {
    const late = () => new Error(`no login within ${CONNECT_TIMEOUT_MS / 1000} s`);
    await bounded(client.connect(), CONNECT_TIMEOUT_MS + 500, late);
  } catch (error) {
    channel.destroy();
    throw error;
  }
  return {
    pooler,
    query: async (text, values) => {
      // An application without a pool of its own learns of it with its next statement.
      if (closed !== undefined) throw new Error(`closed between two statements: ${closed}`);
      await client.query(text, [...values]);
    },
    close: async () => {
      await bounded(client.end(), FAREWELL_MS, () => new Error("late")).catch(() => undefined);
      channel.destroy();
    },
  };
}
