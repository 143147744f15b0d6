/** Mounts of the host: who is mounted where, and taking them away. */
import { readFile } from "node:fs/promises";
import { attempt } from "./command";

/** Mount points at or below a directory, deepest first. */
export async function mountsBelow(directory: string): Promise<string[]> {
  return mountPoints(await readFile("/proc/self/mounts", "utf8"))
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .reverse();
}

/** The mount points of /proc/mounts, whose text writes blanks and the like in octal. Pure. */
export function mountPoints(text: string): string[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((row) =>
      (row.split(" ")[1] ?? "").replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    );
}

export async function isMounted(point: string): Promise<boolean> {
  return (await mountsBelow(point)).includes(point);
}

/** Unmounts everything at or below a directory. What a process still holds open is detached and goes with that process. */
export async function unmountBelow(directory: string): Promise<void> {
  for (const point of await mountsBelow(directory)) {
    if ((await attempt("umount", [point])).code === 0) continue;
    const lazy = await attempt("umount", ["--lazy", point]);
    if (lazy.code !== 0 && (await isMounted(point))) throw new Error(`umount ${point}: ${lazy.stderr.trim()}`);
  }
}
