/** A machine's filesystem: the image below, what differs above it, the disks inside. */
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

/**
 * Makes the machine's disks and directories, mounts them, and writes the files that make it this machine.
 * @param hostPrivateKey OpenSSH's format; without it the machine gets a key that nobody knew before.
 */
export async function makeFilesystem(
  record: Omit<MachineRecord, "hostKey">,
  hostPrivateKey?: string,
): Promise<{ hostKey: string }> {
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
  // One per machine; it stays when the machine is switched off and on.
  const hostKeyFile = join(paths.root, "etc/ssh/ssh_host_ed25519_key");
  const hostKey =
    hostPrivateKey === undefined
      ? await makeKey(hostKeyFile, record.hostname)
      : await writeKey(hostKeyFile, hostPrivateKey);
  await makeLogin(record, hostKey);
  return { hostKey };
}

/** Mounts whatever is not mounted: after the host was restarted, or for the first time. */
export async function mountFilesystem(record: Omit<MachineRecord, "hostKey">): Promise<void> {
  const { root, upper, work } = machinePaths(record.cluster, record.key);
  for (const { place } of disksOf(record)) await attachDisk(record.diskKind, place);
  if (await isMounted(root)) return;
  const options = `lowerdir=${record.imageRoot},upperdir=${upper},workdir=${work}`;
  await run("mount", "-t", "overlay", "overlay", "-o", options, root);
}

/** Who may log in as root: the declared key, and the host's own for this machine. */
export async function writeAuthorizedKey(
  record: Pick<MachineRecord, "cluster" | "key" | "authorizedKey">,
): Promise<void> {
  const { root, login } = machinePaths(record.cluster, record.key);
  const directory = join(root, "root/.ssh");
  const own = await readFile(`${login}.pub`, "utf8");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, "authorized_keys"), `${record.authorizedKey.trim()}\n${own}`, { mode: 0o600 });
}

/**
 * What `npm run lab:ssh` logs in with: a key pair of the host's own, and the machine's host key. Without it a shell on a machine would need
 * the stack's secrets.
 */
async function makeLogin(record: Omit<MachineRecord, "hostKey">, hostKey: string): Promise<void> {
  const { login, knownHosts } = machinePaths(record.cluster, record.key);
  await makeKey(login, "pgkeel-lab-host");
  await writeFile(knownHosts, `${record.address} ${hostKey}\n`);
  await writeAuthorizedKey(record);
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
}

/**
 * What the machine was granted and made from: a container cannot see the limits that hold for it, and none of it can be
 * read off an image. A cloud's machine has its metadata service for this.
 */
export async function writeNotes(record: MachineRecord): Promise<void> {
  const { root } = machinePaths(record.cluster, record.key);
  const { vcpu, image, zone } = record;
  const notes = { image, zone, vcpu, memoryBytes: parseBytes(record.memory) };
  await mkdir(join(root, "etc/pgkeel"), { recursive: true });
  await writeFile(join(root, "etc/pgkeel/machine.json"), `${JSON.stringify(notes)}\n`);
}

/** The host's resolver configuration that also holds outside the host: a local stub is of no use to a machine. */
async function nameServers(): Promise<string> {
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  const behindStub = "/run/systemd/resolve/resolv.conf";
  const stub = /^nameserver\s+127\./m.test(text);
  return stub && (await readFile(behindStub).catch(() => undefined)) ? behindStub : "/etc/resolv.conf";
}

/** Makes an Ed25519 key pair in place of any former one; returns the public key without its comment. */
async function makeKey(file: string, comment: string): Promise<string> {
  await rm(file, { force: true });
  await rm(`${file}.pub`, { force: true });
  await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file);
  const [type, key] = (await readFile(`${file}.pub`, "utf8")).split(" ");
  return `${type} ${key}`;
}

/** Writes a private key and its public one; returns the public key without its comment. */
async function writeKey(file: string, privateKey: string): Promise<string> {
  await rm(file, { force: true });
  await writeFile(file, privateKey, { mode: 0o600 });
  const [type, key] = (await run("ssh-keygen", "-y", "-f", file)).split(" ");
  const publicKey = `${type} ${key?.trim()}`;
  await writeFile(`${file}.pub`, `${publicKey}\n`);
  return publicKey;
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
