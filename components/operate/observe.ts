/**
 * Looks at a living cluster: all machines at once, one SSH command each, bounded in time. A machine that does not answer
 * is part of the answer. Reads only.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AccessMachine, ClusterAccess } from "./access";
import { readConductor } from "./conductor";
import { bounded, messageOf } from "./errors";
import { type Answer, interpret, type MachineReport } from "./interpret";
import type { Observation } from "./observation";
import { type SshPool, withSsh } from "./ssh";

export interface ObserveOptions {
  /** Limit of the whole observation in ms, default 5 s. */
  readonly timeoutMs?: number;
  /** A transaction that is open for longer than this is reported, in seconds; default 5. */
  readonly longTransactionSeconds?: number;
}

/** Default limit of an observation, in ms. */
export const OBSERVE_TIMEOUT_MS = 5000;
/** A transaction counts as long from this age on, in seconds: a planned pause waits for shorter ones. */
export const LONG_TRANSACTION_SECONDS = 5;

let program: string | undefined;

/** The cluster as it is now. Never rejects for what the cluster does; only for a broken access document. */
export function observe(access: ClusterAccess, options: ObserveOptions = {}): Promise<Observation> {
  const timeoutMs = options.timeoutMs ?? OBSERVE_TIMEOUT_MS;
  return withSsh(access, (pool) => observeWith(pool, options), { connectTimeoutMs: Math.min(3000, timeoutMs) });
}

/** Like `observe`, over connections that exist already. */
export async function observeWith(pool: SshPool, options: ObserveOptions = {}): Promise<Observation> {
  const timeoutMs = options.timeoutMs ?? OBSERVE_TIMEOUT_MS;
  const at = new Date().toISOString();
  const begin = performance.now();
  const late = () => new Error(`no answer within ${timeoutMs / 1000} s`);
  const asked = Promise.all(
    pool.access.machines.map(async (machine) => [machine.key, await ask(pool, machine, timeoutMs, options)] as const),
  );
  const lock = bounded(readConductor(pool), timeoutMs, late).catch((error) => ({ unknown: messageOf(error) }));
  const [answers, conductor] = [await asked, await lock];
  return interpret(pool.access, new Map(answers), { at, tookMs: Math.round(performance.now() - begin) }, conductor);
}

async function ask(pool: SshPool, machine: AccessMachine, timeoutMs: number, options: ObserveOptions): Promise<Answer> {
  program ??= ["files.py", "gather.py"]
    .map((name) => readFileSync(join(__dirname, "machine", name), "utf8"))
    .join("\n");
  const wanted = {
    hostname: machine.hostname,
    address: machine.address,
    roles: machine.roles,
    // The machine gives up before this side does, so that the parts that did answer arrive.
    limitSeconds: Math.max(0.5, timeoutMs / 1000 - 1.5),
    longSeconds: options.longTransactionSeconds ?? LONG_TRANSACTION_SECONDS,
  };
  const gather = async (): Promise<Answer> => {
    const stdout = await pool.machine(machine.key).run("python3 -IS -", {
      stdin: `WANTED = ${JSON.stringify(wanted)}\n${program}`,
      timeoutMs,
      step: "observing the machine",
    });
    return { report: JSON.parse(stdout) as MachineReport };
  };
  const late = () => new Error(`no answer within ${timeoutMs / 1000} s`);
  return bounded(gather(), timeoutMs, late).catch((error) => ({ unreachable: messageOf(error) }));
}
