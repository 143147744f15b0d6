/** `command:local:Command` and `command:local:run`: run a command on this machine. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { globFiles } from "./globs";
import { commandError, type Finished, Output, readLogging } from "./output";
import { fileAsset, isArray, type PropertyObject, type PropertyValue, revealObject } from "./property-values";
import { messageOf } from "./ssh";

/** How long a cancelled command may take to end after SIGTERM before it is killed. */
const CANCEL_GRACE_MILLISECONDS = 3000;

/** What a local command left: its output, and the files that it was asked to return. */
export interface FinishedLocally extends Finished {
  readonly assets?: PropertyValue;
}

/**
 * Runs one command.
 *
 * @param previous - what the resource's former command printed, for PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR
 * @throws when the command cannot be started, or ends with another status than 0
 */
export async function runLocalCommand(
  command: string,
  inputs: PropertyObject,
  previous: Finished | undefined,
  show: (line: string) => void,
  cancelled: AbortSignal,
): Promise<FinishedLocally> {
  const plain = revealObject(inputs);
  const given = strings(plain.interpreter);
  const [program = "/bin/sh", ...args] = given.length > 0 ? given : ["/bin/sh", "-c"];
  const directory = path.resolve(typeof plain.dir === "string" ? plain.dir : ".");
  const output = new Output(readLogging(plain.logging), show);
  cancelled.throwIfAborted();
  const child = spawn(program, [...args, command], {
    cwd: directory,
    env: { ...process.env, ...environment(plain, previous) },
    // A group of its own, so that cancelling reaches what the command has started.
    detached: true,
  });
  const how = await new Promise<string | undefined>((resolve) => {
    const kill = (signal: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    };
    const stop = () => {
      kill("SIGTERM");
      setTimeout(() => kill("SIGKILL"), CANCEL_GRACE_MILLISECONDS).unref();
    };
    cancelled.addEventListener("abort", stop, { once: true });
    const finish = (ended: string | undefined) => {
      cancelled.removeEventListener("abort", stop);
      resolve(cancelled.aborted ? messageOf(cancelled.reason) : ended);
    };
    child.stdout.on("data", (chunk: Buffer) => output.add("stdout", chunk));
    child.stderr.on("data", (chunk: Buffer) => output.add("stderr", chunk));
    child.on("error", (error) => finish(error.message));
    child.on("close", (code, signal) =>
      finish(code === 0 ? undefined : signal ? `signal: ${signal}` : `exit status ${code}`),
    );
    // A command that does not read its input closes the pipe; that is no error.
    child.stdin.on("error", () => {});
    child.stdin.end(typeof plain.stdin === "string" ? plain.stdin : "");
  });
  output.end();
  if (how !== undefined) throw commandError(how, command, output);
  const globs = strings(plain.assetPaths);
  return {
    stdout: output.stored("stdout"),
    stderr: output.stored("stderr"),
    ...(plain.assetPaths === undefined ? {} : { assets: assets(directory, globs) }),
  };
}

function strings(value: PropertyValue | undefined): string[] {
  return isArray(value) ? value.map((item) => `${item}`) : [];
}

function environment(plain: PropertyObject, previous: Finished | undefined): Record<string, string> {
  const given = Object.entries(revealObject(plain.environment)).map(([name, value]) => [name, `${value}`]);
  const withPrevious = plain.addPreviousOutputInEnv !== false;
  return {
    ...Object.fromEntries(given),
    ...(withPrevious && previous?.stdout ? { PULUMI_COMMAND_STDOUT: previous.stdout } : {}),
    ...(withPrevious && previous?.stderr ? { PULUMI_COMMAND_STDERR: previous.stderr } : {}),
  };
}

function assets(directory: string, globs: readonly string[]): PropertyValue {
  return Object.fromEntries(
    globFiles(directory, globs).map((file) => {
      const place = path.join(directory, file);
      return [file, fileAsset(place, createHash("sha256").update(fs.readFileSync(place)).digest("hex"))];
    }),
  );
}
