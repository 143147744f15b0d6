/** Looking at processes of this host. */
import * as fs from "node:fs";
import * as path from "node:path";

/** Waits until something holds, for at most 60 s. */
export async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`this did not come about within 60 s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function alive(pid: number): boolean {
  return fs.existsSync(`/proc/${pid}`);
}

/** Command lines of the processes whose working directory is the given one. */
export function commandsIn(directory: string): string[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const here = fs.readlinkSync(path.join("/proc", pid, "cwd")) === directory;
        return here ? [fs.readFileSync(path.join("/proc", pid, "cmdline"), "utf8").replaceAll("\0", " ")] : [];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}
