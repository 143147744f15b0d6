/** Rules for sizes of machines and disks. */
import { type Mistake, pathOf, show } from "../mistake";
import { megabytes } from "../quantity";
import { type Draft, type DraftMachine, machinesOf } from "./draft";

/** Debian, Patroni, etcd, HAProxy and PgBouncer need about 160 MB; the rest is PostgreSQL's. */
const LEAST_MEMORY = { member: "512MB", other: "256MB" } as const;
/** An empty data directory with its first log segments has some 60 MB; below this the tuned log sizes leave no room. */
const LEAST_DISK = "1GB";
/** Steps of CPU in the lab, where a share of a CPU is given by cgroup. */
const LAB_STEP = 0.25;

export function hardwareRules(draft: Draft): Mistake[] {
  return machinesOf(draft).flatMap(([key, machine]) => [
    ...memory(key, machine),
    ...cpu(key, machine, draft.declared.platform?.kind),
    ...disks(key, machine),
  ]);
}

function memory(key: string, { size, member }: DraftMachine): Mistake[] {
  if (size?.memory === undefined || member === undefined) return [];
  const least = member === false ? LEAST_MEMORY.other : LEAST_MEMORY.member;
  if (megabytes(size.memory) >= megabytes(least)) return [];
  const why = member === false ? "etcd and the poolers need it" : "PostgreSQL and what runs beside it need it";
  return [
    {
      path: pathOf("machines", key, "size", "memory"),
      problem: `got ${show(size.memory)}; expected at least ${least} (${why})`,
    },
  ];
}

function cpu(key: string, { size }: DraftMachine, platform: string | undefined): Mistake[] {
  if (size?.vcpu === undefined || platform === undefined) return [];
  const inLab = platform === "lab";
  if (Number.isInteger(inLab ? size.vcpu / LAB_STEP : size.vcpu)) return [];
  const expected = inLab ? `a multiple of ${LAB_STEP}` : "a whole number: the CPUs that the machine has";
  return [{ path: pathOf("machines", key, "size", "vcpu"), problem: `got ${size.vcpu}; expected ${expected}` }];
}

function disks(key: string, { disks }: DraftMachine): Mistake[] {
  return (["data", "wal"] as const).flatMap((disk) => {
    const size = disks?.[disk]?.size;
    if (size === undefined || megabytes(size) >= megabytes(LEAST_DISK)) return [];
    return [
      {
        path: pathOf("machines", key, "disks", disk, "size"),
        problem: `got ${show(size)}; expected at least ${LEAST_DISK}`,
      },
    ];
  });
}
