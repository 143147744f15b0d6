/** The official downloads of Pulumi: whether they can be had here, and having them. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { say, timed } from "./say";

/** Where the installer of the npm package `pulumi` and the CLI's plugins come from. */
const DOWNLOADS = "https://get.pulumi.com/install.sh";

/** Longest wait for the first answer: a refusal answers at once, a slow network within this. */
const PROBE_MILLISECONDS = 10_000;

/** Longest time for one download: 100 MB at 0.2 MB/s. */
const DOWNLOAD_MILLISECONDS = 10 * 60_000;

/** Why the official downloads cannot be had, or undefined when their host answers. Asks once per process. */
export function downloadRefused(): Promise<string | undefined> {
  probe ??= ask();
  return probe;
}

let probe: Promise<string | undefined> | undefined;

async function ask(): Promise<string | undefined> {
  try {
    const answer = await fetch(DOWNLOADS, { method: "HEAD", signal: AbortSignal.timeout(PROBE_MILLISECONDS) });
    return answer.ok ? undefined : `HTTP ${answer.status}`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : `${cause}`;
  }
}

/**
 * Downloads CLI and language hosts to `place` (PULUMI_HOME/versions/VERSION/bin/pulumi) by the npm package.
 *
 * @returns why it did not work, or undefined
 */
export async function officialDownload(version: string, place: string): Promise<string | undefined> {
  const launcher = require.resolve("pulumi/run.js");
  const failed = await timed(`official download of Pulumi ${version}`, () =>
    run(process.execPath, [launcher, "version"], { PULUMI_VERSION: version }),
  );
  if (failed !== undefined) {
    // A half-downloaded one must not be taken for a whole one the next time.
    fs.rmSync(path.dirname(path.dirname(place)), { recursive: true, force: true });
    return failed;
  }
  return fs.existsSync(place) ? undefined : `the installer did not leave ${place}`;
}

/**
 * Makes sure that the official plugin is installed, when it can be had. A stand-in that is there already stays only where it cannot.
 *
 * @returns false when the official plugin cannot be had here
 */
export async function officialPlugin(cli: string, name: string, version: string, directory: string): Promise<boolean> {
  const standIn = fs.existsSync(path.join(directory, "stand-in"));
  if (!standIn && fs.existsSync(path.join(directory, `pulumi-resource-${name}`))) return true;
  const refused = await downloadRefused();
  if (refused !== undefined) return false;
  if (standIn) fs.rmSync(directory, { recursive: true });
  const failed = await timed(`official plugin ${name} ${version}`, () =>
    run(cli, ["plugin", "install", "resource", name, version]),
  );
  if (failed !== undefined) say(`plugin ${name}: ${failed}`);
  return failed === undefined;
}

function run(program: string, args: string[], environment: NodeJS.ProcessEnv = {}): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, ...environment },
      timeout: DOWNLOAD_MILLISECONDS,
    });
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) =>
      resolve(code === 0 ? undefined : signal ? "no end within 10 minutes" : `ended with status ${code}`),
    );
  });
}
