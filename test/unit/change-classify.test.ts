/** What each changed field is said to do. */
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { type Change, classify } from "../../components/plan/change";
import { FIELD_RULES } from "../../components/plan/change/field-rules";
import { clusterSchema } from "../../components/spec/schema";
import { declare, machine, machines } from "./change-fixtures";

/** Objects that are one decision as a whole, beside their own fields. */
const WHOLE = ["machines.*", "machines.*.member", "machines.*.disks.wal", "platform.bastion"];

/** Every field of a schema as a pattern of its path. */
function fields(schema: z.core.$ZodType, path: string): string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const join = (name: string) => (path === "" ? name : `${path}.${name}`);
  switch (def.type) {
    case "object":
      return Object.entries(def.shape).flatMap(([name, field]) => fields(field, join(name)));
    case "record":
      return fields(def.valueType, join("*"));
    case "union": {
      const objects = def.options.filter((option) => (option as z.core.$ZodTypes)._zod.def.type === "object");
      return objects.length === 0 ? [path] : objects.flatMap((option) => fields(option, path));
    }
    case "optional":
    case "default":
    case "prefault":
    case "readonly":
      return fields(def.innerType, path);
    default:
      return [path];
  }
}

/** The version's software is named field by field in the schema, and by one rule. */
const schemaFields = [
  ...new Set(fields(clusterSchema, "").map((path) => path.replace(/^software\..*/, "software.*"))),
].sort();

describe("the fields of a declaration", () => {
  it("all have a rule", () => {
    expect(schemaFields.length).toBeGreaterThan(30);
    expect(schemaFields.filter((path) => !Object.hasOwn(FIELD_RULES, path))).toEqual([]);
  });

  it("are all that there are rules for", () => {
    const known = [...schemaFields, ...WHOLE];
    expect(Object.keys(FIELD_RULES).filter((pattern) => !known.includes(pattern))).toEqual([]);
  });

  it("that nobody has thought about are refused", () => {
    const [change] = classify(declare(), { ...declare(), novelty: 1 } as never);
    expect(change).toMatchObject({ path: "novelty", impact: "refused" });
  });
});

const three = declare();

/** Path, values and impact of each declared change. */
function declared(after: ReturnType<typeof declare>, before = three): string[] {
  return classify(before, after)
    .filter(({ derivedFrom }) => derivedFrom === undefined)
    .map(line);
}

function derived(after: ReturnType<typeof declare>, before = three): string[] {
  return classify(before, after)
    .filter(({ derivedFrom }) => derivedFrom !== undefined)
    .map(line);
}

function line({ path, from, to, impact, machines }: Change): string {
  const where = machines === undefined ? "" : ` on ${machines.join(",")}`;
  return `${path}: ${from ?? "-"} => ${to ?? "-"}${where}: ${impact}`;
}

const parameters = (values: Record<string, string | number | boolean>) =>
  declare({ postgresql: { parameters: values } });

describe("a parameter", () => {
  it.each([
    ["max_connections", 600, "restart"],
    ["max_connections", 200, "restart-in-place"],
    ["max_worker_processes", 40, "restart"],
    ["max_worker_processes", 9, "restart-in-place"],
    ["max_wal_senders", 10, "restart-in-place"],
    ["max_prepared_transactions", 10, "restart"],
    ["max_locks_per_transaction", 64, "restart-in-place"],
    ["shared_buffers", "2GB", "restart"],
    ["wal_buffers", "64MB", "restart"],
    ["checkpoint_timeout", "20min", "reload"],
    ["work_mem", "64MB", "reload"],
    ["log_connections", true, "reload"],
    ["pg_stat_statements.max", 20000, "restart"],
    ["my.own", "x", "reload"],
  ])("%s = %s: %s", (name, value, impact) => {
    const [change] = classify(three, parameters({ [name]: value })).filter(
      ({ path }) => path === `postgresql.parameters.${name}`,
    );
    expect(change?.impact).toBe(impact);
    expect(change?.derivedFrom).toBeUndefined();
  });

  it("in another notation is no change", () => {
    expect(classify(parameters({ work_mem: "1GB" }), parameters({ work_mem: "1024MB" }))).toEqual([]);
    expect(classify(parameters({ jit: "on" }), parameters({ jit: true }))).toEqual([]);
  });

  it("that is taken away falls back to the tuned value", () => {
    expect(declared(three, parameters({ max_connections: 300 }))).toEqual([
      "postgresql.parameters.max_connections: 300 => 500 (tuned): restart",
    ]);
  });

  it("that is taken away and not tuned falls back to PostgreSQL's default", () => {
    expect(declared(three, parameters({ wal_buffers: "64MB" }))).toEqual([
      "postgresql.parameters.wal_buffers: 64MB => -1 (default): restart",
    ]);
  });

  it("that is set to what the tuning gives anyway changes nothing in force", () => {
    expect(declared(parameters({ max_connections: 500 }))).toEqual([
      "postgresql.parameters.max_connections: 500 (tuned) => 500: none",
    ]);
  });

  it("brings those that follow from it, with the cause", () => {
    const follows = classify(three, parameters({ max_connections: 600 })).filter(({ derivedFrom }) => derivedFrom);
    expect(follows.map(({ path }) => path)).toEqual(["poolers.serverConnections", "postgresql.parameters.work_mem"]);
    for (const { derivedFrom } of follows) expect(derivedFrom).toEqual(["postgresql.parameters.max_connections"]);
  });

  it("restarts the only member in place", () => {
    const one = (values: Record<string, string>) =>
      declare({ machines: machines("db-1"), postgresql: { parameters: values } });
    expect(declared(one({ shared_buffers: "2GB" }), one({}))).toEqual([
      "postgresql.parameters.shared_buffers: 4GB (tuned) => 2GB: restart-in-place",
    ]);
  });
});

