/** The formulas: nothing exceeds the machine, more hardware never means less, and PostgreSQL takes every value. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ClusterSpec,
  clusterParameters,
  equalMembers,
  type MachineInput,
  type MachineSpec,
  megabytes,
  memberParameters,
  parameterContext,
  parameterInfo,
  parseCluster,
  tunedParameters,
} from "../../components/spec";
import { checkValue } from "../../components/spec/parameters/value";
import { anyCluster, anyMachine, anyProfile, rightCluster } from "./spec-arbitrary";

const cluster = (machine: MachineInput, more: object = {}): ClusterSpec =>
  parseCluster(rightCluster({ machines: equalMembers(3, machine), ...more }));
const withProfile = (profile: string, parameters: object = {}) => ({ postgresql: { profile, parameters } });
const of = (memory: string, vcpu = 4, data = "100GB"): MachineInput => ({
  size: { vcpu, memory },
  disks: { data: { size: data } },
});
const first = (spec: ClusterSpec): MachineSpec => Object.values(spec.machines)[0] as MachineSpec;

/** A size in MB, a number as it is. */
const amount = (value: string | undefined): number => {
  const [, digits = "", unit = ""] = /^(-?[0-9.]+)(kB|MB|GB|TB)?$/.exec(value ?? "") ?? [];
  return Number(digits) * ({ "": 1, kB: 1 / 1024, MB: 1, GB: 1024, TB: 1024 ** 2 }[unit] as number);
};
/** Parameters that Patroni takes from its dynamic configuration only. */
const AGREED = [
  "max_connections",
  "max_locks_per_transaction",
  "max_prepared_transactions",
  "max_replication_slots",
  "max_wal_senders",
  "max_worker_processes",
  "track_commit_timestamp",
  "wal_keep_size",
  "wal_level",
  "wal_log_hints",
];

describe("known machines", () => {
  it.each([
    [
      "small",
      "1GB",
      1,
      { shared_buffers: "256MB", work_mem: "4MB", max_connections: "100", maintenance_work_mem: "32MB" },
    ],
    [
      "small",
      "512MB",
      1,
      { shared_buffers: "128MB", work_mem: "2MB", max_connections: "80", maintenance_work_mem: "16MB" },
    ],
    [
      "oltp",
      "4GB",
      2,
      { shared_buffers: "1GB", work_mem: "8MB", max_connections: "280", maintenance_work_mem: "128MB" },
    ],
    [
      "oltp",
      "64GB",
      16,
      { shared_buffers: "16GB", work_mem: "56MB", max_connections: "500", maintenance_work_mem: "2GB" },
    ],
    [
      "mixed",
      "64GB",
      16,
      { shared_buffers: "16GB", work_mem: "92MB", max_connections: "300", maintenance_work_mem: "2GB" },
    ],
    [
      "olap",
      "64GB",
      16,
      { shared_buffers: "16GB", work_mem: "220MB", max_connections: "100", maintenance_work_mem: "4GB" },
    ],
  ] as const)("%s with %s and %i CPUs", (profile, memory, vcpu, expected) => {
    expect(clusterParameters(cluster(of(memory, vcpu), withProfile(profile)))).toMatchObject(expected);
  });

  it("three lab machines of 1 GB fit into the memory that they have, with all connections at work", () => {
    const { shared_buffers, work_mem, max_connections } = clusterParameters(
      cluster(of("1GB", 1, "10GB"), withProfile("small")),
    );
    expect(amount(shared_buffers) + amount(work_mem) * Number(max_connections)).toBeLessThan(1024 - 160);
  });

  it("sizes the log by its own disk where there is one", () => {
    const own = { ...of("16GB"), disks: { data: { size: "100GB" }, wal: { size: "20GB" } } };
    expect(clusterParameters(cluster(of("16GB")))).toMatchObject({
      max_wal_size: "10GB",
      max_slot_wal_keep_size: "20GB",
    });
    expect(clusterParameters(cluster(own))).toMatchObject({ max_wal_size: "6GB", max_slot_wal_keep_size: "8GB" });
  });
});

