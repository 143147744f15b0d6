/** What the lab knows about itself, in files: it must be removable without Pulumi's state. */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Everything of every lab on this host lies below. */
export const LAB_ROOT = "/var/lib/pgkeel-lab";

export interface NetworkRecord {
  readonly cluster: string;
  readonly network: string;
  readonly bridge: string;
  readonly gateway: string;
  /** iptables rules, without the verb: table, chain, and the rule's words. */
  readonly rules: readonly FirewallRule[];
}

export interface FirewallRule {
  readonly table: "nat" | "filter";
  readonly chain: "POSTROUTING" | "FORWARD";
  readonly words: readonly string[];
}

/** What a machine is declared to be. */
export interface MachineInputs {
  readonly cluster: string;
  readonly key: string;
  readonly hostname: string;
  /** IPv4 address on the lab's network. */
  readonly address: string;
  /** The lab's network, CIDR. */
  readonly network: string;
  /** Cores' worth of CPU time; fractions are allowed. */
  readonly vcpu: number;
  /** "2GB" */
  readonly memory: string;
  readonly disks: { readonly data: string; readonly wal?: string };
  readonly zone: string;
  /** Generation of the image: another word replaces the machine. */
  readonly image: string;
  /** Public SSH key that may log in as root. */
  readonly authorizedKey: string;
}

/** What a disk of a machine is: a file with a filesystem of the declared size, or a directory without a limit. */
export type DiskKind = "file" | "directory";

export interface MachineRecord extends MachineInputs {
  /** Root directory of the image that the machine was cloned from. */
  readonly imageRoot: string;
  /** Public host key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** Another one for each machine that is made, of the same key too; records of older machines have none. */
  readonly incarnation?: string;
  readonly diskKind: DiskKind;
}

export function labDirectory(cluster: string): string {
  return join(LAB_ROOT, cluster);
}

/** The directories and files of one machine. */
export function machinePaths(cluster: string, key: string) {
  const directory = join(labDirectory(cluster), "machines", key);
  return {
    directory,
    record: join(directory, "machine.json"),
    /** Where the machine's whole filesystem is mounted: the image below, `upper` above. */
    root: join(directory, "root"),
    upper: join(directory, "upper"),
    work: join(directory, "work"),
    console: join(directory, "console.log"),
    /** Private key with which this host logs in; only root can read it. */
    login: join(directory, "login"),
    knownHosts: join(directory, "known_hosts"),
    disk: (name: DiskName) => ({ file: join(directory, `${name}.img`), mount: join(directory, name) }),
  };
}

export type DiskName = "data" | "wal";

const networkFile = (cluster: string) => join(labDirectory(cluster), "network.json");

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const aside = `${path}.${randomUUID()}`;
  await writeFile(aside, `${JSON.stringify(value, undefined, 2)}\n`);
  await rename(aside, path);
}

export const readNetwork = (cluster: string) => readJson<NetworkRecord>(networkFile(cluster));
export const writeNetwork = (record: NetworkRecord) => writeJson(networkFile(record.cluster), record);
export const removeNetworkRecord = (cluster: string) => rm(networkFile(cluster), { force: true });

export const readMachine = (cluster: string, key: string) => readJson<MachineRecord>(machinePaths(cluster, key).record);
export const writeMachine = (record: MachineRecord) =>
  writeJson(machinePaths(record.cluster, record.key).record, record);

/** Clusters that have anything below the lab's directory. */
export function listClusters(): Promise<string[]> {
  return listDirectory(LAB_ROOT);
}

/** Keys of a cluster's machines, half-made ones included. */
export function listMachines(cluster: string): Promise<string[]> {
  return listDirectory(join(labDirectory(cluster), "machines"));
}

async function listDirectory(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
