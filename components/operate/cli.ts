/** Planned work by hand: `npm run cluster -- <command> [arguments] -s <stack>`. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type ClusterAccess, machinesWith, parseAccess } from "./access";
import { becomeConductor } from "./conductor";
import { messageOf, OperateError } from "./errors";
import { observe, observeWith } from "./observe";
import { describeBlocker, pausePooler, resumeAll } from "./pools";
import { reinitialize } from "./reinit";
import { restartLeader, restartReplica } from "./restart";
import { type SshPool, withSsh } from "./ssh";
import { renderStatus } from "./status";
import { switchover } from "./switchover";
import type { Proof } from "./witness/proof";

const USAGE = `Usage: npm run cluster -- <command> -s <stack>

  status [--json] [--watch]           members, lag, poolers, etcd, the last proof, and what needs attention
  switchover [--to MEMBER]            another member leads; clients wait about a second
  restart MEMBER [--in-place]         PostgreSQL of one member; the leader only --in-place, with the poolers paused
  pause [--for SECONDS]               the poolers hold their clients, 30 s if not said otherwise (at most 50)
  resume                              the poolers let their clients go on
  reinit MEMBER --yes                 throws a replica's data away and seeds it anew

  -s, --stack STACK    the cluster's stack
      --access FILE    its access document instead (the stack output "access"), - for standard input
`;

interface Arguments {
  readonly command: string;
  readonly member: string | undefined;
  readonly stack: string | undefined;
  readonly access: string | undefined;
  readonly to: string | undefined;
  readonly forSeconds: number;
  readonly json: boolean;
  readonly watch: boolean;
  readonly inPlace: boolean;
  readonly yes: boolean;
}

class UsageError extends Error {}

/** Reads the command line. @throws UsageError that says what is wrong. */
export function parseCommand(argv: readonly string[]): Arguments {
  const parsed = readOptions(argv);
  const [command, member, ...rest] = parsed.positionals;
  if (command === undefined) throw new UsageError("a command is missing");
  const takesMember = command === "restart" || command === "reinit";
  if (!["status", "switchover", "restart", "pause", "resume", "reinit"].includes(command)) {
    throw new UsageError(`there is no command "${command}"`);
  }
  if (takesMember && member === undefined) throw new UsageError(`${command} needs a member: ${command} db-2`);
  if (rest.length > 0 || (!takesMember && member !== undefined)) {
    throw new UsageError(`"${takesMember ? rest[0] : member}" is too much`);
  }
  const { stack, access, to, json, watch, yes } = parsed.values;
  const forSeconds = Number(parsed.values.for ?? 30);
  if (!(forSeconds >= 3 && forSeconds <= 50)) throw new UsageError("--for takes 3 to 50 seconds");
  if (command === "reinit" && !yes) throw new UsageError("reinit throws data away: add --yes");
  const inPlace = parsed.values["in-place"] ?? false;
  return {
    command,
    member,
    stack,
    access,
    to,
    forSeconds,
    json: json ?? false,
    watch: watch ?? false,
    inPlace,
    yes: yes ?? false,
  };
}

