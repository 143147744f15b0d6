/** Runs programs of the host. */
import { execFile } from "node:child_process";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** No program of the lab's works longer than this; one that does hangs. */
const TIMEOUT_MS = 60_000;

/** Runs a program to its end, whatever its exit code. `LC_ALL=C`: messages are looked at. */
export function attempt(program: string, args: readonly string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: 64 * 2 ** 20, env: { ...process.env, LC_ALL: "C" } };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
      else if (error.killed) reject(new Error(`${line(program, args)}: no end after ${TIMEOUT_MS / 1000} s`));
      else reject(new Error(`${line(program, args)}: ${error.message}`));
    });
  });
}

/** Runs a program that must succeed; returns what it printed. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await attempt(program, args);
  if (code !== 0) throw new Error(`${line(program, args)}: exit code ${code}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

function line(program: string, args: readonly string[]): string {
  return [program, ...args].join(" ");
}