describe("for any machine and profile", () => {
  const anyEqual = fc.tuple(anyMachine, anyProfile).map(([machine, profile]) => cluster(machine, withProfile(profile)));

  it("everything at once fits into memory, as far as the least values allow", () => {
    fc.assert(
      fc.property(anyEqual, (spec) => {
        const p = clusterParameters(spec);
        const memory = megabytes(first(spec).size.memory);
        const reserve = Math.max(160, memory / 10);
        const fixed =
          reserve + amount(p.shared_buffers) + (Number(p.autovacuum_max_workers) + 1) * amount(p.maintenance_work_mem);
        const used = fixed + Number(p.max_connections) * amount(p.work_mem);
        if (amount(p.work_mem) > 1) expect(used).toBeLessThanOrEqual(memory + 1);
        expect(fixed).toBeLessThanOrEqual(memory);
        expect(amount(p.effective_cache_size)).toBeLessThanOrEqual(memory);
      }),
    );
  });

  it("the log never takes more than 80% of its disk", () => {
    fc.assert(
      fc.property(anyEqual, (spec) => {
        const p = clusterParameters(spec);
        const { wal, data } = first(spec).disks;
        const disk = megabytes((wal ?? data).size);
        expect(amount(p.max_wal_size) + amount(p.max_slot_wal_keep_size)).toBeLessThanOrEqual(disk * 0.8);
        expect(amount(p.min_wal_size)).toBeLessThanOrEqual(amount(p.max_wal_size));
      }),
    );
  });

  it("PostgreSQL 17 knows every parameter and takes every value, in canonical notation", () => {
    fc.assert(
      fc.property(anyCluster, (input) => {
        const spec = parseCluster(input);
        for (const machine of Object.values(spec.machines))
          for (const [name, value] of Object.entries(tunedParameters(spec, machine))) {
            const info = parameterInfo(17, name);
            expect(info, name).toBeDefined();
            if (info !== undefined) expect(checkValue(info, value), name).toEqual({ value });
          }
      }),
      { numRuns: 60 },
    );
  });

  it("more memory, CPUs or disk never gives less of anything", () => {
    const grown = fc
      .tuple(
        anyMachine,
        anyProfile,
        fc.integer({ min: 0, max: 4096 }),
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 0, max: 100 }),
      )
      .map(([machine, profile, memory, vcpu, disk]) => {
        const larger = {
          size: { vcpu: machine.size.vcpu + vcpu, memory: `${megabytes(machine.size.memory) + memory}MB` },
          disks: { ...machine.disks, data: { size: `${megabytes(machine.disks.data.size) / 1024 + disk}GB` } },
        };
        return [profile, machine, larger] as const;
      });
    const growing = [
      "shared_buffers",
      "effective_cache_size",
      "maintenance_work_mem",
      "max_worker_processes",
      "max_parallel_workers",
      "max_parallel_workers_per_gather",
      "max_parallel_maintenance_workers",
      "autovacuum_max_workers",
      "autovacuum_vacuum_cost_limit",
      "max_wal_size",
      "min_wal_size",
      "max_slot_wal_keep_size",
    ];
    fc.assert(
      fc.property(grown, ([profile, small, large]) => {
        const [less, more] = [small, large].map((each) => clusterParameters(cluster(each, withProfile(profile))));
        for (const name of growing) expect(amount(more?.[name]), name).toBeGreaterThanOrEqual(amount(less?.[name]));
      }),
    );
  });

  it("more memory alone never gives fewer connections or less for each", () => {
    fc.assert(
      fc.property(anyMachine, anyProfile, fc.integer({ min: 0, max: 65536 }), (machine, profile, more) => {
        const larger = { ...machine, size: { ...machine.size, memory: `${megabytes(machine.size.memory) + more}MB` } };
        const [a, b] = [machine, larger].map((each) => clusterParameters(cluster(each, withProfile(profile))));
        expect(Number(b?.max_connections)).toBeGreaterThanOrEqual(Number(a?.max_connections));
        expect(amount(b?.work_mem)).toBeGreaterThanOrEqual(amount(a?.work_mem));
      }),
      { numRuns: 200 },
    );
  });
});