describe("hardware", () => {
  const grown = (...keys: string[]) =>
    declare({
      machines: {
        ...machines("db-1", "db-2", "db-3"),
        ...Object.fromEntries(keys.map((key) => [key, machine({ size: { vcpu: 8, memory: "32GB" } })])),
      },
    });

  it("brings its parameters along on the machine alone, where the cluster's smallest is another", () => {
    const after = grown("db-3");
    expect(declared(after)).toEqual([
      "machines.db-3.size.memory: 16GB => 32GB on db-3: machine-resized",
      "machines.db-3.size.vcpu: 4 => 8 on db-3: machine-resized",
    ]);
    expect(derived(after)).toContain("postgresql.parameters.shared_buffers: 4GB => 8GB on db-3: restart");
    expect(derived(after).filter((text) => !text.includes(" on db-3"))).toEqual([]);
  });

  it("raises what all members share once every machine has grown", () => {
    expect(derived(grown("db-1", "db-2", "db-3"))).toContain(
      "postgresql.parameters.max_worker_processes: 12 => 16: restart",
    );
    expect(derived(three, grown("db-1", "db-2", "db-3"))).toContain(
      "postgresql.parameters.max_worker_processes: 16 => 12: restart-in-place",
    );
  });

  it("of a member that never leads restarts replicas only", () => {
    const lazy = (memory: string) =>
      declare({
        machines: {
          ...machines("db-1", "db-2"),
          "db-3": machine({ member: { mayLead: false }, size: { vcpu: 4, memory } }),
        },
        etcd: { voters: ["db-1", "db-2", "db-3"] },
      });
    expect(derived(lazy("32GB"), lazy("16GB"))).toContain(
      "postgresql.parameters.shared_buffers: 4GB => 8GB on db-3: restart-replicas",
    );
  });

  it("on machines of the user's own is for the user to change, and only tunes", () => {
    const hostKeys = Object.fromEntries(["db-1", "db-2", "db-3"].map((key) => [key, `ssh-ed25519 ${"A".repeat(68)}`]));
    const own = (memory: string, address = "10.0.0.1") =>
      declare({
        platform: { kind: "ssh", hostKeys },
        machines: {
          "db-1": machine({ address, size: { vcpu: 4, memory } }),
          "db-2": machine({ address: "10.0.0.2" }),
          "db-3": machine({ address: "10.0.0.3" }),
        },
      });
    expect(declared(own("32GB"), own("16GB"))).toEqual(["machines.db-1.size.memory: 16GB => 32GB on db-1: restart"]);
    expect(declared(own("16GB", "10.0.0.9"), own("16GB"))).toEqual([
      "machines.db-1.address: 10.0.0.1 => 10.0.0.9 on db-1: refused",
    ]);
  });

  it("grows disks in use, and shrinks them only with the machine, when that is confirmed", () => {
    const disk = (size: string, confirm?: "replace-machines") =>
      declare({
        machines: { ...machines("db-1", "db-2"), "db-3": machine({ disks: { data: { size } } }) },
        ...(confirm === undefined ? {} : { confirm }),
      });
    const [before] = [disk("200GB")];
    expect(declared(disk("300GB"), before)).toEqual([
      "machines.db-3.disks.data.size: 200GB => 300GB on db-3: disk-grown",
    ]);
    expect(declared(disk("100GB"), before)).toEqual(["machines.db-3.disks.data.size: 200GB => 100GB on db-3: refused"]);
    expect(declared(disk("100GB", "replace-machines"), before)).toEqual([
      "confirm: - => replace-machines: none",
      "machines.db-3.disks.data.size: 200GB => 100GB on db-3: machine-replaced",
    ]);
  });
});

