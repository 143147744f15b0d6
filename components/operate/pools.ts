/**
 * The poolers of a cluster: PAUSE and RESUME of their PgBouncers, and where their HAProxys lead. What is done on the
 * machine is done by programs there (pgbouncer-pause, haproxy-routes), whose safety timer resumes by itself.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shell } from "../render/shell";
import { PAUSE_PROGRAM } from "../services/pgbouncer/names";
import { machinesWith } from "./access";
import { hasPooler } from "./deviations";
import { messageOf, OperateError } from "./errors";
import type { Observation } from "./observation";
import type { LineSession, SshPool } from "./ssh";

/** A client's transaction that kept a pooler from pausing. */
export interface Blocker {
  readonly process: string;
  readonly database: string;
  readonly user: string;
  readonly client: string;
  readonly application?: string | null;
  /** When its last request came, as PgBouncer prints it. */
  readonly lastRequest?: string | null;
  /** Process of PostgreSQL that works for it. */
  readonly backendPid: number;
}

interface PoolerAnswer {
  readonly ok: boolean;
  readonly status?: number;
  readonly reason?: string;
  readonly blockers?: readonly Blocker[];
  readonly resumed?: readonly string[];
  readonly leader?: readonly string[];
  readonly left?: number;
}

export type PauseOutcome =
  | { readonly kind: "paused" }
  /** Transactions did not end in time; its clients go on. */
  | { readonly kind: "blocked"; readonly reason: string; readonly blockers: readonly Blocker[] }
  | { readonly kind: "failed"; readonly reason: string };

/** A pooler's machine with a program open on it, so that each order costs one message. */
export interface PoolerSession {
  readonly key: string;
  /**
   * Holds the clients of the read-write processes. Whatever happens here, the machine resumes by itself.
   * @param limits.forSeconds After this long the machine resumes by itself.
   * @param limits.withinSeconds Running transactions get this long to end.
   * @param limits.readOnlyToo The read-only processes as well; default false.
   */
  pause(limits: {
    readonly forSeconds: number;
    readonly withinSeconds: number;
    readonly readOnlyToo?: boolean;
  }): Promise<PauseOutcome>;
  /** Lets everything go on. Repeating it is harmless. @throws OperateError */
  resume(): Promise<void>;
  /** Tells HAProxy who leads now. @throws OperateError when the leader route then does not lead there alone. */
  lead(leader: string): Promise<void>;
  /** No new reads go to the member until it is taken back, or for so long. Returns how many reads did not end in time. */
  aside(member: string, limits: { readonly forSeconds: number; readonly withinSeconds: number }): Promise<number>;
  /** No reads go to the member until it is taken back; those that run are cut. */
  out(member: string): Promise<void>;
  /** Reads go to the members again. */
  back(members: readonly string[]): Promise<void>;
  /** Server connections are closed as their transactions end, and new ones go by the present routes. */
  reconnect(): Promise<void>;
  close(): void;
}

let program: string | undefined;

/** Opens the program on one pooler's machine. */
export async function openPooler(pool: SshPool, key: string): Promise<PoolerSession> {
  program ??= readFileSync(join(__dirname, "machine", "pooler.py"), "utf8");
  const session = await pool.machine(key).open(shell`exec python3 -IS -c ${program}`, "opening the pooler's program");
  await session.next(5000, "opening the pooler's program");
  return poolerSession(key, session);
}

/** Opens it wherever a pooler may hold clients. `skipped`: machines that do not answer. */
export async function openPoolers(
  pool: SshPool,
  seen: Observation,
): Promise<{ readonly open: readonly PoolerSession[]; readonly skipped: readonly string[] }> {
  const poolers = seen.machines.filter(hasPooler);
  const open = poolers.filter(({ reachable }) => reachable).map(({ key }) => openPooler(pool, key));
  const skipped = poolers.filter(({ reachable }) => !reachable).map(({ key }) => key);
  return { open: await Promise.all(open), skipped };
}

