import type { PlannedMachine } from "../../plan";

interface Sysctl {
  readonly name: string;
  readonly value: string | number;
  /** Why, and whose number it is. */
  readonly because: string;
}

/** For all machines of a cluster. */
const COMMON: readonly Sysctl[] = [
  {
    name: "vm.swappiness",
    value: 1,
    because: "swap only to avoid the out-of-memory killer; the value of Autobase",
  },
  {
    name: "net.core.somaxconn",
    value: 4096,
    because: "as long as PgBouncer's listen_backlog; the kernel's default since 5.4, said aloud",
  },
  {
    name: "net.ipv4.ip_local_port_range",
    value: "10000 65535",
    because: "poolers open many local connections; above every port that the cluster listens on; the range of Autobase",
  },
  {
    name: "net.ipv4.tcp_migrate_req",
    value: 1,
    because: "a client about to be accepted by a PgBouncer process that stops goes to another one; kernel's ip-sysctl",
  },
  {
    name: "net.ipv4.tcp_keepalive_time",
    value: 60,
    because: "a connection whose other end is gone is found in about two minutes, not two hours; Pigsty's 60, 20 and 3",
  },
  { name: "net.ipv4.tcp_keepalive_intvl", value: 20, because: "see above" },
  { name: "net.ipv4.tcp_keepalive_probes", value: 3, because: "see above" },
];

/** For machines with PostgreSQL. */
const MEMBER: readonly Sysctl[] = [
  {
    name: "vm.dirty_background_bytes",
    value: 64 * 1024 ** 2,
    because: "writing back begins early, so that a checkpoint's fsync finds little left; 64 MB and 512 MB as Autobase",
  },
  {
    name: "vm.dirty_bytes",
    value: 512 * 1024 ** 2,
    because: "the kernel's default, a part of the memory, is tens of seconds of a disk's work on a large machine",
  },
  {
    name: "kernel.sched_autogroup_enabled",
    value: 0,
    because: "grouping by session is made for desktops; Autobase",
  },
];

/** Memory from which strict accounting leaves room for what programs reserve and never use. */
const STRICT_OVERCOMMIT_GIB = 4;
const STRICT_OVERCOMMIT: readonly Sysctl[] = [
  {
    name: "vm.overcommit_memory",
    value: 2,
    because:
      "a statement that wants too much memory fails, instead of the server being killed; PostgreSQL manual, 18.4.4",
  },
  {
    name: "vm.overcommit_ratio",
    value: 90,
    because: "the kernel's 50 refuses half of a machine without swap; 90 leaves a tenth to the kernel and its cache",
  },
];

/** A sysctl file for one machine, each value with its reason. `memoryGib`: its memory. */
export function sysctlFile(machine: PlannedMachine, memoryGib: number): string {
  const member = machine.roles.includes("postgresql");
  const strict = member && memoryGib >= STRICT_OVERCOMMIT_GIB;
  return [...COMMON, ...(member ? MEMBER : []), ...(strict ? STRICT_OVERCOMMIT : [])]
    .map(({ name, value, because }) => `# ${because}\n${name} = ${value}\n`)
    .join("\n");
}

/** Transparent huge pages off, at each boot: they stall and bloat forking servers. `w-` is content where /sys is read-only. */
export function transparentHugePages(): string {
  return ["enabled", "defrag"].map((name) => `w- /sys/kernel/mm/transparent_hugepage/${name} - - - - never\n`).join("");
}
