/** Valid declarations, for property tests. */
import fc from "fast-check";
import type { ClusterInput, MachineInput } from "../../components/spec";

export const SIZE = { vcpu: 2, memory: "4GB" } as const;
export const DISKS = { data: { size: "50GB" } } as const;

/** A declaration that is right, for tests that then put one thing wrong. */
export function rightCluster(more: object = {}): Record<string, unknown> {
  return {
    name: "main",
    platform: { kind: "lab" },
    machines: { "db-1": machine(), "db-2": machine(), "db-3": machine() },
    ...more,
  };
}

/** A machine that is right. */
export function machine(more: object = {}): Record<string, unknown> {
  return { size: SIZE, disks: DISKS, ...more };
}

const memory = fc.integer({ min: 512, max: 512 * 1024 }).map((megabytes) => `${megabytes}MB`);
const disk = fc.integer({ min: 1, max: 10_000 }).map((gigabytes) => `${gigabytes}GB`);

export const anyMachine: fc.Arbitrary<MachineInput> = fc
  .record({
    vcpu: fc.integer({ min: 1, max: 512 }).map((quarters) => quarters / 4),
    memory,
    data: disk,
    wal: fc.option(disk, { nil: undefined }),
    zone: fc.constantFrom("a", "b", "c"),
  })
  .map(({ vcpu, memory, data, wal, zone }) => ({
    size: { vcpu, memory },
    disks: { data: { size: data }, ...(wal === undefined ? {} : { wal: { size: wal } }) },
    zone,
  }));

export const anyProfile = fc.constantFrom("oltp" as const, "olap" as const, "mixed" as const, "small" as const);

/** Clusters of 1 to 7 members, some of them never leading, cascading or delayed, with 1, 3 or 5 voters. */
export const anyCluster: fc.Arbitrary<ClusterInput> = fc
  .record({
    machines: fc.array(anyMachine, { minLength: 1, maxLength: 7 }),
    members: fc.array(fc.constantFrom("leads", "never-leads", "cascades", "delayed"), { minLength: 7, maxLength: 7 }),
    voters: fc.constantFrom(1, 3, 5),
    poolers: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    profile: anyProfile,
    recovery: fc.constantFrom("fast" as const, "normal" as const, "patient" as const, "wide" as const),
    protection: fc.option(fc.boolean(), { nil: undefined }),
    parameters: fc.constantFrom<NonNullable<NonNullable<ClusterInput["postgresql"]>["parameters"]>>(
      {},
      { work_mem: "16384kB" },
      { jit: true, checkpoint_timeout: 600 },
    ),
    hba: fc.constantFrom<NonNullable<ClusterInput["hba"]>>([], [{ address: "10.0.0.0/8" }]),
  })
  .map(({ machines, members, voters, poolers, profile, recovery, protection, parameters, hba }) => {
    const keys = machines.map((_, index) => `db-${index + 1}`);
    const declared = machines.map((each, index) => ({ ...each, ...memberOf(members[index] ?? "leads", index) }));
    const count = voters <= keys.length ? voters : 1;
    return {
      name: "main",
      platform: { kind: "lab" as const },
      postgresql: { profile, parameters },
      recovery,
      machines: Object.fromEntries(keys.map((key, index) => [key, declared[index] as MachineInput])),
      etcd: { voters: keys.slice(0, count) },
      ...(poolers === undefined ? {} : { poolers: { machines: keys.slice(0, poolers) } }),
      ...(protection === undefined ? {} : { protection }),
      hba,
    };
  });

/** The first member always may lead, and streams from nobody. */
function memberOf(kind: string, index: number): Pick<MachineInput, "member"> {
  if (index === 0 || kind === "leads") return {};
  if (kind === "never-leads") return { member: { mayLead: false } };
  return { member: kind === "cascades" ? { replicatesFrom: "db-1" } : { delay: "1h" } };
}

/** The same value with the keys of all its objects in another order, which the seed decides. */
export function shuffled<T>(value: T, seed: number): T {
  if (Array.isArray(value)) return value.map((element) => shuffled(element, seed)) as T;
  if (typeof value !== "object" || value === null) return value;
  const weight = (key: string) =>
    [...`${seed}${key}`].reduce((sum, letter) => (sum * 33 + letter.charCodeAt(0)) % 9973, 7);
  const entries = Object.entries(value).map(([key, inner]) => [key, shuffled(inner, seed)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => weight(a) - weight(b))) as T;
}
