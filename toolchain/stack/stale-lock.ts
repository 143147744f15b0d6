/** Locks that a killed run has left on a backend of files on this host. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

/** A lock of a stack, as the CLI writes it. */
export interface Lock {
  readonly file: string;
  readonly pid: number;
  readonly hostname: string;
  readonly timestamp: string;
}

/** Seconds by which the start of a process may seem later than the lock that it wrote; the kernel counts in ticks since boot. */
const CLOCK_SLACK_SECONDS = 2;

/** The locks of a stack. None when the backend is not a directory of this host. */
export function locks(project: string, stack: string, backendUrl = process.env.PULUMI_BACKEND_URL ?? ""): Lock[] {
  if (!backendUrl.startsWith("file://")) return [];
  const directory = path.join(fileURLToPath(backendUrl), ".pulumi", "locks", "organization", project, stack);
  if (!fs.existsSync(directory)) return [];
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .map((name) => path.join(directory, name))
    .map((file) => ({ ...JSON.parse(fs.readFileSync(file, "utf8")), file }));
}

/** True when the process that holds a lock certainly runs no more. A lock of another host is never stale. */
export function isStale(lock: Lock): boolean {
  if (lock.hostname !== os.hostname()) return false;
  const started = processStart(lock.pid);
  // Its number may have been given to another process since.
  return started === undefined || started > Date.parse(lock.timestamp) / 1000 + CLOCK_SLACK_SECONDS;
}

/** When a process started, in seconds since the epoch; undefined when there is none of that number. */
function processStart(pid: number): number | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // Fields after the name, which may hold spaces and parentheses: state is the first, starttime the 20th (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return undefined;
    const bootTime = Number(/^btime (\d+)$/m.exec(fs.readFileSync("/proc/stat", "utf8"))?.[1]);
    return bootTime + Number(fields[19]) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

/** Fixed on Linux for what the kernel shows to programs (USER_HZ). */
const CLOCK_TICKS_PER_SECOND = 100;