function readOptions(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        stack: { type: "string", short: "s" },
        access: { type: "string" },
        to: { type: "string" },
        for: { type: "string" },
        json: { type: "boolean" },
        watch: { type: "boolean" },
        yes: { type: "boolean" },
        "in-place": { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

/** What the last update that finished left. */
interface Known {
  readonly access: ClusterAccess;
  /** null: no update has disturbed anything yet, or only the access document is given. */
  readonly proof: Proof | null;
}

/** From the stack's outputs. */
function readOutputs(options: Arguments): Known {
  if (options.access !== undefined) {
    return { access: parseAccess(readFileSync(options.access === "-" ? 0 : options.access, "utf8")), proof: null };
  }
  const stack = options.stack === undefined ? [] : ["--stack", options.stack];
  const words = ["stack", "output", "--show-secrets", "--json", ...stack];
  const { access, proof } = JSON.parse(askPulumi(words)) as { access?: unknown; proof?: Proof };
  if (access === undefined) throw new Error(`The stack has no output "access". Has the cluster been made (pulumi up)?`);
  return { access: parseAccess(access), proof: proof ?? null };
}

function askPulumi(words: readonly string[]): string {
  try {
    const cli = process.env.PGKEEL_CLI ?? "pulumi";
    return execFileSync(cli, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    if (said === undefined) throw error;
    throw new Error(`The stack's outputs could not be read: ${said}\nHas the cluster been made (pulumi up)?`);
  }
}

/** Runs one command. Returns the exit status: 0 done, 1 failed or not healthy, 64 wrong call. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseCommand(argv);
    return await run(options, readOutputs(options));
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`cluster: ${error.message}\n\n${USAGE}`);
      return 64;
    }
    process.stderr.write(`cluster: ${messageOf(error)}\n`);
    return 1;
  }
}

async function run(options: Arguments, { access, proof }: Known): Promise<number> {
  switch (options.command) {
    case "status":
      return status(options, access, proof);
    case "switchover":
      return withSsh(access, (pool) =>
        alone(pool, "switchover by hand", async (signal) => {
          const to = options.to === undefined ? {} : { candidate: options.to };
          const done = await switchover(pool, { ...to, signal, onProgress: say });
          say(`done: ${done.from} -> ${done.to}, writes waited ${done.writePauseMs} ms`);
          return 0;
        }),
      );
    case "restart":
      return withSsh(access, (pool) =>
        alone(pool, `restart of ${options.member} by hand`, async (signal) => {
          const key = options.member as string;
          const leads = (await observeWith(pool)).leader === key;
          const restart = { signal, onProgress: say };
          const done =
            leads && options.inPlace ? await restartLeader(pool, restart) : await restartReplica(pool, key, restart);
          say(`done: ${done.member} is back after ${(done.tookMs / 1000).toFixed(1)} s`);
          if (done.stillPending.length > 0) say(`a restart is still pending for ${done.stillPending.join(", ")}`);
          return done.stillPending.length > 0 ? 1 : 0;
        }),
      );
    case "pause":
      return withSsh(access, (pool) => pause(pool, options.forSeconds));
    case "resume":
      return withSsh(access, async (pool) => {
        const { resumed, failed } = await resumeAll(pool);
        say(resumed.length > 0 ? `resumed: ${resumed.join(", ")}` : "nothing was paused");
        for (const reason of failed) process.stderr.write(`${reason}\n`);
        return failed.length > 0 ? 1 : 0;
      });
    case "reinit":
      return withSsh(access, (pool) =>
        alone(pool, `reinit of ${options.member} by hand`, async (signal) => {
          const took = await reinitialize(pool, options.member as string, { signal, onProgress: say });
          say(`done after ${(took / 1000).toFixed(1)} s`);
          return 0;
        }),
      );
    default:
      throw new UsageError(`there is no command "${options.command}"`);
  }
}

/** Work that changes the cluster, with the conductor's lock: no update runs beside it. */
async function alone(pool: SshPool, step: string, work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const conductor = await becomeConductor(pool);
  const stop = new AbortController();
  const interrupt = () => stop.abort(new OperateError("you", step, "interrupted", "See `cluster status`"));
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    return await work(AbortSignal.any([conductor.lost, stop.signal]));
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
    await conductor.release().catch((error) => say(messageOf(error)));
  }
}

async function pause(pool: SshPool, forSeconds: number): Promise<number> {
  const withinSeconds = Math.min(5, forSeconds - 1);
  const keys = machinesWith(pool.access, "pooler").map((m) => m.key);
  const outcomes = await Promise.all(
    keys.map(async (key) => ({
      key,
      outcome: await pausePooler(pool, key, { forSeconds, withinSeconds }).catch((error) => ({
        kind: "failed" as const,
        reason: messageOf(error),
      })),
    })),
  );
  const bad = outcomes.filter(({ outcome }) => outcome.kind !== "paused");
  if (bad.length === 0) {
    say(`paused for ${forSeconds} s; \`resume\` ends it before`);
    return 0;
  }
  for (const { key, outcome } of bad) {
    if (outcome.kind === "paused") continue;
    process.stderr.write(`${key}: ${outcome.reason}\n`);
    if (outcome.kind !== "blocked") continue;
    for (const blocker of outcome.blockers) process.stderr.write(`  ${describeBlocker(key, blocker)}\n`);
  }
  await resumeAll(pool);
  say("nothing is paused");
  return 1;
}

async function status(options: Arguments, access: ClusterAccess, proof: Proof | null): Promise<number> {
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  if (!options.watch) {
    const seen = await observe(access);
    process.stdout.write(
      options.json ? `${JSON.stringify({ ...seen, proof }, null, 2)}\n` : renderStatus(seen, { colour, proof }),
    );
    return seen.leader === null ? 1 : 0;
  }
  return withSsh(access, async (pool) => {
    for (;;) {
      const seen = await observeWith(pool);
      process.stdout.write(`\u001b[H\u001b[2J${renderStatus(seen, { colour, proof })}`);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  });
}

function say(message: string): void {
  process.stdout.write(`${message}\n`);
}
