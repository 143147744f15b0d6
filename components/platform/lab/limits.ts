/** CPU and memory limits of a machine, and the list of its processes, by control groups. */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where this host has its controllers: one mount each (version 1, or hybrid) or all in one (version 2). */
export interface Hierarchies {
  /** Directory with the CPU quota's controller, and its version. */
  readonly cpu?: Controller;
  readonly memory?: Controller;
  /** The version 2 tree, in which systemd inside the machine works. Always needed. */
  readonly unified: string;
  /** Every hierarchy in which systemd-nspawn makes groups or that we limit by; what must be removed in the end. */
  readonly all: readonly string[];
}

export interface Controller {
  readonly version: 1 | 2;
  readonly mount: string;
}

/** Which limits hold for all processes of the machine. */
export interface Enforced {
  readonly cpu: boolean;
  readonly memory: boolean;
}

export interface Limits {
  readonly vcpu: number;
  readonly memoryBytes: number;
}

/** Length of a scheduling period, in microseconds: the kernel's default. */
const CPU_PERIOD_US = 100_000;

const GROUP = "pgkeel";

/**
 * Reads the layout from the text of /proc/mounts and of `cgroup.controllers` at the root of the version 2 tree.
 * @throws Where there is no version 2 tree.
 */
export function hierarchies(mounts: string, unifiedControllers: (mount: string) => string): Hierarchies {
  const rows = mounts.split("\n").map((row) => row.split(" "));
  const unified = rows.find(([, , type]) => type === "cgroup2")?.[1];
  if (unified === undefined)
    throw new Error("the lab needs a cgroup2 filesystem; mount one (mount -t cgroup2 none /sys/fs/cgroup/unified)");
  const offered = unifiedControllers(unified).split(/\s+/);
  const find = (name: string): Controller | undefined => {
    if (offered.includes(name)) return { version: 2, mount: unified };
    const mount = rows.find(([, , type, options]) => type === "cgroup" && options?.split(",").includes(name))?.[1];
    return mount === undefined ? undefined : { version: 1, mount };
  };
  const cpu = find("cpu");
  const memory = find("memory");
  const named = rows.find(
    ([, , type, options]) => type === "cgroup" && options?.split(",").includes("name=systemd"),
  )?.[1];
  const all = [...new Set([unified, cpu?.mount, memory?.mount, named].filter((mount) => mount !== undefined))];
  return { ...(cpu && { cpu }), ...(memory && { memory }), unified, all };
}

/** The files of control groups to write, in order, so that the limits hold. Pure. */
export function limitWrites(layout: Hierarchies, limits: Limits): { mount: string; file: string; value: string }[] {
  const quota = Math.max(1000, Math.round(limits.vcpu * CPU_PERIOD_US));
  const writes: { mount: string; file: string; value: string }[] = [];
  if (layout.cpu?.version === 1)
    writes.push(
      { mount: layout.cpu.mount, file: "cpu.cfs_period_us", value: String(CPU_PERIOD_US) },
      { mount: layout.cpu.mount, file: "cpu.cfs_quota_us", value: String(quota) },
    );
  if (layout.cpu?.version === 2)
    writes.push({ mount: layout.cpu.mount, file: "cpu.max", value: `${quota} ${CPU_PERIOD_US}` });
  const memory = String(limits.memoryBytes);
  if (layout.memory?.version === 1)
    writes.push({ mount: layout.memory.mount, file: "memory.limit_in_bytes", value: memory });
  if (layout.memory?.version === 2) writes.push({ mount: layout.memory.mount, file: "memory.max", value: memory });
  return writes;
}

export async function hostHierarchies(): Promise<Hierarchies> {
  const mounts = await readFile("/proc/mounts", "utf8");
  const unified = mounts
    .split("\n")
    .find((row) => row.split(" ")[2] === "cgroup2")
    ?.split(" ")[1];
  const controllers = unified === undefined ? "" : await readFile(join(unified, "cgroup.controllers"), "utf8");
  return hierarchies(mounts, () => controllers);
}

const groupOf = (mount: string, cluster: string, key = "") => join(mount, GROUP, cluster, key);

/**
 * Makes the machine's groups and sets its limits. A machine is started inside them, so that every process of it is.
 * @returns the groups to enter, and what they enforce.
 */
export async function prepareGroups(
  cluster: string,
  key: string,
  limits: Limits,
): Promise<{ groups: string[]; enforced: Enforced }> {
  const layout = await hostHierarchies();
  for (const mount of layout.all) {
    if (mount === layout.unified) await delegate(mount, cluster, layout);
    await mkdir(groupOf(mount, cluster, key), { recursive: true });
  }
  for (const { mount, file, value } of limitWrites(layout, limits))
    await writeFile(join(groupOf(mount, cluster, key), file), value);
  const groups = layout.all.map((mount) => groupOf(mount, cluster, key));
  return { groups, enforced: { cpu: layout.cpu !== undefined, memory: layout.memory !== undefined } };
}

/** In version 2 a controller works in a group only when every group above passes it on. */
async function delegate(mount: string, cluster: string, layout: Hierarchies): Promise<void> {
  const wanted = (["cpu", "memory"] as const).filter((name) => layout[name]?.version === 2);
  await mkdir(groupOf(mount, cluster), { recursive: true });
  for (const group of [mount, join(mount, GROUP), groupOf(mount, cluster)])
    for (const name of wanted) await writeFile(join(group, "cgroup.subtree_control"), `+${name}`);
}

/** Every process of a machine (or of a whole cluster), from all hierarchies, groups below included. */
export async function processesIn(cluster: string, key?: string): Promise<number[]> {
  const layout = await hostHierarchies();
  const found = new Set<number>();
  for (const mount of layout.all)
    for (const group of await groupsBelow(groupOf(mount, cluster, key)))
      for (const pid of await readPids(group)) found.add(pid);
  return [...found].sort((a, b) => a - b);
}

/** Removes the groups of a machine, or of a cluster, which must have no process any more. */
export async function removeGroups(cluster: string, key?: string): Promise<void> {
  const layout = await hostHierarchies();
  for (const mount of layout.all) {
    for (const group of (await groupsBelow(groupOf(mount, cluster, key))).reverse()) await removeGroup(group);
    if (key === undefined) await removeGroup(join(mount, GROUP));
  }
}

/** Groups of labs that exist, as "CLUSTER". */
export async function groupClusters(): Promise<string[]> {
  const layout = await hostHierarchies();
  const found = new Set<string>();
  for (const mount of layout.all) for (const name of await subdirectories(join(mount, GROUP))) found.add(name);
  return [...found].sort();
}

async function removeGroup(group: string): Promise<void> {
  // Not empty: another lab's, or of a machine that just starts; gone: systemd-nspawn cleans up too.
  await rmdir(group).catch((error: NodeJS.ErrnoException) => {
    if (!["ENOENT", "EBUSY", "ENOTEMPTY"].includes(error.code ?? "")) throw error;
  });
}

/** A group and all groups below, parents first. */
async function groupsBelow(group: string): Promise<string[]> {
  const below: string[] = [];
  for (const name of await subdirectories(group)) below.push(...(await groupsBelow(join(group, name))));
  return [group, ...below];
}

async function subdirectories(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function readPids(group: string): Promise<number[]> {
  const text = await readFile(join(group, "cgroup.procs"), "utf8").catch(() => "");
  return text.split("\n").filter(Boolean).map(Number);
}
