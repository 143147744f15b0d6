import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fewestConnections, pgbouncerBundle, pgbouncerSecrets, poolShares } from "../../components/services/pgbouncer";
import { userlist } from "../../components/services/pgbouncer/config";
import type { PortShare } from "../../components/services/pgbouncer/pools";
import type { ClusterSecrets } from "../../components/services/types";
import { machineOf, member, planOf } from "./service-plans";

const LOOKUP = 1;
const DIRECT = 10;

describe("shares of the poolers", () => {
  const demand = fc.record({
    poolers: fc.integer({ min: 1, max: 9 }),
    reservedConnections: fc.integer({ min: 0, max: 20 }),
    spare: fc.integer({ min: 0, max: 5000 }),
    vcpu: fc.oneof(fc.integer({ min: 1, max: 128 }), fc.double({ min: 0.5, max: 8, noNaN: true })),
    maxClientConnections: fc.integer({ min: 10, max: 50_000 }),
    poolSize: fc.option(fc.integer({ min: 1, max: 2000 }), { nil: undefined }),
  });
  const shares = (given: typeof demand extends fc.Arbitrary<infer T> ? T : never) => {
    const maxConnections = fewestConnections(given.poolers, given.reservedConnections) + given.spare;
    return { maxConnections, ...poolShares({ ...given, maxConnections }) };
  };

  it("never ask PostgreSQL for more connections than it has for them, even when all reads fall back to the leader", () => {
    fc.assert(
      fc.property(demand, (given) => {
        const { maxConnections, readWrite, readOnly } = shares(given);
        const all = (connections: (share: PortShare) => number) =>
          given.poolers * (connections(readWrite) + connections(readOnly));
        const limit = maxConnections - given.reservedConnections - DIRECT;
        expect(all(({ connections }) => connections)).toBeLessThanOrEqual(limit);
        expect(
          all(({ processes, databaseConnections }) => processes * (databaseConnections + LOOKUP)),
        ).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 500 },
    );
  });

  it("give every process at least one connection, and every port at least two processes", () => {
    fc.assert(
      fc.property(demand, (given) => {
        const { readWrite, readOnly } = shares(given);
        for (const share of [readWrite, readOnly]) {
          expect(share.processes).toBeGreaterThanOrEqual(2);
          expect(share.processes).toBeLessThanOrEqual(Math.max(2, given.vcpu));
          expect(share.poolSize).toBeGreaterThanOrEqual(1);
          expect(share.poolSize).toBeLessThanOrEqual(share.databaseConnections);
          expect(share.processes * share.clientConnections).toBeGreaterThanOrEqual(given.maxClientConnections);
          expect(share.processes * (share.databaseConnections + LOOKUP)).toBeLessThanOrEqual(share.connections);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("leave no more than a rounding unused", () => {
    fc.assert(
      fc.property(demand, (given) => {
        const { maxConnections, readWrite, readOnly } = shares(given);
        const used = given.poolers * (readWrite.connections + readOnly.connections);
        expect(maxConnections - given.reservedConnections - DIRECT - used).toBeLessThan(given.poolers);
      }),
    );
  });

  it("meet a declared pool size as well as they can", () => {
    const given = { maxConnections: 500, reservedConnections: 3, poolers: 3, vcpu: 4, maxClientConnections: 5000 };
    expect(poolShares({ ...given, poolSize: 20 }).readWrite).toMatchObject({ processes: 4, poolSize: 5 });
    expect(poolShares({ ...given, poolSize: 2 }).readWrite).toMatchObject({ processes: 4, poolSize: 1 });
    const { poolSize, databaseConnections } = poolShares({ ...given, poolSize: 9999 }).readWrite;
    expect(poolSize).toBe(databaseConnections);
  });

  it("refuse a max_connections that cannot serve every pooler, and name one that can", () => {
    const given = { maxConnections: 40, reservedConnections: 3, poolers: 3, vcpu: 4, maxClientConnections: 5000 };
    expect(() => poolShares(given)).toThrow(/max_connections: 40 is too small for 3 pooler.*at least 61/);
    expect(() => poolShares({ ...given, maxConnections: 61 })).not.toThrow();
  });
});

function files(vcpu = 4): Map<string, string> {
  const plan = planOf({ machines: { "db-1": member("10.0.0.11", { size: { vcpu, memory: "16GB" } }) } });
  return new Map(pgbouncerBundle(plan, machineOf(plan, "db-1")).files.map(({ path, content }) => [path, content]));
}
const file = (path: string, vcpu?: number) => files(vcpu).get(path) as string;
const keys = (text: string) => text.match(/^\w+(?= = )/gm) ?? [];

describe("pgbouncer", () => {
  it("of a machine with four cores", async () => {
    const all = files();
    const shown = [
      ...["/etc/pgbouncer/rw.ini", "/etc/pgbouncer/rw-1.ini", "/etc/pgbouncer/ro.ini"],
      ...["/etc/systemd/system/pgbouncer-rw@.service", "/etc/systemd/system/pgbouncer.target"],
    ];
    const listing = shown.map((path) => `=== ${path}\n${all.get(path)}`).join("");
    await expect(listing).toMatchFileSnapshot("golden/pgbouncer.txt");
  });

  it("runs one process a core on each port, known to each other and to the target", () => {
    for (const vcpu of [1, 2, 6]) {
      const processes = Math.max(2, vcpu);
      for (const port of ["rw", "ro"]) {
        const ids = [...files(vcpu).keys()].filter((path) => path.startsWith(`/etc/pgbouncer/${port}-`));
        expect(ids).toHaveLength(processes);
        const peers = file(`/etc/pgbouncer/${port}.ini`, vcpu).split("[peers]")[1] as string;
        expect(peers.match(/^\d+ = /gm)).toHaveLength(processes);
        for (let id = 1; id <= processes; id++) {
          const own = file(`/etc/pgbouncer/${port}-${id}.ini`, vcpu);
          expect(own).toContain(`peer_id = ${id}\n`);
          const directory = /unix_socket_dir = (.*)/.exec(own)?.[1];
          expect(peers).toContain(`${id} = host=${directory} port=${port === "rw" ? 6432 : 6433}\n`);
          expect(file("/etc/systemd/system/pgbouncer.target", vcpu)).toContain(
            `Wants=pgbouncer-${port}@${id}.service\n`,
          );
        }
      }
    }
  });

  it("keeps what only a restart changes in the process's own file", () => {
    // Settings that PgBouncer 1.24 does not take by RELOAD.
    const restart = ["listen_addr", "listen_port", "listen_backlog", "so_reuseport", "unix_socket_dir", "peer_id"];
    expect(keys(file("/etc/pgbouncer/rw-1.ini"))).toEqual(expect.arrayContaining(restart));
    expect(keys(file("/etc/pgbouncer/rw-1.ini"))).toHaveLength(restart.length);
    for (const key of restart) expect(keys(file("/etc/pgbouncer/rw.ini"))).not.toContain(key);
  });

  it("goes on with the including section: at a second header PgBouncer would forget the first", () => {
    expect(file("/etc/pgbouncer/rw.ini")).not.toContain("[pgbouncer]");
    expect(file("/etc/pgbouncer/rw-1.ini").trimEnd().split("\n").at(-1)).toBe("%include /etc/pgbouncer/rw.ini");
  });

  it("speaks TLS on both sides and lets nobody administer it over the network", () => {
    for (const port of ["rw", "ro"]) {
      const config = file(`/etc/pgbouncer/${port}.ini`);
      expect(config).toContain("client_tls_sslmode = require\n");
      expect(config).toContain("server_tls_sslmode = verify-ca\n");
      expect(config).not.toContain("admin_users");
    }
  });

  it("does not write through the read-only port where the leader stands in", () => {
    expect(file("/etc/pgbouncer/ro.ini")).toContain(
      "* = host=127.0.0.1 port=5001 connect_query='SET default_transaction_read_only = on'\n",
    );
    expect(file("/etc/pgbouncer/rw.ini")).toContain("* = host=127.0.0.1 port=5000\n");
  });

  it("keeps secrets from everybody but its own group", () => {
    const plan = planOf();
    const secrets = {
      caCertificate: "CA\n",
      passwords: { pgbouncer: 'a"b', admin: "other-password" },
    } as ClusterSecrets;
    const identity = { certificate: "CERT\n", privateKey: "KEY\n" };
    const given = pgbouncerSecrets(plan, machineOf(plan, "db-1"), secrets, identity);
    for (const { content, owner, mode } of given)
      if (/KEY|a"/.test(content)) expect([owner, mode]).toEqual(["root:pgbouncer", "0640"]);
    expect(given.map(({ content }) => content)).toContain('"pgbouncer" "a""b"\n');
    expect(JSON.stringify(given)).not.toContain("other-password");
    expect(() => userlist({ a: "b\nc" })).toThrow(/one line/);
  });
});
