/** A living cluster under test: what it says of itself, and what it takes to disturb it. */
import type { ClusterAccess } from "../../../components/operate/access";
import { getCluster, getConfig, type PatroniCluster, type PatroniMember } from "../../../components/operate/patroni";
import { SshPool } from "../../../components/operate/ssh";
import { Connection, type Target } from "./clients";
import { until } from "./until";
import type { Outputs } from "./workspace";

const LEADS = "leader";
/** A replica that is this close is as good as caught up while clients write. */
const SMALL_LAG_BYTES = 1024 * 1024;

/** The members as every one of them sees them. */
export interface Topology {
  readonly leader: string;
  readonly replicas: readonly string[];
  readonly timeline: number;
}

export class TestCluster {
  /** One SSH login per machine, kept; a machine that was away is logged in to again. */
  private pool: SshPool;

  constructor(private outputs: Outputs) {
    this.pool = new SshPool(outputs.access, 1500);
  }

  /** After an update: other machines, perhaps. */
  refresh(outputs: Outputs): void {
    this.pool.close();
    this.outputs = outputs;
    this.pool = new SshPool(outputs.access, 1500);
  }

  get access(): ClusterAccess {
    return this.outputs.access;
  }

  get target(): Target {
    const { readWrite, readOnly, adminPassword, caCertificate } = this.outputs;
    return {
      hosts: readWrite.hosts,
      writePort: readWrite.port,
      readPort: readOnly.port,
      database: readWrite.database,
      user: "admin",
      password: adminPassword,
      caCertificate,
    };
  }

  close(): void {
    this.pool.close();
  }

  /** Machines with PostgreSQL. */
  get keys(): readonly string[] {
    return this.having("postgresql");
  }

  private having(role: "postgresql" | "etcd" | "pooler"): readonly string[] {
    return this.access.machines.filter(({ roles }) => roles.includes(role)).map(({ key }) => key);
  }

  address(key: string): string {
    return this.pool.machine(key).machine.address;
  }

  /** Runs a command as root on a machine; it must succeed. Returns what it printed. */
  run(key: string, command: string, timeoutMs = 10_000): Promise<string> {
    return this.pool.machine(key).run(command, { timeoutMs });
  }

  /** Runs a command as root on a machine, whatever its exit status. */
  exec(key: string, command: string, stdin = "", timeoutMs = 10_000) {
    return this.pool.machine(key).exec(command, { stdin, timeoutMs });
  }

  /** Patroni's view, from the first machine that answers. */
  patroni(): Promise<PatroniCluster> {
    return Promise.any(this.keys.map((key) => getCluster(this.pool, key, 2000)));
  }

  async leader(): Promise<string> {
    const { members } = await this.patroni();
    const leader = members.find(({ role }) => role === LEADS);
    if (leader === undefined) throw new Error(`no leader: ${described(members)}`);
    return leader.name;
  }

  /** The machine whose etcd leads the others. */
  async etcdLeader(): Promise<string> {
    for (const key of this.having("etcd")) {
      const [status] = JSON.parse(
        await this.run(key, "/usr/local/lib/pgkeel/etcdctl endpoint status --write-out=json"),
      ) as { Status: { header: { member_id: number }; leader: number } }[];
      if (status !== undefined && status.Status.leader === status.Status.header.member_id) return key;
    }
    throw new Error("no etcd member says that it leads");
  }

  /** Makes the etcd of this machine lead, or of any other machine. */
  async placeEtcdLeader(where: { on: string } | { not: string }): Promise<void> {
    const current = await this.etcdLeader();
    const wanted = "on" in where ? where.on : this.having("etcd").find((key) => key !== where.not);
    if (current === wanted || ("not" in where && current !== where.not)) return;
    const { members } = JSON.parse(
      await this.run(current, "/usr/local/lib/pgkeel/etcdctl member list --write-out=json --hex"),
    ) as {
      members: { ID: string; name: string }[];
    };
    const id = members.find(({ name }) => name === wanted)?.ID;
    await this.run(current, `/usr/local/lib/pgkeel/etcdctl move-leader ${id}`);
  }

  /**
   * Waits until nothing is missing: every member says the same, one leads and the others stream from it on its timeline, each of
   * them counts for commits, every etcd member is healthy, and every pooler lets clients in and leads them to the leader and to replicas.
   */
  settled(seconds: number, onChange?: (missing: string) => void): Promise<Topology> {
    const ask = async () => {
      const views = await Promise.all(this.keys.map((key) => getCluster(this.pool, key, 2000)));
      const { synchronous_mode: mode } = await getConfig(this.pool, this.keys[0] as string, 2000);
      const trouble = views.flatMap(({ members }) => membersTrouble(members, this.keys, mode === "quorum"));
      if (trouble[0] !== undefined) return trouble[0];
      const leaders = new Set(views.map(({ members }) => leaderOf(members).name));
      if (leaders.size !== 1) return `members name different leaders: ${[...leaders].join(", ")}`;
      const leader = leaderOf((views[0] as PatroniCluster).members);
      const replicas = this.keys.filter((key) => key !== leader.name);
      const troubles = await Promise.all([
        ...this.having("etcd").map((key) => this.voterTrouble(key)),
        ...this.having("pooler").map((key) => this.poolerTrouble(key, leader.name, replicas)),
      ]);
      const found = troubles.find((text) => text !== undefined);
      if (found !== undefined) return found;
      return { done: { leader: leader.name, replicas, timeline: leader.timeline ?? 0 } };
    };
    return until("a settled cluster", seconds, ask, onChange);
  }

