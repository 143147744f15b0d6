/**
 * One conductor per cluster: a key in etcd, below the cluster's prefix, held by a lease. Whoever holds it may change the
 * running cluster. A killed holder's lease runs out by itself; a holder on this host whose process is dead is taken over
 * at once. Beside it stands the mark of the step at work, which outlives its writer: what a killed run leaves.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { NAMESPACE } from "../services/etcd/names";
import { messageOf, OperateError } from "./errors";
import { etcdctl, healthyVoterNow, throughElection } from "./etcd";
import type { ExecResult, SshPool } from "./ssh";

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
  const owner = thisOwner(new Date().toISOString());
  const mine = JSON.stringify(owner);
  const lease = await grant(pool, ttlSeconds);
  for (let attempt = 1; ; attempt++) {
    const taken = await transact(
      pool,
      `create("${lockKey(pool)}") = "0"`,
      `put ${lockKey(pool)} ${word(mine)} --lease=${lease}`,
      `get ${lockKey(pool)}`,
    );
    if (taken.ok) break;
    const holder = parseHolder(taken.output);
    // Asked for twice, because etcd did not answer the first time.
    if (holder?.text === mine) break;
    // A dead process of this host is recognised and displaced, once; the comparison makes sure that it is still the same.
    if (holder && ownerState(holder.owner) === "dead" && attempt === 1) {
      await transact(pool, `val("${lockKey(pool)}") = ${word(holder.text)}`, `del ${lockKey(pool)}`, "");
      continue;
    }
    await revoke(pool, lease).catch(() => undefined);
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

/**
 * Asks etcd as Patroni's user, for what may be repeated.
 * @param isDone Whether the answer is what was asked for. Default: exit status 0.
 * @throws OperateError that names the step.
 */
function ask(
  pool: SshPool,
  words: readonly string[],
  step: string,
  { stdin = "", isDone = ({ code }) => code === 0 }: { stdin?: string; isDone?: (result: ExecResult) => boolean } = {},
): Promise<string> {
  return throughElection(async () => {
    const voter = await healthyVoterNow(pool);
    const result = await etcdctl(pool, voter, words, { as: "patroni", stdin });
    if (!isDone(result)) throw refused(voter, step, result.stderr || result.stdout);
    return result.stdout;
  });
}

async function grant(pool: SshPool, ttlSeconds: number): Promise<string> {
  const granted = /^lease ([0-9a-f]+) granted/;
  const isDone = ({ code, stdout }: ExecResult) => code === 0 && granted.test(stdout);
  const said = await ask(pool, ["lease", "grant", String(ttlSeconds)], "getting a lease", { isDone });
  return granted.exec(said)?.[1] as string;
}

async function revoke(pool: SshPool, lease: string): Promise<void> {
  const isDone = ({ code, stderr }: ExecResult) => code === 0 || /not found/i.test(stderr);
  await ask(pool, ["lease", "revoke", lease], "giving the conductor's lock back", { isDone });
}

interface Transaction {
  /** The comparison held, and the first half was done. */
  readonly ok: boolean;
  readonly output: string;
}

async function transact(pool: SshPool, compare: string, then: string, otherwise: string): Promise<Transaction> {
  const stdin = `${compare}\n\n${then}\n\n${otherwise}\n\n`;
  const output = await ask(pool, ["txn"], "writing the conductor's lock", { stdin });
  return { ok: output.startsWith("SUCCESS"), output };
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
    const result = await transact(pool, `val("${lockKey(pool)}") = ${word(JSON.stringify(owner))}`, then, "");
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
      await revoke(pool, lease).catch(() => undefined);
    },
  };
}

function lostError(pool: SshPool, step: string): OperateError {
  const advice = "Another run may be at work: look at `cluster status`, and run `pulumi up` again";
  return new OperateError(`cluster ${pool.access.cluster}`, step, "the conductor's lock was lost", advice);
}
