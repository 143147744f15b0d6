/**
 * SSH to the machines of a cluster: one connection per machine, shared by everything that runs on it.
 * Host keys are always verified. Nothing here retries by itself: a connection that died is opened anew by the next
 * use, once per use.
 */
import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import { shell } from "../render/shell";
import { type AccessMachine, type ClusterAccess, machineOf } from "./access";
import { OperateError } from "./errors";
import {
  type ExecOptions,
  type ExecResult,
  execOn,
  forwardFrom,
  type LineSession,
  openOn,
  stepOf,
} from "./ssh-channel";
import { connect } from "./ssh-connect";

export type { ExecOptions, ExecResult, LineSession } from "./ssh-channel";

/** Time to connect and log in, in ms; over it a machine counts as not answering. */
export const CONNECT_TIMEOUT_MS = 3000;
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