  /** Waits until every member has this many rows of a run: what the leader has, no more and no less. */
  async sameRowsEverywhere(run: string, rows: number): Promise<void> {
    const query = `SELECT count(*) FROM ledger WHERE run = '${run.replaceAll("'", "''")}'`;
    for (const key of this.keys)
      await until(`${rows} rows of "${run}" on ${key}`, 10, async () => {
        const count = Number(await this.psql(key, query));
        return count === rows ? { done: undefined } : `${count} rows`;
      });
  }

  /** What the services of a machine have said since it was made. */
  journal(key: string): Promise<string> {
    const units = ["etcd", "patroni", "haproxy", "pgbouncer-rw@*"].map((unit) => `--unit='${unit}'`).join(" ");
    return this.run(key, `journalctl --no-pager --utc --output=short-iso-precise ${units}`, 30_000);
  }

  /** SQL as the local superuser of a member, over SSH; returns unaligned text. */
  async psql(key: string, query: string): Promise<string> {
    const { stdout, stderr, code } = await this.exec(
      key,
      `runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -d ${this.target.database} -Atq`,
      query,
    );
    if (code !== 0) throw new Error(`psql on ${key}: ${stderr.trim()}`);
    return stdout.trim();
  }

  private async voterTrouble(key: string): Promise<string | undefined> {
    const health = await this.exec(key, "/usr/local/lib/pgkeel/etcdctl endpoint health --command-timeout=2s");
    if (health.code === 0) return undefined;
    return `etcd of ${key}: ${(health.stderr || health.stdout).trim().split("\n").at(-1)}`;
  }

  private async poolerTrouble(key: string, leader: string, replicas: readonly string[]): Promise<string | undefined> {
    const routes = JSON.parse(await this.run(key, "/usr/local/lib/pgkeel/haproxy-routes status")) as {
      leader: string[];
      replicas: string[];
    };
    if (routes.leader.join() !== leader || routes.replicas.sort().join() !== [...replicas].sort().join())
      return `HAProxy of ${key} leads writes to ${routes.leader.join(", ")}, reads to ${routes.replicas.join(", ")}`;
    const { address } = this.pool.machine(key).machine;
    if (await this.inRecovery(address, this.target.writePort))
      return `the read-write port of ${key} leads to a replica`;
    // Whether a replica answers is not asked: a reader stays where it is when that becomes the leader.
    await this.inRecovery(address, this.target.readPort);
    return undefined;
  }

  private async inRecovery(host: string, port: number): Promise<boolean> {
    const connection = await Connection.open(this.target, host, port);
    try {
      const [row] = await connection.rows<{ replica: boolean }>("SELECT pg_is_in_recovery() AS replica");
      return row?.replica ?? false;
    } finally {
      connection.close();
    }
  }
}

function leaderOf(members: readonly PatroniMember[]): PatroniMember {
  const leader = members.find(({ role }) => role === LEADS);
  if (leader === undefined) throw new Error(`no leader: ${described(members)}`);
  return leader;
}

function membersTrouble(members: readonly PatroniMember[], keys: readonly string[], quorum: boolean): string[] {
  const names = members.map(({ name }) => name).sort();
  if (names.join() !== [...keys].sort().join()) return [`members are ${names.join(", ")}`];
  const leaders = members.filter(({ role }) => role === LEADS);
  if (leaders.length !== 1 || leaders[0]?.state !== "running") return [`no leader: ${described(members)}`];
  const behind = members.filter(
    ({ role, state, timeline, lag }) =>
      role !== LEADS &&
      (state !== "streaming" || timeline !== leaders[0]?.timeline || typeof lag !== "number" || lag > SMALL_LAG_BYTES),
  );
  if (behind.length > 0) return [`replicas do not stream: ${described(members)}`];
  // A replica that is not counted yet cannot acknowledge: a leader that is promoted beside it waits a loop_wait for it.
  const uncounted = members.filter(({ role }) => quorum && ![LEADS, "quorum_standby"].includes(role));
  return uncounted.length > 0 ? [`commits do not count on every replica: ${described(members)}`] : [];
}

function described(members: readonly PatroniMember[]): string {
  return members
    .map(({ name, role, state, timeline, lag }) => `${name} ${role} ${state}, timeline ${timeline}, lag ${lag}`)
    .join("; ");
}