describe("the rest of the declaration", () => {
  const with3 = (changes: Parameters<typeof machine>[0]) =>
    declare({ machines: { ...machines("db-1", "db-2"), "db-3": machine(changes) } });

  it.each<[string, ReturnType<typeof declare>, string[]]>([
    [
      "another image",
      declare({ platform: { kind: "lab", image: "b" } }),
      ["platform.image: debian-13 => b on db-1,db-2,db-3: machine-replaced"],
    ],
    ["another zone", with3({ zone: "b" }), ["machines.db-3.zone: a => b on db-3: machine-replaced"]],
    [
      "a WAL disk",
      with3({ disks: { data: { size: "200GB" }, wal: { size: "50GB" } } }),
      ["machines.db-3.disks.wal: - => size 50GB on db-3: machine-replaced"],
    ],
    [
      "fewer reads",
      with3({ member: { takesReads: false } }),
      ["machines.db-3.member.takesReads: true => false on db-3: reload"],
    ],
    [
      "cascading",
      { ...with3({ member: { replicatesFrom: "db-2" } }), durability: three.durability },
      ["machines.db-3.member.replicatesFrom: - => db-2 on db-3: reload"],
    ],
    ["recovery", declare({ recovery: "fast" }), ["recovery: normal => fast: reload"]],
    [
      "clients",
      declare({ poolers: { maxClientConnections: 9000 } }),
      ["poolers.maxClientConnections: 5000 => 9000: pooler-reload"],
    ],
    ["protection", declare({ protection: true }), ["protection: false => true: none"]],
    ["software", declare({ software: { etcd: "3.5.17-1" } }), ["software.etcd: - => 3.5.17-1: software-upgraded"]],
    [
      "a rule",
      declare({ hba: [{ user: "app", address: "10.0.0.0/8" }] }),
      ["hba: - => hostssl all app 10.0.0.0/8 scram-sha-256: reload"],
    ],
  ])("%s", (_, after, lines) => {
    expect(declared(after)).toEqual(lines);
  });

  it("weakens durability only where commits are worth less afterwards", () => {
    const weakens = (from: object, to: object) =>
      classify(declare({ durability: from }), declare({ durability: to }))
        .filter((change) => change.weakensDurability)
        .map(({ path }) => path);
    expect(weakens({ mode: "quorum" }, { mode: "async" })).toEqual(["durability.mode"]);
    expect(weakens({ mode: "sync", strict: true }, { mode: "sync" })).toEqual(["durability.strict"]);
    expect(weakens({ mode: "sync", standbys: 2 }, { mode: "quorum", standbys: 1 })).toEqual(["durability.standbys"]);
    expect(weakens({ mode: "sync" }, { mode: "quorum" })).toEqual([]);
    expect(weakens({ mode: "async" }, { mode: "sync" })).toEqual([]);
  });

  it("names members that come and go, and what goes with them", () => {
    const after = declare({ machines: machines("db-2", "db-3", "db-4") });
    expect(declared(after)).toEqual([
      "machines.db-1: 4 vCPU, 16GB, data 200GB, zone a => - on db-1: member-removed",
      "machines.db-4: - => 4 vCPU, 16GB, data 200GB, zone a on db-4: member-added",
    ]);
    expect(derived(after)).toEqual([
      "etcd.voters: db-1 => - on db-1: voter-removed",
      "etcd.voters: - => db-4 on db-4: voter-added",
      "poolers.machines: db-1 => - on db-1: pooler-removed",
      "poolers.machines: - => db-4 on db-4: pooler-added",
    ]);
  });

  it("moves voters by themselves", () => {
    const voters = (...keys: string[]) => declare({ machines: machines("a", "b", "c", "d"), etcd: { voters: keys } });
    expect(declared(voters("a", "b", "d"), voters("a", "b", "c"))).toEqual([
      "etcd.voters: c => - on c: voter-removed",
      "etcd.voters: - => d on d: voter-added",
    ]);
  });

  it("turns a machine into a member and back", () => {
    const plain = declare({
      machines: { ...machines("db-1", "db-2"), "db-3": machine({ member: false }) },
      etcd: { voters: ["db-1", "db-2", "db-3"] },
      poolers: { machines: ["db-1", "db-2", "db-3"] },
      durability: { mode: "async" },
    });
    const after = declare({ durability: { mode: "async" } });
    expect(declared(after, plain)).toEqual(["machines.db-3.member: no member => a member on db-3: member-added"]);
    expect(declared(plain, after)).toEqual(["machines.db-3.member: a member => no member on db-3: member-removed"]);
  });

  it("refuses what would be another cluster", () => {
    expect(declared(declare({ name: "other" }))).toContain("name: shop => other: refused");
  });

  it("is in no order of declaration", () => {
    const turned = declare({
      machines: { "db-3": machine(), "db-2": machine(), "db-1": machine() },
      postgresql: { parameters: { work_mem: "8MB", jit: true } },
    });
    const straight = declare({ postgresql: { parameters: { jit: true, work_mem: "8MB" } } });
    expect(classify(three, turned)).toEqual(classify(three, straight));
  });
});
