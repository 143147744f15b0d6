/**
 * One conductor per cluster: a key in etcd, below the cluster's prefix, held by a lease. Whoever holds it may change the
 * running cluster. A killed holder's lease runs out by itself; a holder on this host whose process is dead is taken over
 * at once. Beside it stands the mark of the step at work, which outlives its writer: what a killed run leaves.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { NAMESPACE } from "../services/etcd/names";
import { messageOf, OperateError } from "./errors";
import { etcdctl, healthyVoter, healthyVoterNow, throughElection } from "./etcd";
import type { SshPool } from "./ssh";

/** Life of the lease in seconds. A run that is killed blocks the next one, from another host, for so long. */
export const LEASE_SECONDS = 15;

export interface Owner {
  readonly host: string;
  readonly pid: number;
  /** When the process started, in the kernel's ticks since boot: tells a process from a later one with its number. */
  readonly started: string;
  /** When it took the lock, ISO 8601. */
  readonly since: string;
}

export interface StepMark {
  /** The step as it was announced: "db-2 restarts". */
  readonly step: string;
  readonly owner: Owner;
  readonly at: string;
}

/** Who conducts, and which step was not finished; either may be null. */
export interface ConductorState {
  readonly owner: Owner | null;
  readonly step: StepMark | null;
}

export interface Conductor {
  readonly owner: Owner;
  /** Aborted when the lock is lost: its lease ran out because etcd could not be reached for so long. Stop then. */
  readonly lost: AbortSignal;
  /** Notes the step at work. @throws OperateError when the lock is no longer held. */
  begin(step: string): Promise<void>;
  /** Removes the note: the step is done. */
  done(): Promise<void>;
  /** Gives the lock back. The mark of an unfinished step stays. Never rejects: a lock that is not given back runs out. */
  release(): Promise<void>;
}

/** This process, as owner. */
export function thisOwner(since: string): Owner {
  return { host: hostname(), pid: process.pid, started: startOf(process.pid) ?? "", since };
}

/** Start time of a process of this host in ticks since boot; undefined: there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/**
 * What is known of an owner's process: on another host nothing can be said.
 * @param startOfPid Start time of a process of this host, undefined when there is none.
 */
export function ownerIs(
  owner: Owner,
  here: string,
  startOfPid: (pid: number) => string | undefined,
): "alive" | "dead" | "unknown" {
  if (owner.host !== here) return "unknown";
  return startOfPid(owner.pid) === owner.started ? "alive" : "dead";
}

/** Whether an owner of this host still lives; of another host: "unknown". */
export function ownerState(owner: Owner): "alive" | "dead" | "unknown" {
  return ownerIs(owner, hostname(), startOf);
}

const lockKey = (pool: SshPool) => `${NAMESPACE}${pool.access.cluster}/conductor`;
const stepKey = (pool: SshPool) => `${NAMESPACE}${pool.access.cluster}/conductor-step`;

/**
 * A word in the lines of `etcdctl txn`: double quotes with Go's escapes, of which JSON's are a part. (Single quotes are
 * documented as well, but etcdctl 3.5 cuts such a word short.)
 */
const word = (text: string): string => JSON.stringify(text);

/** Who conducts now, and what was left unfinished. */
export async function readConductor(pool: SshPool): Promise<ConductorState> {
  const at = await healthyVoterNow(pool);
  const result = await etcdctl(pool, at, ["get", "--prefix", lockKey(pool)], { as: "patroni" });
  if (result.code !== 0) throw refused(at, "reading the conductor's lock", result.stderr);
  const lines = result.stdout.split("\n");
  const stored = <T>(key: string): T | null => {
    const index = lines.indexOf(key);
    return index < 0 ? null : (JSON.parse(lines[index + 1] ?? "null") as T);
  };
  return { owner: stored<Owner>(lockKey(pool)), step: stored<StepMark>(stepKey(pool)) };
}

/**
 * Takes the lock, or says who holds it.
 * @throws OperateError when another live (or unknown) process holds it: its host, process and since when.
 */
export async function becomeConductor(pool: SshPool, ttlSeconds = LEASE_SECONDS): Promise<Conductor> {
  const voter = await healthyVoter(pool);
  const owner = thisOwner(new Date().toISOString());
  const lease = await throughElection(() => grant(pool, voter, ttlSeconds));
  for (let attempt = 1; ; attempt++) {
    const taken = await throughElection(() =>
      transact(
        pool,
        voter,
        `create("${lockKey(pool)}") = "0"`,
        `put ${lockKey(pool)} ${word(JSON.stringify(owner))} --lease=${lease}`,
        `get ${lockKey(pool)}`,
      ),
    );
    if (taken.ok) break;
    const holder = parseHolder(taken.output);
    // Asked for twice, because etcd did not answer the first time.
    if (holder?.text === JSON.stringify(owner)) break;
    // A dead process of this host is recognised and displaced, once; the comparison makes sure that it is still the same.
    if (holder && ownerState(holder.owner) === "dead" && attempt === 1) {
      await transact(pool, voter, `val("${lockKey(pool)}") = ${word(holder.text)}`, `del ${lockKey(pool)}`, "");
      continue;
    }
    await etcdctl(pool, voter, ["lease", "revoke", lease], { as: "patroni" });
    throw held(pool, holder?.owner, ttlSeconds);
  }
  return keep(pool, owner, lease, ttlSeconds);
}

