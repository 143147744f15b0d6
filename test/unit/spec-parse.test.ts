/** What a right declaration becomes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCluster, SpecError } from "../../components/spec";
import { anyCluster, machine, rightCluster, shuffled } from "./spec-arbitrary";

describe("a parsed declaration", () => {
  it("has every default", () => {
    const spec = parseCluster(rightCluster());
    expect(spec).toEqual({
      name: "main",
      platform: { kind: "lab", network: "198.18.0.0/25", image: "debian-13" },
      postgresql: { version: 17, profile: "oltp", parameters: {} },
      durability: { mode: "quorum", strict: false, standbys: 1 },
      recovery: "normal",
      machines: Object.fromEntries(
        [1, 2, 3].map((n) => [
          `db-${n}`,
          {
            size: { vcpu: 2, memory: "4GB" },
            disks: { data: { size: "50GB" } },
            zone: "a",
            address: `198.18.0.${10 + n}`,
            member: { mayLead: true, takesReads: true },
          },
        ]),
      ),
      etcd: { voters: ["db-1", "db-2", "db-3"] },
      poolers: { machines: ["db-1", "db-2", "db-3"], maxClientConnections: 5000 },
      hba: [],
      protection: false,
      confirm: [],
      software: {},
    });
  });

  it("is protected outside the lab, unless it says otherwise", () => {
    const hostKey = `ssh-ed25519 ${"A".repeat(68)}`;
    const ssh = {
      platform: { kind: "ssh", hostKeys: { "db-1": hostKey } },
      machines: { "db-1": machine({ address: "10.0.0.1" }) },
    };
    expect(parseCluster(rightCluster(ssh)).protection).toBe(true);
    expect(parseCluster(rightCluster({ ...ssh, protection: false })).protection).toBe(false);
    expect(parseCluster(rightCluster({ protection: true })).protection).toBe(true);
  });

  it("waits for a quorum only where three members can acknowledge", () => {
    const two = { "db-1": machine(), "db-2": machine(), "db-3": machine({ member: { replicatesFrom: "db-1" } }) };
    expect(parseCluster(rightCluster({ machines: two })).durability.mode).toBe("async");
    expect(parseCluster(rightCluster()).durability.mode).toBe("quorum");
    expect(parseCluster(rightCluster({ durability: { mode: "sync" } })).durability.mode).toBe("sync");
  });

  it("lets a delayed member neither lead nor take reads", () => {
    const machines = { "db-1": machine(), "db-2": machine({ member: { delay: "1h" } }), "db-3": machine() };
    expect(parseCluster(rightCluster({ machines })).machines["db-2"]?.member).toEqual({
      mayLead: false,
      takesReads: false,
      delay: "1h",
    });
  });

  it("has its lists of machines resolved and sorted, and its parameters in one notation", () => {
    const spec = parseCluster(
      rightCluster({
        etcd: { voters: ["db-3", "db-1", "db-2"] },
        poolers: { machines: ["db-2", "db-1"] },
        confirm: "weaker-durability",
        postgresql: { parameters: { work_mem: "16384kB", datestyle: "ISO, DMY", jit: false } },
      }),
    );
    expect(spec.etcd.voters).toEqual(["db-1", "db-2", "db-3"]);
    expect(spec.poolers.machines).toEqual(["db-1", "db-2"]);
    expect(spec.confirm).toEqual(["weaker-durability"]);
    expect(spec.postgresql.parameters).toEqual({ DateStyle: "ISO,DMY", jit: "off", work_mem: "16MB" });
  });

  it("has machines without PostgreSQL that vote or pool", () => {
    const spec = parseCluster(
      rightCluster({
        machines: { "db-1": machine(), "db-2": machine(), "witness-1": machine({ member: false }) },
        etcd: { voters: ["db-1", "db-2", "witness-1"] },
      }),
    );
    expect(spec.machines["witness-1"]?.member).toBe(false);
    expect(spec.poolers.machines).toEqual(["db-1", "db-2"]);
  });
});

describe("any right declaration", () => {
  it("parses to the same spec in whatever order it is written", () => {
    fc.assert(
      fc.property(anyCluster, fc.nat(), (input, seed) => {
        const spec = parseCluster(input);
        const again = parseCluster(shuffled(input, seed));
        // As text: the order of the keys is the same too.
        expect(JSON.stringify(again)).toBe(JSON.stringify(spec));
      }),
    );
  });

  it("parses to itself again", () => {
    fc.assert(
      fc.property(anyCluster, (input) => {
        const spec = parseCluster(input);
        expect(JSON.stringify(parseCluster(spec))).toBe(JSON.stringify(spec));
      }),
    );
  });

  it("is frozen through and through, and leaves what it was given as it was", () => {
    fc.assert(
      fc.property(anyCluster, (input) => {
        const before = structuredClone(input);
        expectFrozen(parseCluster(input));
        expect(input).toEqual(before);
        expect(Object.isFrozen(input)).toBe(false);
      }),
    );
  });

  it("keeps every address when another machine goes", () => {
    fc.assert(
      fc.property(anyCluster, fc.nat(), (input, choice) => {
        const keys = Object.keys(input.machines).slice(1);
        const gone = keys[choice % Math.max(keys.length, 1)];
        if (gone === undefined) return;
        const { [gone]: _, ...machines } = input.machines;
        const before = parseCluster(input);
        const after = parseCluster({ ...input, machines, etcd: { voters: ["db-1"] }, poolers: { machines: ["db-1"] } });
        for (const [key, { address }] of Object.entries(after.machines))
          expect(address).toBe(before.machines[key]?.address);
      }),
    );
  });
});

describe("whatever is given instead of a declaration", () => {
  it("is refused with a SpecError that names places, and nothing else is thrown", () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        try {
          parseCluster(input);
          expect.unreachable();
        } catch (error) {
          expect(error).toBeInstanceOf(SpecError);
          expect((error as SpecError).mistakes.length).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("is refused as well when only one field holds it", () => {
    const fields = [
      "name",
      "platform",
      "postgresql",
      "durability",
      "machines",
      "etcd",
      "poolers",
      "hba",
      "software",
      "confirm",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.anything(), (field, value) => {
        try {
          parseCluster(rightCluster({ [field]: value }));
        } catch (error) {
          expect(error).toBeInstanceOf(SpecError);
          for (const { path } of (error as SpecError).mistakes) expect(path).not.toBe("");
        }
      }),
      { numRuns: 500 },
    );
  });
});

function expectFrozen(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  expect(Object.isFrozen(value)).toBe(true);
  Object.values(value).forEach(expectFrozen);
}
