/** Processes that a killed run of the CLI has left: dynamic providers that are still in their last operation. */
import * as fs from "node:fs";
import * as path from "node:path";

/** Longest wait for an orphan to end by itself; a machine of the lab is made within this. The official launcher's never ends by itself. */
const PATIENCE_MILLISECONDS = 60_000;

/** How often it is looked whether they have ended. */
const LOOK_MILLISECONDS = 200;

/** Dynamic providers of programs in this directory whose engine is gone. */
export function orphans(directory: string): number[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const process = path.join("/proc", pid);
        if (fs.readlinkSync(path.join(process, "cwd")) !== directory) return false;
        if (!fs.readFileSync(path.join(process, "cmdline"), "utf8").includes("dynamic-provider")) return false;
        const parent = /^PPid:\s*(\d+)$/m.exec(fs.readFileSync(path.join(process, "status"), "utf8"))?.[1];
        return fs.readFileSync(`/proc/${parent}/comm`, "utf8").trim() !== "pulumi";
      } catch {
        // It has ended meanwhile.
        return false;
      }
    })
    .map(Number);
}

/**
 * Waits until the orphans in a directory have ended, and ends those that have not within a minute.
 *
 * @param onWait - called once when there is something to wait for
 */
export async function endOrphans(directory: string, onWait: () => void): Promise<void> {
  if (orphans(directory).length === 0) return;
  onWait();
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  while (Date.now() < deadline) {
    if (orphans(directory).length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
  }
  for (const pid of orphans(directory)) process.kill(pid, "SIGKILL");
}
