/** What a stack file writes: its types, checked by the compiler (a line marked as an error must be one), and its helpers. */
import { describe, expect, it } from "vitest";
import {
  type ClusterInput,
  declareCluster,
  equalMembers,
  packagesFor,
  parseCluster,
  SpecError,
  warnings,
} from "../../components/spec";
import lab from "../../stacks/lab";
import { machine, rightCluster } from "./spec-arbitrary";

const size = { vcpu: 1, memory: "1GB" };
const disks = { data: { size: "10GB" } };
const machines = equalMembers(3, { size, disks });

describe("the types of a declaration", () => {
  it("let an editor see mistakes before anything runs", () => {
    const right: ClusterInput = declareCluster({
      name: "main",
      platform: { kind: "lab" },
      machines,
      postgresql: {
        parameters: {
          work_mem: "64MB",
          max_connections: 200,
          jit: false,
          wal_compression: "lz4",
          synchronous_commit: true,
          statement_timeout: "30s",
          "auto_explain.log_min_duration": "250ms",
          "app.user_id": 7,
        },
      },
    });
    expect(parseCluster(right).postgresql.parameters.work_mem).toBe("64MB");

    const wrong: ClusterInput[] = [
      // @ts-expect-error: no such field
      { name: "main", platform: { kind: "lab" }, machines, colour: "red" },
      // @ts-expect-error: no such platform
      { name: "main", platform: { kind: "moon" }, machines },
      // @ts-expect-error: a field of another platform
      { name: "main", platform: { kind: "lab", hostKeys: {} }, machines },
      // @ts-expect-error: no such preset
      { name: "main", platform: { kind: "lab" }, machines, recovery: "quick" },
      // @ts-expect-error: no such parameter
      { name: "main", platform: { kind: "lab" }, machines, postgresql: { parameters: { shared_bufers: "1GB" } } },
      // @ts-expect-error: a wrong unit
      { name: "main", platform: { kind: "lab" }, machines, postgresql: { parameters: { work_mem: "1kb" } } },
      // @ts-expect-error: none of its values
      { name: "main", platform: { kind: "lab" }, machines, postgresql: { parameters: { wal_compression: "lz5" } } },
      // @ts-expect-error: the program sets it
      { name: "main", platform: { kind: "lab" }, machines, postgresql: { parameters: { wal_level: "logical" } } },
    ];
    for (const input of wrong) expect(() => parseCluster(input)).toThrow(SpecError);
  });
});

describe("equal members", () => {
  it("are numbered from 1, with zones dealt round", () => {
    const made = equalMembers(4, { size, disks });
    expect(Object.keys(made)).toEqual(["db-1", "db-2", "db-3", "db-4"]);
    expect(Object.values(made).map(({ zone }) => zone)).toEqual(["a", "b", "c", "a"]);
    expect(made["db-1"]).toEqual({ size, disks, zone: "a" });
  });

  it("have another prefix and other zones where that is said", () => {
    const made = equalMembers(3, { size, disks }, { prefix: "pg", zones: ["x", "y"] });
    expect(Object.entries(made).map(([key, { zone }]) => `${key} ${zone}`)).toEqual(["pg-1 x", "pg-2 y", "pg-3 x"]);
    expect(Object.values(equalMembers(2, { size, disks, zone: "z" })).map(({ zone }) => zone)).toEqual(["z", "z"]);
  });

  it("keep their zones when their number changes", () => {
    expect(equalMembers(5, { size, disks })).toMatchObject(equalMembers(3, { size, disks }));
  });

  it.each([0, -1, 1.5, Number.NaN])("are not %d", (count) => {
    expect(() => equalMembers(count, { size, disks })).toThrow(
      /equalMembers: got .*; expected a whole number from 1 on/,
    );
  });

  it("need a zone", () => {
    expect(() => equalMembers(1, { size, disks }, { zones: [] })).toThrow(/expected at least one zone/);
  });
});

describe("the declaration of the lab", () => {
  it("is right, and has nothing that is worth a warning", () => {
    const spec = parseCluster(lab);
    expect(Object.keys(spec.machines)).toEqual(["db-1", "db-2", "db-3"]);
    expect(spec).toMatchObject({ recovery: "fast", durability: { mode: "quorum" }, postgresql: { profile: "small" } });
    expect(warnings(spec)).toEqual([]);
  });
});

describe("a warning", () => {
  const pathsOf = (more: object) => warnings(parseCluster(rightCluster(more))).map(({ path }) => path);
  const two = { "db-1": machine(), "db-2": machine() };

  it.each([
    [
      "two members that wait for each other",
      { machines: two, etcd: { voters: ["db-1"] }, durability: { mode: "sync" } },
      ["durability.mode", "etcd.voters"],
    ],
    ["one voter for several members", { etcd: { voters: ["db-1"] } }, ["etcd.voters"]],
    ["one pooler", { poolers: { machines: ["db-1"] } }, ["poolers.machines"]],
    [
      "no reads anywhere",
      { machines: Object.fromEntries([1, 2, 3].map((n) => [`db-${n}`, machine({ member: { takesReads: false } })])) },
      ["machines"],
    ],
    ["nothing, where one member is all there is", { machines: { "db-1": machine() } }, []],
  ])("is given for %s", (_, more, expected) => {
    expect(pathsOf(more)).toEqual(expected);
  });

  it("is given for members in one zone, outside the lab", () => {
    const key = `ssh-ed25519 ${"A".repeat(68)}`;
    const keys = ["db-1", "db-2", "db-3"];
    const input = (zones: string[]) => ({
      platform: { kind: "ssh", hostKeys: Object.fromEntries(keys.map((name) => [name, key])) },
      machines: Object.fromEntries(
        keys.map((name, n) => [name, machine({ address: `10.0.0.${n + 1}`, zone: zones[n] })]),
      ),
    });
    expect(pathsOf(input(["a", "a", "a"]))).toEqual(["machines"]);
    expect(pathsOf(input(["a", "b", "c"]))).toEqual([]);
  });
});

describe("the packages of a machine", () => {
  it("are those of its roles, with the versions that are pinned", () => {
    expect(packagesFor(["etcd", "pooler"], {}).map(({ name }) => name)).toEqual([
      "etcd-client",
      "etcd-server",
      "haproxy",
      "pgbouncer",
    ]);
    const pinned = packagesFor(["postgresql"], { postgresql: "17.12-0+deb13u1" });
    expect(pinned.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "patroni undefined",
      "pgbackrest undefined",
      "postgresql-17 17.12-0+deb13u1",
      "postgresql-client-17 17.12-0+deb13u1",
    ]);
  });
});
