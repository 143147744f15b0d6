/**
 * Real clients of a cluster while it is changed: one that writes numbered rows through each pooler, and one that reads. What
 * they saw, and whether every acknowledged row is there in the end, is the proof of an update.
 */
import { type AccessMachine, type ClusterAccess, machinesWith } from "../access";
import { bounded } from "../errors";
import { SshPool } from "../ssh";
import { sleep } from "../wait";
import { WitnessClient } from "./client";
import { LongestGap } from "./gaps";
import { CONNECT_TIMEOUT_MS, logIn } from "./login";
import { countOf, missingFrom, type Run } from "./numbers";
import { groupErrors, type Measured } from "./proof";
import { insertInto, makeTable, newSchema, readTable, removeTable } from "./table";

const WRITE_PORT = 6432;
const READ_PORT = 6433;
/** All clients are at work within this time, or those that are have to do, in ms. */
const POST_MS = 8000;
/** In the end, a client's last statement gets this long, in ms. */
const LAST_STATEMENT_MS = 3000;
/** The leader is asked for the rows until this time is over, in ms: it may have changed a moment ago. */
const READ_BACK_MS = 8000;
const BETWEEN_LOOKS_MS = 300;

/** Clients at work. */
export class Witness {
  private readonly schema = newSchema();
  private readonly pools: SshPool[] = [];
  /** Newest way to each machine. */
  private readonly ways = new Map<string, SshPool>();
  /** In the order in which clients try them. */
  private readonly poolers: string[];
  private readonly writers: WitnessClient[];
  private readonly reader: WitnessClient | undefined;
  private readonly overall: { gap: LongestGap | undefined } = { gap: undefined };
  private loops: Promise<unknown> = Promise.resolve();
  private begun = 0;

  /** @param access How the cluster was reached before the change; its poolers are the ones that clients know. */
  constructor(
    private access: ClusterAccess,
    private readonly password: string,
  ) {
    this.reachBy(access);
    this.poolers = machinesWith(access, "pooler").map(({ key }) => key);
    this.writers = this.poolers.map((home) => this.client(home, WRITE_PORT, insertInto(this.schema), true));
    const last = this.poolers.at(-1);
    if (last !== undefined) this.reader = this.client(last, READ_PORT, "SELECT 1", false);
  }

  /** Returns when the clients are at work. @throws When there is no table for them, or none of them gets through. */
  async begin(): Promise<void> {
    if (this.writers.length === 0) throw new Error("the cluster has no poolers");
    await makeTable(this.pool(), this.schema);
    this.loops = Promise.all([...this.writers, ...(this.reader ? [this.reader] : [])].map((client) => client.run()));
    const deadline = now() + POST_MS;
    while (now() < deadline && this.writers.some(({ answers }) => answers === 0)) await sleep(20);
    if (this.writers.every(({ answers }) => answers === 0))
      throw new Error(
        this.writers.find(({ trouble }) => trouble !== undefined)?.trouble ?? "no write was acknowledged",
      );
    this.begun = now();
    this.overall.gap = new LongestGap(this.begun);
    for (const client of [...this.writers, this.reader]) client?.begin(this.begun);
  }

  /** A machine that was made anew has another host key, and one that came may serve clients. */
  reach(machine: AccessMachine): void {
    if (machine.roles.includes("pooler") && !this.poolers.includes(machine.key)) this.poolers.push(machine.key);
    if (this.reaches(machine)) return;
    const others = this.access.machines.filter(({ key }) => key !== machine.key);
    this.access = { ...this.access, machines: [...others, machine] };
    this.reachBy(this.access, machine.key);
  }

  /**
   * Ends the clients' work, looks for every acknowledged row, and removes the table.
   * @param access How the cluster is reached now; default: as it was told before.
   */
  async finish(access: ClusterAccess = this.access): Promise<Measured> {
    // Logins that stand already are worth a second.
    if (!access.machines.every((machine) => this.reaches(machine))) this.reachBy(access);
    this.access = access;
    await this.stopClients();
    const end = now();
    const lost = await this.countLost();
    await this.remove();
    this.close();
    const waits = this.writers.map((client) => ({
      pooler: client.options.home,
      seconds: rounded(client.longestGap(end)),
    }));
    return {
      seconds: rounded(end - this.begun),
      longestWritePause: rounded(this.overall.gap?.until(end) ?? 0),
      longestWritePauseOfOnePooler: waits.reduce((a, b) => (b.seconds > a.seconds ? b : a)),
      writesAcknowledged: this.writers.reduce((sum, { acknowledged }) => sum + countOf(acknowledged), 0),
      writesLost: lost,
      readsAnswered: this.reader?.answers ?? 0,
      clientErrors: groupErrors(
        [...this.writers, this.reader].flatMap(
          (client) => client?.errors.map((event) => ({ ...event, at: rounded(event.at - this.begun) })) ?? [],
        ),
      ),
    };
  }

  /** Ends without a report, and leaves nothing behind where that is possible. Never rejects; bounded in time. */
  async abandon(): Promise<void> {
    await this.stopClients();
    await this.remove();
    this.close();
  }

  private reaches({ key, hostKey, address }: AccessMachine): boolean {
    return this.access.machines.some((known) => {
      return known.key === key && known.hostKey === hostKey && known.address === address;
    });
  }

  private client(home: string, port: number, statement: string, numbered: boolean): WitnessClient {
    return new WitnessClient({
      home,
      port,
      statement,
      numbered,
      others: () => this.poolers,
      logIn: (pooler) => logIn(this.ways.get(pooler) ?? this.pool(), pooler, port, this.password),
      now,
      onAnswer: (at) => {
        if (numbered) this.overall.gap?.heard(at);
      },
    });
  }

  private async stopClients(): Promise<void> {
    for (const client of [...this.writers, this.reader]) client?.stop();
    await bounded(this.loops, LAST_STATEMENT_MS, () => new Error("late")).catch(() => undefined);
  }

  /** null: no leader could be asked. */
  private async countLost(): Promise<number | null> {
    const deadline = now() + READ_BACK_MS;
    for (;;) {
      try {
        const there = await readTable(this.pool(), this.schema);
        const none: readonly Run[] = [];
        return this.writers.reduce(
          (sum, { acknowledged, options }) => sum + missingFrom(acknowledged, there.get(options.home) ?? none),
          0,
        );
      } catch {
        if (now() > deadline) return null;
        await sleep(BETWEEN_LOOKS_MS);
      }
    }
  }

  /** What cannot be removed now is removed by the next witness. */
  private async remove(): Promise<void> {
    await removeTable(this.pool(), this.schema).catch(() => undefined);
  }

  /** The pool of the newest access. */
  private pool(): SshPool {
    return this.pools.at(-1) as SshPool;
  }

  private reachBy(access: ClusterAccess, ...keys: readonly string[]): void {
    const pool = new SshPool(access, CONNECT_TIMEOUT_MS);
    this.pools.push(pool);
    for (const { key } of access.machines) if (keys.length === 0 || keys.includes(key)) this.ways.set(key, pool);
  }

  private close(): void {
    for (const pool of this.pools) pool.close();
  }
}

function now(): number {
  return performance.now();
}

/** Milliseconds as seconds, to the millisecond. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}