function held(pool: SshPool, owner: Owner | undefined, ttlSeconds: number): OperateError {
  const who = owner ? `process ${owner.pid} on ${owner.host} does, since ${owner.since}` : "another run does";
  return new OperateError(
    `cluster ${pool.access.cluster}`,
    "becoming its conductor",
    `${who}; two runs must not change it at once`,
    `Wait for that run; if it is gone, its lock ends by itself within ${ttlSeconds} s`,
  );
}

function refused(where: string, step: string, stderr: string): OperateError {
  return new OperateError(where, step, messageOf(stderr).slice(-300) || "etcd refused", "See etcd's journal there");
}

async function grant(pool: SshPool, voter: string, ttlSeconds: number): Promise<string> {
  const result = await etcdctl(pool, voter, ["lease", "grant", String(ttlSeconds)], { as: "patroni" });
  const lease = /^lease ([0-9a-f]+) granted/.exec(result.stdout)?.[1];
  if (result.code !== 0 || !lease) throw refused(voter, "getting a lease", result.stderr || result.stdout);
  return lease;
}

interface Transaction {
  /** The comparison held, and the first half was done. */
  readonly ok: boolean;
  readonly output: string;
}

async function transact(
  pool: SshPool,
  voter: string,
  compare: string,
  then: string,
  otherwise: string,
): Promise<Transaction> {
  const stdin = `${compare}\n\n${then}\n\n${otherwise}\n\n`;
  const result = await etcdctl(pool, voter, ["txn"], { as: "patroni", stdin });
  if (result.code !== 0) throw refused(voter, "writing the conductor's lock", result.stderr);
  return { ok: result.stdout.startsWith("SUCCESS"), output: result.stdout };
}

function parseHolder(output: string): { readonly text: string; readonly owner: Owner } | undefined {
  const text = output.split("\n").find((part) => part.startsWith("{"));
  return text === undefined ? undefined : { text, owner: JSON.parse(text) as Owner };
}

/** Keeps the lease alive from any voter that answers: the machine of one of them may be what is being restarted. */
function keep(pool: SshPool, owner: Owner, lease: string, ttlSeconds: number): Conductor {
  const lost = new AbortController();
  let renewed = Date.now();
  let released = false;
  let renewing = false;
  const renew = async () => {
    if (renewing || released) return;
    renewing = true;
    const sent = Date.now();
    try {
      const voter = await healthyVoterNow(pool);
      const result = await etcdctl(pool, voter, ["lease", "keep-alive", "--once", lease], { as: "patroni" });
      if (result.code === 0 && /keepalived with TTL/.test(result.stdout)) renewed = sent;
      else if (/not found|expired/i.test(result.stderr + result.stdout)) renewed = 0;
    } catch {
      // Tried again at the next beat; the deadline below decides.
    } finally {
      renewing = false;
    }
  };
  const beat = setInterval(
    () => {
      void renew();
      if (Date.now() - renewed > ttlSeconds * 1000) lost.abort(new Error("the conductor's lock in etcd ran out"));
    },
    (ttlSeconds * 1000) / 3,
  );
  beat.unref();

  const write = async (step: string, then: string) => {
    if (lost.signal.aborted) throw lostError(pool, step);
    const mine = `val("${lockKey(pool)}") = ${word(JSON.stringify(owner))}`;
    const result = await throughElection(async () => transact(pool, await healthyVoterNow(pool), mine, then, ""));
    if (!result.ok) throw lostError(pool, step);
  };
  return {
    owner,
    lost: lost.signal,
    begin: (step) => {
      const mark: StepMark = { step, owner, at: new Date().toISOString() };
      return write(`noting the step "${step}"`, `put ${stepKey(pool)} ${word(JSON.stringify(mark))}`);
    },
    done: () => write("noting that the step is done", `del ${stepKey(pool)}`),
    release: async () => {
      released = true;
      clearInterval(beat);
      // Whoever comes next, this very program perhaps, must not find a lock that nobody holds any more.
      await throughElection(async () => {
        const voter = await healthyVoterNow(pool);
        const { code, stderr } = await etcdctl(pool, voter, ["lease", "revoke", lease], { as: "patroni" });
        if (code !== 0 && !/not found/i.test(stderr)) throw refused(voter, "giving the conductor's lock back", stderr);
      }).catch(() => undefined);
    },
  };
}

function lostError(pool: SshPool, step: string): OperateError {
  const advice = "Another run may be at work: look at `cluster status`, and run `pulumi up` again";
  return new OperateError(`cluster ${pool.access.cluster}`, step, "the conductor's lock was lost", advice);
}