function poolerSession(key: string, session: LineSession): PoolerSession {
  let queue: Promise<unknown> = Promise.resolve();
  const order = (what: object, timeoutMs: number, step: string): Promise<PoolerAnswer> => {
    // One order at a time: answers come in the order of the questions.
    const answer = queue.then(async () => {
      session.send(JSON.stringify(what));
      return JSON.parse(await session.next(timeoutMs, step)) as PoolerAnswer;
    });
    queue = answer.catch(() => undefined);
    return answer;
  };
  const failed = (step: string, answer: PoolerAnswer) =>
    new OperateError(key, step, answer.reason ?? "no reason given", `Run \`${PAUSE_PROGRAM} status\` there`);
  return {
    key,
    pause: async ({ forSeconds, withinSeconds, readOnlyToo = false }) => {
      try {
        const what = { do: "pause", for: forSeconds, within: withinSeconds, all: readOnlyToo };
        const answer = await order(what, (withinSeconds + 5) * 1000, "pausing PgBouncer");
        if (answer.ok) return { kind: "paused" };
        const reason = answer.reason ?? "no reason given";
        if (answer.status === 3) return { kind: "blocked", reason, blockers: answer.blockers ?? [] };
        return { kind: "failed", reason };
      } catch (error) {
        return { kind: "failed", reason: messageOf(error) };
      }
    },
    resume: async () => {
      const answer = await order({ do: "resume" }, 10_000, "resuming PgBouncer");
      if (!answer.ok) throw failed("resuming PgBouncer", answer);
    },
    lead: async (leader) => {
      const answer = await order({ do: "lead", leader }, 10_000, "telling HAProxy who leads");
      if (!answer.ok) throw failed("telling HAProxy who leads", answer);
    },
    aside: async (member, { forSeconds, withinSeconds }) => {
      const what = { do: "aside", member, for: forSeconds, within: withinSeconds };
      const answer = await order(what, (withinSeconds + 10) * 1000, "sending reads elsewhere");
      if (!answer.ok) throw failed("sending reads elsewhere", answer);
      return answer.left ?? 0;
    },
    out: async (member) => {
      const answer = await order({ do: "out", member }, 10_000, "ending reads");
      if (!answer.ok) throw failed("ending reads", answer);
    },
    back: async (members) => {
      const answer = await order({ do: "back", members }, 10_000, "sending reads again");
      if (!answer.ok) throw failed("sending reads again", answer);
    },
    reconnect: async () => {
      const answer = await order({ do: "reconnect" }, 10_000, "renewing server connections");
      if (!answer.ok) throw failed("renewing server connections", answer);
    },
    close: () => session.close(),
  };
}

/** Pauses or resumes one machine's poolers by a command of its own: planned work by hand. */
export async function pausePooler(
  pool: SshPool,
  key: string,
  limits: { readonly forSeconds: number; readonly withinSeconds: number; readonly readOnlyToo?: boolean },
): Promise<PauseOutcome> {
  const all = limits.readOnlyToo ? ["--all"] : [];
  const words = ["pause", "--for", String(limits.forSeconds), "--within", String(limits.withinSeconds), ...all];
  const timeoutMs = (limits.withinSeconds + 5) * 1000;
  const result = await pool
    .machine(key)
    .exec(shell`${PAUSE_PROGRAM} ${words}`, { timeoutMs, step: "pausing PgBouncer" });
  const answer = parseAnswer(result.stdout, result.stderr);
  if (result.code === 0 && answer.ok) return { kind: "paused" };
  const reason = answer.reason ?? `exit status ${result.code}`;
  if (result.code === 3) return { kind: "blocked", reason, blockers: answer.blockers ?? [] };
  return { kind: "failed", reason };
}

/** Resumes one machine's poolers; returns the processes that were held. @throws OperateError */
export async function resumePooler(pool: SshPool, key: string): Promise<readonly string[]> {
  const result = await pool.machine(key).exec(shell`${PAUSE_PROGRAM} resume`, { step: "resuming PgBouncer" });
  const answer = parseAnswer(result.stdout, result.stderr);
  if (result.code === 0 && answer.ok) return answer.resumed ?? [];
  const reason = answer.reason ?? `exit status ${result.code}`;
  throw new OperateError(key, "resuming PgBouncer", reason, `Run \`${PAUSE_PROGRAM} status\` there`);
}

function parseAnswer(stdout: string, stderr: string): PoolerAnswer {
  try {
    return JSON.parse(stdout) as PoolerAnswer;
  } catch {
    return { ok: false, reason: messageOf(stderr || stdout) };
  }
}

/** Resumes every pooler that can be reached: after anything that may have left one paused. Returns what it could not. */
export async function resumeAll(pool: SshPool): Promise<{ readonly resumed: string[]; readonly failed: string[] }> {
  const resumed: string[] = [];
  const failed: string[] = [];
  await Promise.all(
    machinesWith(pool.access, "pooler").map(async ({ key }) => {
      try {
        const held = await resumePooler(pool, key);
        resumed.push(...held.map((process) => `${key}: ${process}`));
      } catch (error) {
        failed.push(messageOf(error));
      }
    }),
  );
  return { resumed, failed };
}

/** One line for a person: who it is, and since when. */
export function describeBlocker(machine: string, blocker: Blocker): string {
  const who = `user ${blocker.user} in ${blocker.database}, client ${blocker.client}`;
  const application = blocker.application ? ` (${blocker.application})` : "";
  return `${who}${application} through ${machine}, backend ${blocker.backendPid}, last request ${blocker.lastRequest ?? "unknown"}`;
}
