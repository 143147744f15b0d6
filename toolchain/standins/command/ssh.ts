/** SSH connections of the plugin: made with retries as the real plugin makes them, and shared by the commands of one run. */
import * as net from "node:net";
import { Client, type ConnectConfig, utils } from "ssh2";
import type { Connection, Endpoint } from "./connection";

/** The real plugin waits this long after the first failed attempt, half as long again after each further one. */
const FIRST_RETRY_MILLISECONDS = 100;
const RETRY_GROWTH = 1.5;
const LONGEST_RETRY_MILLISECONDS = 5000;

/** Commands at a time on one connection: sshd allows 10 sessions by default (MaxSessions), two are left for sftp and the like. */
const SESSIONS_PER_CONNECTION = 8;

/** An unused connection is closed soon: the machine may be restarted meanwhile, and then it would hang instead of fail. */
const IDLE_MILLISECONDS = 3000;

/** A machine that does not answer for KEEPALIVE × COUNT is taken for dead, and its commands fail. */
const KEEPALIVE_MILLISECONDS = 10_000;
const KEEPALIVE_COUNT = 6;

/** Ends the plugin's work when the user cancels the run. */
export class Cancellation {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;

  cancel(): void {
    this.#controller.abort(new Error("cancelled"));
  }

  /** Waits, unless cancelled. */
  async sleep(milliseconds: number): Promise<void> {
    this.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(finish, milliseconds);
      const signal = this.signal;
      function finish() {
        signal.removeEventListener("abort", stop);
        resolve();
      }
      function stop() {
        clearTimeout(timer);
        reject(signal.reason);
      }
      signal.addEventListener("abort", stop, { once: true });
    });
  }
}

/** A connection in use by some commands. */
interface Shared {
  readonly client: Promise<Client>;
  sessions: number;
  idle?: NodeJS.Timeout;
}

/** Called with a line for the user while a connection is tried again. */
export type Progress = (line: string) => void;

/** The connections of one plugin process. */
export class SshConnections {
  readonly #shared = new Map<string, Set<Shared>>();

  constructor(readonly cancellation: Cancellation) {}

  /**
   * Does `work` on a connection to the machine and gives the connection back afterwards.
   *
   * @throws when no connection can be made within the limit of attempts, or when `work` throws
   */
  async use<T>(connection: Connection, progress: Progress, work: (client: Client) => Promise<T>): Promise<T> {
    const shared = this.#take(connection, progress);
    try {
      return await work(await shared.client);
    } finally {
      this.#giveBack(connection, shared);
    }
  }

  #take(connection: Connection, progress: Progress): Shared {
    const key = JSON.stringify(connection);
    const connections = this.#shared.get(key) ?? new Set<Shared>();
    this.#shared.set(key, connections);
    for (const shared of connections) {
      if (shared.sessions >= SESSIONS_PER_CONNECTION) continue;
      clearTimeout(shared.idle);
      shared.sessions++;
      return shared;
    }
    const created: Shared = { client: dial(connection, progress, this.cancellation), sessions: 1 };
    connections.add(created);
    created.client.then(
      (client) => client.once("close", () => connections.delete(created)),
      () => connections.delete(created),
    );
    return created;
  }

  #giveBack(connection: Connection, shared: Shared): void {
    shared.sessions--;
    if (shared.sessions > 0) return;
    shared.idle = setTimeout(() => {
      this.#shared.get(JSON.stringify(connection))?.delete(shared);
      shared.client.then((client) => client.end()).catch(() => {});
    }, IDLE_MILLISECONDS);
  }
}

async function dial(connection: Connection, progress: Progress, cancellation: Cancellation): Promise<Client> {
  const { proxy } = connection;
  if (!proxy) return retry("Dial", connection, progress, cancellation, () => login(connection));
  const bastion = await retry("Dial proxy", proxy, progress, cancellation, () => login(proxy)).catch(prefixed("proxy"));
  try {
    const client = await retry("Dial from proxy", connection, progress, cancellation, async () =>
      login(connection, await tunnel(bastion, connection)),
    ).catch(prefixed("proxy"));
    client.once("close", () => bastion.end());
    return client;
  } catch (error) {
    bastion.end();
    throw error;
  }
}