describe("machines that differ", () => {
  it("agree on what members must agree on, which follows from the smallest that may lead", () => {
    fc.assert(
      fc.property(anyCluster, (input) => {
        const spec = parseCluster(input);
        for (const machine of Object.values(spec.machines)) {
          const own = memberParameters(spec, machine);
          for (const name of AGREED) expect(own).not.toHaveProperty(name);
          expect({ ...clusterParameters(spec), ...own }).toEqual(tunedParameters(spec, machine));
        }
      }),
    );
  });

  it("have what differs in their own configuration, and nothing else", () => {
    const machines = {
      "db-1": of("4GB", 2),
      "db-2": of("4GB", 2),
      "db-3": { ...of("16GB", 8, "500GB"), member: { mayLead: false } },
    };
    const spec = parseCluster(rightCluster({ machines }));
    expect(memberParameters(spec, spec.machines["db-1"] as MachineSpec)).toEqual({});
    expect(memberParameters(spec, spec.machines["db-3"] as MachineSpec)).toMatchObject({
      shared_buffers: "4GB",
      max_wal_size: "50GB",
    });
    expect(memberParameters(spec, spec.machines["db-3"] as MachineSpec)).not.toHaveProperty("checkpoint_timeout");
  });

  it("do not let a small member that never leads decide", () => {
    const machines = { "db-1": of("16GB"), "db-2": of("16GB"), "db-3": { ...of("2GB"), member: { mayLead: false } } };
    const spec = parseCluster(rightCluster({ machines }));
    expect(clusterParameters(spec).shared_buffers).toBe("4GB");
    expect(memberParameters(spec, spec.machines["db-3"] as MachineSpec).shared_buffers).toBe("512MB");
  });

  it("do not hang on the order in which they are declared", () => {
    fc.assert(
      fc.property(anyCluster, (input) => {
        const turned = { ...input, machines: Object.fromEntries(Object.entries(input.machines).reverse()) };
        expect(clusterParameters(parseCluster(turned))).toEqual(clusterParameters(parseCluster(input)));
      }),
    );
  });
});

describe("what the declaration sets", () => {
  it("wins on every member", () => {
    const parameters = { shared_buffers: "300MB", max_connections: 120, random_page_cost: 2, "app.x": "y" };
    const machines = { "db-1": of("4GB"), "db-2": of("16GB"), "db-3": of("2GB") };
    const spec = parseCluster(rightCluster({ machines, ...withProfile("oltp", parameters) }));
    const expected = { shared_buffers: "300MB", max_connections: "120", random_page_cost: "2", "app.x": "y" };
    expect(clusterParameters(spec)).toMatchObject(expected);
    for (const machine of Object.values(spec.machines)) {
      expect(tunedParameters(spec, machine)).toMatchObject(expected);
      for (const name of Object.keys(expected)) expect(memberParameters(spec, machine)).not.toHaveProperty(name);
    }
  });

  it("is reckoned with by the formulas", () => {
    const workMemory = (parameters: object) =>
      amount(clusterParameters(cluster(of("16GB"), withProfile("oltp", parameters))).work_mem);
    expect(workMemory({ max_connections: 1000 })).toBeLessThan(workMemory({}));
    expect(workMemory({ shared_buffers: "10GB" })).toBeLessThan(workMemory({}));
    expect(workMemory({ maintenance_work_mem: "2GB" })).toBeLessThan(workMemory({}));
    expect(workMemory({ shared_buffers: "1GB" })).toBeGreaterThan(workMemory({}));
  });

  it("may name anything that is tuned", () => {
    const names = Object.keys(clusterParameters(cluster(of("4GB")))).filter(
      (name) => !["wal_level", "wal_log_hints"].includes(name),
    );
    const values = Object.fromEntries(
      names.map((name) => [
        name,
        clusterParameters(cluster(of("8GB", 8, "200GB"), withProfile("olap")))[name] as string,
      ]),
    );
    const spec = cluster(of("8GB", 8, "200GB"), withProfile("small", values));
    expect(clusterParameters(spec)).toMatchObject(values);
  });
});

describe("the tuned parameters", () => {
  it("need a restart only where hardware, members or poolers change them", () => {
    const restarting = Object.keys(clusterParameters(cluster(of("4GB")))).filter(
      (name) => parameterContext(17, name) === "postmaster",
    );
    expect(restarting.sort()).toEqual([
      "autovacuum_max_workers",
      "max_connections",
      "max_locks_per_transaction",
      "max_prepared_transactions",
      "max_replication_slots",
      "max_wal_senders",
      "max_worker_processes",
      "shared_buffers",
      "shared_preload_libraries",
      "track_commit_timestamp",
      "wal_level",
      "wal_log_hints",
    ]);
  });

  it("leave senders and slots alone while a cluster grows to six members", () => {
    const senders = (count: number) =>
      clusterParameters(
        parseCluster(rightCluster({ machines: equalMembers(count, of("4GB")), etcd: { voters: ["db-1"] } })),
      ).max_wal_senders;
    expect([1, 3, 6].map(senders)).toEqual(["20", "20", "20"]);
    expect(Number(senders(12))).toBeGreaterThan(24);
  });
});
