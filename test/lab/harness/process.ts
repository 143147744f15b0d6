/** Processes of this host: who is still alive, and what an earlier run has left. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since the host's boot. */
  readonly started: string;
}

/** undefined: there is no such process. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === "") return undefined;
  // The second field is the program's name in parentheses and may hold anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields[0], fields[19]];
  return state === "Z" || started === undefined ? undefined : { pid, started };
}

export function isAlive({ pid, started }: ProcessIdentity): boolean {
  return identityOf(pid)?.started === started;
}

/** Processes that work in this directory or below, or were started with it in their environment or arguments. */
export function processesOf(directory: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid)
    .filter(
      (pid) =>
        isBelow(link(`/proc/${pid}/cwd`), directory) ||
        ["environ", "cmdline"].some((file) => read(`/proc/${pid}/${file}`).includes(`${directory}/`)),
    )
    .map(Number);
}

/** Name of the program, at most 15 characters; empty: there is no such process. */
export function programOf(pid: number): string {
  return read(`/proc/${pid}/comm`).trim();
}

/** Number and command line, for messages. */
export function commandOf(pid: number): string {
  return `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()}`;
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
