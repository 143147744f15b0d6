/**
 * SSH to the machines of a cluster: one connection per machine, shared by everything that runs on it.
 * Host keys are always verified. Nothing here retries by itself: a connection that died is opened anew by the next
 * use, once per use.
 */
import type { Duplex } from "node:stream";
import { type Algorithms, Client, type ClientChannel, type ConnectConfig } from "ssh2";
import { shell } from "../render/shell";
import { type AccessMachine, type ClusterAccess, machineOf } from "./access";
import { bounded, messageOf, OperateError } from "./errors";

/** Time to connect and log in, in ms; over it a machine counts as not answering. */
export const CONNECT_TIMEOUT_MS = 3000;
/** Default limit of one command, in ms. */
export const EXEC_TIMEOUT_MS = 10_000;

export interface ExecOptions {
  /** Text for the command's standard input; the place for anything secret. */
  readonly stdin?: string;
  /** Limit in ms, default 10 s. The channel is closed and the command gets SIGHUP/SIGPIPE when it is over. */
  readonly timeoutMs?: number;
  /** Name of the step for errors; default: the command's first word. */
  readonly step?: string;
}

export interface ExecResult {
  /** Exit status; -1 when a signal ended the command or the connection broke. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program on a machine that stays open: lines in, lines out. */
export interface LineSession {
  /** Sends one line (the newline is added). */
  send(line: string): void;
  /** The next line of its output; rejects when the time is over or the program ended. */
  next(timeoutMs: number, step: string): Promise<string>;
  /** Ends it: closes its standard input and the channel. */
  close(): void;
}

/** One machine, reached by SSH. */
export interface SshMachine {
  readonly machine: AccessMachine;
  /** Runs a command as root (by `sudo -n` where the login user is another). Never throws for an exit status. */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  /** Like `exec`, but a status other than 0 is an `OperateError` with the last lines of stderr. */
  run(command: string, options?: ExecOptions): Promise<string>;
  /** Opens a program that is talked to line by line. */
  open(command: string, step: string): Promise<LineSession>;
  /** A TCP stream from the machine to host:port. */
  forward(host: string, port: number): Promise<Duplex>;
}

/** The host key types that a client must ask for to be shown the key that it knows. */
function keyAlgorithms(hostKey: string): Algorithms["serverHostKey"] {
  const type = hostKey.split(" ")[0] ?? "";
  return (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type]) as Algorithms["serverHostKey"];
}

function isKnownKey(hostKey: string, offered: Buffer): boolean {
  return Buffer.from(hostKey.split(" ")[1] ?? "", "base64").equals(offered);
}

interface Target {
  readonly where: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string;
  readonly sock?: Duplex;
}

function connect(target: Target, login: ClusterAccess["ssh"]["login"], timeoutMs: number): Promise<Client> {
  const client = new Client();
  const address = `${target.host}:${target.port}`;
  let wrongKey = false;
  const config: ConnectConfig = {
    host: target.host,
    port: target.port,
    username: target.user,
    readyTimeout: timeoutMs,
    keepaliveInterval: 2000,
    keepaliveCountMax: 3,
    algorithms: {
      serverHostKey: keyAlgorithms(target.hostKey) ?? [],
      // On processors with AES instructions this is the cheapest; machines and host share them in a lab.
      cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"],
    },
    hostVerifier: (key: Buffer) => {
      wrongKey = !isKnownKey(target.hostKey, key);
      return !wrongKey;
    },
  };
  if (target.sock) config.sock = target.sock;
  if (login.kind === "key") config.privateKey = login.privateKey;
  else config.agent = login.socket ?? process.env.SSH_AUTH_SOCK ?? "";

  const ready = new Promise<Client>((resolve, reject) => {
    // Without it each small message waits 40 ms for a delayed acknowledgement: 90 ms an exec instead of 3 (measured).
    client.once("connect", () => client.setNoDelay(true));
    client.once("ready", () => resolve(client));
    client.on("error", (error) => {
      const step = `connecting to ${address} over SSH`;
      if (wrongKey) {
        const advice =
          "Someone else may be answering there: if the machine was really made anew, give its new host key to the stack";
        reject(new OperateError(target.where, step, "it shows another host key than the known one", advice));
      } else if (/authentication/i.test(error.message)) {
        const advice = `Check that user ${target.user} accepts the configured ${login.kind === "key" ? "private key" : "agent's keys"}`;
        reject(new OperateError(target.where, step, "the login was refused", advice, { cause: error }));
      } else {
        const advice = "Check that the machine is powered on and that its sshd runs";
        reject(new OperateError(target.where, step, messageOf(error), advice, { cause: error }));
      }
    });
    client.once("close", () => {
      const step = `connecting to ${address} over SSH`;
      reject(new OperateError(target.where, step, "the connection was closed", "Check the machine's sshd"));
    });
  });
  try {
    client.connect(config);
  } catch (error) {
    const advice = "Check the private key that the stack gives";
    const reason = messageOf(error);
    return Promise.reject(new OperateError(target.where, "logging in over SSH", reason, advice));
  }
  const late = () =>
    new OperateError(
      target.where,
      `connecting to ${address} over SSH`,
      `no answer within ${timeoutMs / 1000} s`,
      "Check that the machine is powered on and reachable from here",
    );
  return bounded(ready, timeoutMs, late, () => client.destroy()).catch((error) => {
    client.destroy();
    throw error;
  });
}

