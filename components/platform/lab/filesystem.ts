/** A machine's filesystem: the image below, what differs above it, the disks inside. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseNetwork } from "./address";
import { run } from "./command";
import { attachDisk, type DiskPlace, makeDisk } from "./disks";
import { isMounted } from "./mounts";
import { type DiskName, type MachineInputs, type MachineRecord, machinePaths } from "./record";
import { parseBytes } from "./size";

/** Where each disk is inside the machine. The data directory is below the first; the second holds only WAL. */
export const DISK_PATHS: Readonly<Record<DiskName, string>> = {
  data: "/var/lib/postgresql",
  wal: "/var/lib/postgresql/wal",
};

/** The machine's disks, in the order in which they are mounted. */
export function disksOf(inputs: MachineInputs): { name: DiskName; place: DiskPlace; size: string }[] {
  const { disk } = machinePaths(inputs.cluster, inputs.key);
  const names: DiskName[] = inputs.disks.wal === undefined ? ["data"] : ["data", "wal"];
  return names.map((name) => ({ name, place: disk(name), size: inputs.disks[name] ?? inputs.disks.data }));
}

/** Makes the machine's disks and directories, mounts them, and writes the files that make it this machine. */
export async function makeFilesystem(record: Omit<MachineRecord, "hostKey">): Promise<{ hostKey: string }> {
  const paths = machinePaths(record.cluster, record.key);
  for (const directory of [paths.upper, paths.work, paths.root]) await mkdir(directory, { recursive: true });
  for (const { place, size } of disksOf(record)) await makeDisk(record.diskKind, place, parseBytes(size));
  await mountFilesystem(record);
  const owner = await postgresOwner(record.imageRoot);
  for (const { name, place } of disksOf(record)) {
    if (name === "data" && record.disks.wal !== undefined) await ownedDirectory(join(place.mount, "wal"), owner);
    await run("chown", owner, place.mount);
  }
  await writeIdentity(record);
  return { hostKey: await makeHostKey(paths.root, record.hostname) };
}

/** Mounts whatever is not mounted: after the host was restarted, or for the first time. */
export async function mountFilesystem(record: Omit<MachineRecord, "hostKey">): Promise<void> {
  const { root, upper, work } = machinePaths(record.cluster, record.key);
  for (const { place } of disksOf(record)) await attachDisk(record.diskKind, place);
  if (await isMounted(root)) return;
  const options = `lowerdir=${record.imageRoot},upperdir=${upper},workdir=${work}`;
  await run("mount", "-t", "overlay", "overlay", "-o", options, root);
}

/** The key that may log in as root. */
export async function writeAuthorizedKey(
  record: Pick<MachineRecord, "cluster" | "key" | "authorizedKey">,
): Promise<void> {
  const directory = join(machinePaths(record.cluster, record.key).root, "root/.ssh");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, "authorized_keys"), `${record.authorizedKey.trim()}\n`, { mode: 0o600 });
}

async function writeIdentity(record: Omit<MachineRecord, "hostKey">): Promise<void> {
  const { root } = machinePaths(record.cluster, record.key);
  const { gateway, prefix } = parseNetwork(record.network);
  await writeFile(join(root, "etc/hostname"), `${record.hostname}\n`);
  await writeFile(join(root, "etc/hosts"), `127.0.0.1 localhost\n${record.address} ${record.hostname}\n`);
  await mkdir(join(root, "etc/systemd/network"), { recursive: true });
  await writeFile(
    join(root, "etc/systemd/network/10-host0.network"),
    `[Match]\nName=host0\n\n[Network]\nAddress=${record.address}/${prefix}\nGateway=${gateway}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n`,
  );
  await rm(join(root, "etc/resolv.conf"), { force: true });
  await copyFile(await nameServers(), join(root, "etc/resolv.conf"));
  await writeAuthorizedKey(record);
}

/** The host's resolver configuration that also holds outside the host: a local stub is of no use to a machine. */
async function nameServers(): Promise<string> {
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  const behindStub = "/run/systemd/resolve/resolv.conf";
  const stub = /^nameserver\s+127\./m.test(text);
  return stub && (await readFile(behindStub).catch(() => undefined)) ? behindStub : "/etc/resolv.conf";
}

/** One key per machine; it stays when the machine is switched off and on. */
async function makeHostKey(root: string, hostname: string): Promise<string> {
  const file = join(root, "etc/ssh/ssh_host_ed25519_key");
  await rm(file, { force: true });
  await rm(`${file}.pub`, { force: true });
  await promisify(execFile)("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", hostname, "-f", file]);
  const [type, key] = (await readFile(`${file}.pub`, "utf8")).split(" ");
  return `${type} ${key}`;
}

/** "UID:GID" of the image's user postgres. */
async function postgresOwner(imageRoot: string): Promise<string> {
  const line = /^postgres:[^:]*:(\d+):(\d+):/m.exec(await readFile(join(imageRoot, "etc/passwd"), "utf8"));
  if (line === null)
    throw new Error(`the image ${imageRoot} has no user postgres; rebuild it: toolchain/lab/image.sh ensure`);
  return `${line[1]}:${line[2]}`;
}

async function ownedDirectory(path: string, owner: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await run("chown", owner, path);
}
