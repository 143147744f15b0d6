/** What the host must offer before anything of a lab is made. */
import { access, readFile, statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { bridgeName, isMachineAddress, overlaps, parseNetwork, parseRange } from "./address";
import { run } from "./command";
import {
  LAB_ROOT,
  labDirectory,
  listClusters,
  listMachines,
  type MachineInputs,
  readMachine,
  readNetwork,
} from "./record";
import { formatMegabytes, parseBytes } from "./size";

/** Programs that the lab calls, with the Debian package of each. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "systemd-nspawn": "systemd-container",
  ip: "iproute2",
  iptables: "iptables",
  "ssh-keygen": "openssh-client",
  mount: "mount",
  umount: "mount",
  losetup: "mount",
  nsenter: "util-linux",
};

/** A machine's own files (logs, what is installed later) and its share of the disks' files need at least this much. */
const FREE_DISK_BYTES = 2 * 2 ** 30;

/** XFS refuses to be smaller (xfsprogs 5.19 and later). */
const SMALLEST_DISK_BYTES = 300 * 2 ** 20;

/** systemd, sshd and PostgreSQL with Patroni, etcd and poolers do not start in less. */
const SMALLEST_MEMORY_BYTES = 256 * 2 ** 20;

/** Problems of the host itself, each with what to do. Empty: a lab can be made. */
export async function hostProblems(): Promise<string[]> {
  if (process.platform !== "linux")
    return [`this host runs ${process.platform}; the lab needs Linux: use the platform "ssh" with machines that exist`];
  const problems: string[] = [];
  if (process.getuid?.() !== 0)
    problems.push("the lab makes network bridges, mounts and containers, which needs root; run the command as root");
  const missing: string[] = [];
  for (const program of Object.keys(PROGRAMS)) if (!(await isInstalled(program))) missing.push(program);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => PROGRAMS[program]))].join(" ");
    problems.push(`programs are missing: ${missing.join(", ")}; run npm run setup, or apt-get install ${packages}`);
  }
  return problems;
}

async function isInstalled(program: string): Promise<boolean> {
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const directory of directories)
    if (
      await access(join(directory, program)).then(
        () => true,
        () => false,
      )
    )
      return true;
  return false;
}

/** What else uses an address of this network: other labs, routes and interfaces of the host. */
export async function networkProblems(cluster: string, cidr: string): Promise<string[]> {
  const network = parseNetwork(cidr);
  const problems: string[] = [];
  const ours = await readNetwork(cluster);
  const labBridges = new Set([bridgeName(cluster), ...(ours === undefined ? [] : [ours.bridge])]);
  for (const other of await listClusters()) {
    const record = other === cluster ? undefined : await readNetwork(other);
    if (record === undefined) continue;
    labBridges.add(record.bridge);
    if (overlaps(network, parseNetwork(record.network)))
      problems.push(
        `${cidr} overlaps ${record.network} of the lab "${other}" (${labDirectory(other)}); ` +
          `give this cluster another platform.network, or remove that lab: npm run lab:down, or toolchain/lab/sweep.sh ${other}`,
      );
  }
  for (const { range, device } of await hostRanges())
    if (!labBridges.has(device) && overlaps(network, parseRange(range)))
      problems.push(
        `${cidr} overlaps ${range}, which this host uses on ${device}; give the cluster another platform.network`,
      );
  return problems;
}

interface IpRoute {
  readonly dst: string;
  readonly dev?: string;
}

