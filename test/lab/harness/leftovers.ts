/**
 * Whose workspaces are whose, and how all of one is removed: by its test run in the end, or by the next one when that was killed.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sweep as sweepLab } from "../../../components/platform/lab/sweep";
import { identityOf, isAlive, type ProcessIdentity, processesOf } from "./process";
import { until } from "./until";

/** Below it, one directory per cluster, by its name. */
export const WORKSPACES = join(tmpdir(), "pgkeel-test");
/** What is kept of a workspace: the CLI's output, and the tests' tables. Not in git. */
export const REPORTS = join(__dirname, "../../../test-report/lab");

/** Names the process that a workspace lives as long as, to the processes that it starts: `PID:START`. */
const OWNER_VARIABLE = "PGKEEL_TEST_OWNER";

/** Makes this process the owner of what it and its children make. */
export function own(): void {
  const { pid, started } = identityOf(process.pid) as ProcessIdentity;
  process.env[OWNER_VARIABLE] = `${pid}:${started}`;
}

function owner(): ProcessIdentity {
  if (process.env[OWNER_VARIABLE] === undefined) own();
  const [pid, started] = (process.env[OWNER_VARIABLE] as string).split(":");
  return { pid: Number(pid), started: started as string };
}

/**
 * Takes the name of a cluster for this test run. "ours": it has it already.
 * @throws When another test run that is alive has it.
 */
export async function claim(cluster: string): Promise<"new" | "ours"> {
  const held = ownerOf(cluster);
  const mine = owner();
  if (held !== undefined && held.pid === mine.pid && held.started === mine.started) return "ours";
  if (held !== undefined && isAlive(held))
    throw new Error(
      `the test cluster ${cluster} belongs to another test run (process ${held.pid}); wait for it to end, or end it`,
    );
  await sweep(cluster);
  mkdirSync(join(WORKSPACES, cluster), { recursive: true, mode: 0o700 });
  writeFileSync(ownerFile(cluster), JSON.stringify(mine));
  return "new";
}

/** Removes the workspaces of this run and of dead ones. Returns the clusters whose removal failed, with the reason. */
export async function sweepAll(): Promise<string[]> {
  const mine = owner();
  const failures: string[] = [];
  for (const cluster of existsSync(WORKSPACES) ? readdirSync(WORKSPACES) : []) {
    const held = ownerOf(cluster);
    if (held !== undefined && isAlive(held) && (held.pid !== mine.pid || held.started !== mine.started)) continue;
    await sweep(cluster).catch((error: Error) => failures.push(`${cluster}: ${error.message}`));
  }
  return failures;
}

/** Ends every process of a workspace, removes its cluster's machines and network, and then its directory. */
export async function sweep(cluster: string): Promise<void> {
  const directory = join(WORKSPACES, cluster);
  await endProcesses(directory);
  await sweepLab(cluster);
  keepLogs(cluster);
  rmSync(directory, { recursive: true, force: true });
}

async function endProcesses(directory: string): Promise<void> {
  for (const pid of processesOf(directory)) kill(pid);
  await until(`the end of the processes of ${directory}`, 10, () => {
    const left = processesOf(directory);
    for (const pid of left) kill(pid);
    return left.length === 0 ? { done: undefined } : `still there: ${left.join(", ")}`;
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function keepLogs(cluster: string): void {
  const logs = join(WORKSPACES, cluster, "logs");
  if (!existsSync(logs)) return;
  mkdirSync(REPORTS, { recursive: true });
  cpSync(logs, join(REPORTS, cluster), { recursive: true });
}

const ownerFile = (cluster: string) => join(WORKSPACES, cluster, "owner.json");

function ownerOf(cluster: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(ownerFile(cluster), "utf8")) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
