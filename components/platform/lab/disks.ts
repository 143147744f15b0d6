/**
 * The disks of a machine. Each is a sparse file with a filesystem of the declared size, mounted through a loop device, so that the declared
 * size is what `df` shows and what runs full. XFS, because it grows while it is mounted with no more than the right to mount
 * (ext4 asks for CAP_SYS_RESOURCE, which a host inside a container may not have). Where loop devices cannot be had: a directory.
 */
import { mkdir, open, readFile, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { attempt, run } from "./command";
import { HOST_LOCK, withLock } from "./lock";
import { isMounted } from "./mounts";
import type { DiskKind } from "./record";

export interface DiskPlace {
  /** The file that holds the disk. */
  readonly file: string;
  /** Where it is mounted on the host; the machine gets it from there. */
  readonly mount: string;
}

/** Whether this host can have disks as files. */
export async function diskKindOfHost(): Promise<DiskKind> {
  await attempt("modprobe", ["--quiet", "xfs"]).catch(() => undefined);
  const known = await readFile("/proc/filesystems", "utf8");
  const control = await stat("/dev/loop-control").catch(() => undefined);
  const tools = await attempt("mkfs.xfs", ["-V"]).catch(() => undefined);
  return /\bxfs$/m.test(known) && control !== undefined && tools?.code === 0 ? "file" : "directory";
}

/** Makes a disk unless it is there. A file without a whole filesystem, left by an interrupted run, is made anew. */
export async function makeDisk(kind: DiskKind, place: DiskPlace, bytes: number): Promise<void> {
  await mkdir(place.mount, { recursive: true });
  if (kind === "directory") return;
  if ((await attempt("blkid", ["-p", "-o", "value", "-s", "TYPE", place.file])).stdout.trim() === "xfs") return;
  await resizeFile(place.file, bytes);
  await allocate(place.file, bytes);
  await run("mkfs.xfs", "-q", "-K", "-f", place.file);
}

/** Mounts a disk unless it is mounted. */
export async function attachDisk(kind: DiskKind, place: DiskPlace): Promise<void> {
  if (kind === "directory" || (await isMounted(place.mount))) return;
  const device = (await loopDevices(place.file))[0] ?? (await attachLoop(place.file));
  await run("mount", "-t", "xfs", device, place.mount);
}

/** Grows a disk to a size, mounted and in use. A disk that has the size already is left alone. */
export async function growDisk(kind: DiskKind, place: DiskPlace, bytes: number): Promise<void> {
  if (kind === "directory") return;
  const { size } = await stat(place.file);
  if (size > bytes)
    throw new Error(`${place.file}: has ${size} bytes and cannot shrink to ${bytes}; replace the machine`);
  await resizeFile(place.file, bytes);
  await allocate(place.file, bytes);
  await attachDisk(kind, place);
  for (const device of await loopDevices(place.file)) await run("losetup", "--set-capacity", device);
  await run("xfs_growfs", "-d", place.mount);
}

/** Detaches the loop devices of a file that is no longer mounted, and removes it; safe to repeat. */
export async function removeDisk(place: DiskPlace): Promise<void> {
  await detachLoops(place.file);
  await rm(place.file, { force: true });
}

export async function detachLoops(file: string): Promise<void> {
  for (const device of await loopDevices(file)) {
    const { code, stderr } = await attempt("losetup", ["--detach", device]);
    // A device whose last user just went detaches by itself.
    if (code !== 0 && (await loopDevices(file)).includes(device))
      throw new Error(`losetup --detach ${device}: ${stderr.trim()}`);
  }
}

async function loopDevices(file: string): Promise<string[]> {
  return (await loopsBelow(file)).map(({ device }) => device);
}

/** Loop devices of a file, or of the files below a directory; also of files that were deleted under them. */
export async function loopsBelow(path: string): Promise<{ device: string; file: string }[]> {
  const { stdout } = await attempt("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"]);
  return stdout
    .split("\n")
    .map((line) => /^\s*(\S+)\s+(.*?)(?: \(deleted\))?\s*$/.exec(line))
    .map((match) => ({ device: match?.[1] ?? "", file: match?.[2] ?? "" }))
    .filter(({ file }) => file === path || file.startsWith(`${path}/`));
}

/**
 * Alone on the host: between finding a free device and taking it, another machine may take it. Direct: what the machine has in
 * its page cache is not kept in the host's a second time.
 */
async function attachLoop(file: string): Promise<string> {
  const device = await withLock(HOST_LOCK, () => run("losetup", "--find", "--direct-io=on", "--show", file));
  return device.trim();
}

/**
 * Reserves a disk's space where that takes no more than an eighth of what is free; a larger disk stays sparse. Without it each fsync that
 * meets new blocks also waits for the host's own journal (measured: two to six times as long).
 */
async function allocate(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  if (bytes <= (bavail * bsize) / 8) await attempt("fallocate", ["--length", String(bytes), path]);
}

async function resizeFile(path: string, bytes: number): Promise<void> {
  const file = await open(path, "a", 0o600);
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}