function prefixed(prefix: string): (error: unknown) => never {
  return (error) => {
    throw new Error(`${prefix}: ${messageOf(error)}`);
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}

/** Tries until it works, the limit of failed attempts is passed, or the run is cancelled. */
async function retry<T>(
  what: string,
  { dialErrorLimit, host, port }: Endpoint,
  progress: Progress,
  cancellation: Cancellation,
  attempt: () => Promise<T>,
): Promise<T> {
  let wait = FIRST_RETRY_MILLISECONDS;
  for (let failed = 0; ; failed++) {
    cancellation.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof BadConnection) throw error;
      if (dialErrorLimit > -1 && failed + 1 > dialErrorLimit) {
        throw new Error(
          `no SSH connection to ${host} port ${port} after ${failed} failed attempts: ${messageOf(error)}`,
        );
      }
      progress(`${what} ${failed + 1}/${dialErrorLimit === -1 ? "inf" : dialErrorLimit} failed: retrying`);
      await cancellation.sleep(wait);
      wait = Math.min(wait * RETRY_GROWTH, LONGEST_RETRY_MILLISECONDS);
    }
  }
}

/** The `connection` input itself cannot be used; trying again is of no use. */
class BadConnection extends Error {}

async function login(endpoint: Endpoint, through?: net.Socket): Promise<Client> {
  const config = connectConfig(endpoint);
  const socket = through ?? (await openSocket(endpoint));
  const client = new Client();
  return new Promise<Client>((resolve, reject) => {
    client.once("ready", () => resolve(client));
    // Listened to for ever: once it is ready, a failure of the connection closes its channels, and that is what the commands see.
    client.on("error", (error) => {
      client.destroy();
      reject(error);
    });
    client.once("close", () => reject(new Error("the server closed the connection")));
    if (endpoint.password !== undefined) {
      const { password } = endpoint;
      client.on("keyboard-interactive", (_name, _instructions, _language, prompts, finish) =>
        finish(prompts.map(() => password)),
      );
    }
    client.connect({ ...config, sock: socket });
  });
}

function openSocket({ host, port, perDialTimeoutSeconds }: Endpoint): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true });
    const timer =
      perDialTimeoutSeconds > 0
        ? setTimeout(
            () => socket.destroy(new Error(`no answer within ${perDialTimeoutSeconds} s`)),
            perDialTimeoutSeconds * 1000,
          )
        : undefined;
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

function tunnel(bastion: Client, { host, port }: Endpoint): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    bastion.forwardOut("127.0.0.1", 0, host, port, (error, channel) =>
      // ssh2 takes any duplex stream as its socket.
      error ? reject(error) : resolve(channel as unknown as net.Socket),
    );
  });
}

function connectConfig(endpoint: Endpoint): ConnectConfig {
  const agent = endpoint.agentSocketPath ?? process.env.SSH_AUTH_SOCK;
  return {
    host: endpoint.host,
    port: endpoint.port,
    username: endpoint.user,
    readyTimeout: endpoint.perDialTimeoutSeconds * 1000,
    keepaliveInterval: KEEPALIVE_MILLISECONDS,
    keepaliveCountMax: KEEPALIVE_COUNT,
    ...(agent ? { agent } : {}),
    ...(endpoint.password === undefined ? {} : { password: endpoint.password, tryKeyboard: true }),
    ...privateKeyConfig(endpoint),
    ...hostKeyConfig(endpoint),
  };
}

/** Parses the key first: an error that ssh2 throws later could hold part of it. */
function privateKeyConfig({ host, privateKey, privateKeyPassword }: Endpoint): ConnectConfig {
  if (privateKey === undefined) return {};
  const parsed = utils.parseKey(privateKey, privateKeyPassword);
  if (parsed instanceof Error) {
    const reason = privateKeyPassword === undefined && /encrypted/i.test(parsed.message) ? "it needs a password" : "";
    throw new BadConnection(
      `connection.privateKey for ${host} cannot be read${reason ? `: ${reason} (connection.privateKeyPassword)` : ""}; ` +
        "expected an OpenSSH or PEM private key, with its line breaks and its password if it has one",
    );
  }
  return { privateKey, ...(privateKeyPassword === undefined ? {} : { passphrase: privateKeyPassword }) };
}

function hostKeyConfig({ host, hostKey }: Endpoint): ConnectConfig {
  if (hostKey === undefined) return {};
  const expected = utils.parseKey(hostKey);
  if (expected instanceof Error) {
    throw new BadConnection(
      `connection.hostKey for ${host} cannot be read; expected a line such as "ssh-ed25519 AAAA..." from the server's /etc/ssh/*.pub`,
    );
  }
  const bytes = expected.getPublicSSH();
  return {
    // Offer only this kind of key, or the server may show another one of its keys.
    algorithms: { serverHostKey: algorithmsOf(expected.type) },
    hostVerifier: (key: Buffer) => key.equals(bytes),
  };
}

function algorithmsOf(keyType: string): NonNullable<NonNullable<ConnectConfig["algorithms"]>["serverHostKey"]> {
  if (keyType === "ssh-rsa") return ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"];
  return [keyType as "ssh-ed25519"];
}