/** Connections to the machines of one cluster. Make one by `withSsh`, which also closes it. */
export class SshPool {
  private readonly clients = new Map<string, Promise<Client>>();
  private readonly live = new Set<Client>();
  private gateway: Promise<Client> | undefined;
  private closed = false;

  constructor(
    readonly access: ClusterAccess,
    private readonly connectTimeoutMs = CONNECT_TIMEOUT_MS,
  ) {}

  /** The machine with this key. Connects at its first use, and again at the first use after the connection died. */
  machine(key: string): SshMachine {
    const machine = machineOf(this.access, key);
    const client = () => this.client(machine);
    const asRoot = (command: string) =>
      this.access.ssh.user === "root" ? command : shell`sudo -n -- sh -c ${command}`;
    return {
      machine,
      exec: async (command, options = {}) => execOn(machine.key, await client(), asRoot(command), options),
      run: async (command, options = {}) => {
        const result = await execOn(machine.key, await client(), asRoot(command), options);
        if (result.code === 0) return result.stdout;
        const said = (result.stderr.trim() || result.stdout.trim()).split("\n").slice(-5).join("; ");
        const reason = `exit status ${result.code}${said ? `: ${said}` : ""}`;
        throw new OperateError(machine.key, stepOf(command, options), reason, "See the journal on that machine");
      },
      open: async (command, step) => openOn(machine.key, await client(), asRoot(command), step),
      forward: async (host, port) => forwardFrom(machine.key, await client(), host, port),
    };
  }

  /** Closes every connection. The pool cannot be used afterwards. */
  close(): void {
    this.closed = true;
    for (const client of this.live) client.destroy();
    this.live.clear();
    this.clients.clear();
  }

  private client(machine: AccessMachine): Promise<Client> {
    const known = this.clients.get(machine.key);
    if (known) return known;
    const opening = this.openClient(machine);
    this.clients.set(machine.key, opening);
    opening.catch(() => this.clients.delete(machine.key));
    return opening;
  }

  private async openClient(machine: AccessMachine): Promise<Client> {
    const { ssh } = this.access;
    const sock = ssh.bastion
      ? await forwardFrom("bastion", await this.bastion(), machine.address, ssh.port)
      : undefined;
    const target = {
      where: machine.key,
      host: machine.address,
      port: ssh.port,
      user: ssh.user,
      hostKey: machine.hostKey,
    };
    const client = await connect(sock ? { ...target, sock } : target, ssh.login, this.connectTimeoutMs);
    return this.keep(client, () => this.clients.delete(machine.key));
  }

  private bastion(): Promise<Client> {
    const { bastion, login } = this.access.ssh;
    if (!bastion) throw new Error("no bastion is declared");
    this.gateway ??= connect({ where: "bastion", ...bastion }, login, this.connectTimeoutMs)
      .then((client) => this.keep(client, () => (this.gateway = undefined)))
      .catch((error) => {
        this.gateway = undefined;
        throw error;
      });
    return this.gateway;
  }

  private keep(client: Client, forget: () => void): Client {
    if (this.closed) {
      client.destroy();
      throw new Error("the SSH connections of this cluster are closed already");
    }
    this.live.add(client);
    client.on("close", () => {
      this.live.delete(client);
      forget();
    });
    return client;
  }
}