interface IpAddress {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

/** Ranges that the host has a route or an address in, each once; the default route does not count. */
async function hostRanges(): Promise<{ range: string; device: string }[]> {
  const routes = JSON.parse(await run("ip", "-4", "-json", "route", "show")) as IpRoute[];
  const addresses = JSON.parse(await run("ip", "-4", "-json", "address", "show")) as IpAddress[];
  const ranges = [
    ...routes.filter(({ dst }) => dst !== "default").map(({ dst, dev }) => ({ range: dst, device: dev ?? "a route" })),
    ...addresses.flatMap(({ ifname, addr_info }) =>
      addr_info.map(({ local, prefixlen }) => ({ range: `${local}/${prefixlen}`, device: ifname })),
    ),
  ];
  const byDevice = new Map(
    ranges.map((entry) => [`${entry.device} ${JSON.stringify(parseRange(entry.range))}`, entry]),
  );
  return [...byDevice.values()];
}

/** What speaks against making this machine: impossible values, another machine at its address, too little memory or disk. */
export async function machineProblems(inputs: MachineInputs): Promise<string[]> {
  const where = `machines.${inputs.key}`;
  const problems: string[] = [];
  const network = parseNetwork(inputs.network);
  if (!isMachineAddress(network, inputs.address))
    problems.push(
      `${where}.address: got ${inputs.address}; expected a machine's address in ${inputs.network} (${network.gateway} is the host's own)`,
    );
  for (const [disk, size] of Object.entries(inputs.disks))
    if (size !== undefined && parseBytes(size) < SMALLEST_DISK_BYTES)
      problems.push(
        `${where}.disks.${disk}.size: got ${size}; expected at least ${formatMegabytes(SMALLEST_DISK_BYTES)}`,
      );
  if (parseBytes(inputs.memory) < SMALLEST_MEMORY_BYTES)
    problems.push(
      `${where}.size.memory: got ${inputs.memory}; expected at least ${formatMegabytes(SMALLEST_MEMORY_BYTES)}`,
    );
  if (!(inputs.vcpu > 0)) problems.push(`${where}.size.vcpu: got ${inputs.vcpu}; expected more than 0`);
  return [
    ...problems,
    ...(await memoryProblems(inputs)),
    ...(await diskProblems(where)),
    ...(await addressProblems(inputs)),
  ];
}

/** The limits of all machines together must fit: a lab that swaps or is killed proves nothing. */
async function memoryProblems(inputs: MachineInputs): Promise<string[]> {
  let others = 0;
  for (const cluster of await listClusters())
    for (const key of await listMachines(cluster)) {
      if (cluster === inputs.cluster && key === inputs.key) continue;
      const record = await readMachine(cluster, key);
      if (record !== undefined) others += parseBytes(record.memory);
    }
  const total = totalmem() + (await swapBytes());
  const wanted = parseBytes(inputs.memory);
  if (others + wanted <= total) return [];
  return [
    `machines.${inputs.key}.size.memory: got ${inputs.memory}; the other lab machines on this host have ${formatMegabytes(others)} ` +
      `of its ${formatMegabytes(total)}; declare less, or remove another lab`,
  ];
}

async function swapBytes(): Promise<number> {
  const line = /^SwapTotal:\s+(\d+) kB$/m.exec(await readFile("/proc/meminfo", "utf8"));
  return Number(line?.[1] ?? 0) * 1024;
}

async function diskProblems(where: string): Promise<string[]> {
  const existing = await access(LAB_ROOT).then(
    () => LAB_ROOT,
    () => "/var/lib",
  );
  const { bavail, bsize } = await statfs(existing);
  if (bavail * bsize >= FREE_DISK_BYTES) return [];
  return [
    `${where}: only ${formatMegabytes(bavail * bsize)} are free below ${LAB_ROOT}; ${formatMegabytes(FREE_DISK_BYTES)} are needed: ` +
      "remove another lab or free space",
  ];
}

async function addressProblems(inputs: MachineInputs): Promise<string[]> {
  for (const key of await listMachines(inputs.cluster)) {
    const other = key === inputs.key ? undefined : await readMachine(inputs.cluster, key);
    if (other?.address === inputs.address)
      return [
        `machines.${inputs.key}.address: got ${inputs.address}, which the machine ${key} has already; choose another one`,
      ];
  }
  return [];
}
