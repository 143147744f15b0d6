/** Runs the Pulumi CLI for the commands of this repository. */
import { spawn } from "node:child_process";

/** The stack of the lab. */
export const LAB = "lab";

function cli(): string {
  const { PGKEEL_CLI } = process.env;
  if (!PGKEEL_CLI) throw new Error("PGKEEL_CLI is not set; start this by toolchain/run");
  return PGKEEL_CLI;
}

/**
 * Runs the CLI in the terminal, as if the user had called it.
 *
 * @returns its exit status; 130 when it was interrupted
 */
export async function runPulumi(...args: string[]): Promise<number> {
  // Ctrl-C reaches the CLI by itself, and the CLI then ends in good order: until then this process must wait for it.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(cli(), args, { stdio: "inherit" });
      child.on("error", reject);
      child.on("close", (code) => resolve(code ?? 130));
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}

/**
 * Runs the CLI and returns what it wrote to standard output.
 *
 * @param input - given to it as standard input
 * @throws with what it wrote to standard error, when it fails
 */
export function askPulumi(args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(cli(), [...args, "--non-interactive"], { stdio: ["pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(stdout);
      else reject(new Error(`pulumi ${args.join(" ")} ended with status ${status}:\n${stderr.trim()}`));
    });
    child.stdin.end(input);
  });
}