/** Runs `work` with connections to the cluster's machines, and closes them all afterwards. */
export async function withSsh<T>(
  access: ClusterAccess,
  work: (pool: SshPool) => Promise<T>,
  options: { readonly connectTimeoutMs?: number } = {},
): Promise<T> {
  const pool = new SshPool(access, options.connectTimeoutMs);
  try {
    return await work(pool);
  } finally {
    pool.close();
  }
}

function stepOf(command: string, options: ExecOptions): string {
  return options.step ?? command.split(/\s/, 1)[0] ?? "command";
}

function openChannel(where: string, client: Client, command: string, step: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const broken = (error: unknown) =>
      reject(
        new OperateError(where, step, messageOf(error), "The SSH connection is gone; run it again", { cause: error }),
      );
    const onClose = () => broken(new Error("the connection was closed"));
    client.once("close", onClose);
    try {
      client.exec(command, (error, channel) => {
        client.off("close", onClose);
        if (error) broken(error);
        else resolve(channel);
      });
    } catch (error) {
      broken(error);
    }
  });
}

async function execOn(where: string, client: Client, command: string, options: ExecOptions): Promise<ExecResult> {
  const step = stepOf(command, options);
  const timeoutMs = options.timeoutMs ?? EXEC_TIMEOUT_MS;
  let channel: ClientChannel | undefined;
  const work = async (): Promise<ExecResult> => {
    channel = await openChannel(where, client, command, step);
    const opened = channel;
    return new Promise((resolve, reject) => {
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      opened.on("data", (data: Buffer) => out.push(data));
      opened.stderr.on("data", (data: Buffer) => err.push(data));
      opened.on("error", reject);
      // The status is taken from "close", which repeats it: "exit" may have been emitted before anyone could listen.
      opened.on("close", (code?: number | null) =>
        resolve({ code: code ?? -1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
      );
      // Not `end()`: with both directions ended Node destroys the stream, ssh2 then closes the channel, and the exit
      // status that sshd sends a moment later may be lost.
      opened.write(options.stdin ?? "", () => sendEof(opened));
    });
  };
  const late = () =>
    new OperateError(where, step, `not done within ${timeoutMs / 1000} s`, "Look at the machine's load and journal");
  return bounded(work(), timeoutMs, late, () => channel?.destroy());
}

/** Tells the command that its input is over, and keeps the channel open for its output and exit status. */
function sendEof(channel: ClientChannel): void {
  (channel as ClientChannel & { eof(): void }).eof();
}

async function openOn(where: string, client: Client, command: string, step: string): Promise<LineSession> {
  const channel = await openChannel(where, client, command, step);
  const lines: string[] = [];
  let rest = "";
  let stderr = "";
  let ended: Error | undefined;
  let wake: (() => void) | undefined;
  channel.on("data", (data: Buffer) => {
    const parts = (rest + data.toString()).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    wake?.();
  });
  channel.stderr.on("data", (data: Buffer) => {
    stderr = (stderr + data.toString()).slice(-2000);
  });
  const end = (error?: Error) => {
    ended ??=
      error ?? new Error(`the program ended${stderr ? `: ${stderr.trim().split("\n").slice(-3).join("; ")}` : ""}`);
    wake?.();
  };
  channel.on("error", end);
  channel.on("close", () => end());
  return {
    send: (line) => void channel.write(`${line}\n`),
    next: (timeoutMs, what) => {
      const take = async (): Promise<string> => {
        for (;;) {
          const line = lines.shift();
          if (line !== undefined) return line;
          if (ended) throw new OperateError(where, what, messageOf(ended), "See the journal on that machine");
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      };
      const late = () =>
        new OperateError(
          where,
          what,
          `no answer within ${timeoutMs / 1000} s`,
          "Look at the machine's load and journal",
        );
      return bounded(take(), timeoutMs, late);
    },
    close: () => {
      channel.end();
      channel.destroy();
    },
  };
}

function forwardFrom(where: string, client: Client, host: string, port: number): Promise<Duplex> {
  const step = `opening a stream to ${host}:${port}`;
  const opened = new Promise<Duplex>((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(new OperateError(where, step, messageOf(error), "Check that the service runs there", { cause: error }));
    try {
      client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => (error ? fail(error) : resolve(channel)));
    } catch (error) {
      fail(error);
    }
  });
  const late = () => new OperateError(where, step, "no answer within 3 s", "Check that the service runs there");
  return bounded(opened, CONNECT_TIMEOUT_MS, late);
}
