import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  databaseSql,
  dynamicConfiguration,
  hbaRules,
  patroniBundle,
  patroniSecrets,
  rolesSql,
} from "../../components/services/patroni";
import type { ClusterSecrets } from "../../components/services/types";
import type { ClusterInput, MachineInput } from "../../components/spec";
import { machineOf, member, planOf, THREE } from "./service-plans";

const PASSWORDS = {
  superuser: "secret-superuser",
  replication: "secret-replication",
  rewind: "secret-rewind",
  admin: "secret-admin",
  pgbouncer: "secret-pgbouncer",
  patroniApi: "secret-api",
  etcdRoot: "secret-root",
  etcdPatroni: "secret-etcd",
};
const SECRETS: ClusterSecrets = { caCertificate: "CA\n", passwords: PASSWORDS };
const IDENTITY = { certificate: "CERTIFICATE\n", privateKey: "secret-key\n" };
const LOCAL = "/etc/patroni/pgkeel/10-patroni.yml";
const BOOTSTRAP = "/etc/patroni/pgkeel/05-bootstrap.yml";

function files(key: string, changes: Partial<ClusterInput> = {}): Map<string, string> {
  const plan = planOf(changes);
  return new Map(patroniBundle(plan, machineOf(plan, key)).files.map(({ path, content }) => [path, content]));
}
const listing = (all: Map<string, string>) => [...all].map(([path, content]) => `=== ${path}\n${content}`).join("");
const local = (key: string, changes: Partial<ClusterInput> = {}) =>
  parse(files(key, changes).get(LOCAL) as string, { version: "1.1" });
const with4 = (changes: Partial<MachineInput>): Partial<ClusterInput> => ({
  machines: { ...THREE, "db-4": member("10.0.0.14", changes) },
  etcd: { voters: ["db-1", "db-2", "db-3"] },
});

describe("Patroni's files", () => {
  it("of the member that founds a cluster", async () => {
    await expect(listing(files("db-1"))).toMatchFileSnapshot("golden/patroni-founder.txt");
  });

  it("of a delayed, cascading member with a disk for WAL", async () => {
    const disks = { data: { size: "200GB" }, wal: { size: "50GB" } };
    const all = files("db-4", with4({ disks, member: { delay: "1h", replicatesFrom: "db-2" } }));
    await expect(all.get(LOCAL)).toMatchFileSnapshot("golden/patroni-delayed.yml");
  });

  it("tell one member alone how to begin a cluster: the first that may lead", () => {
    const founders = (changes: Partial<ClusterInput> = {}) =>
      planOf(changes)
        .members.filter(({ key }) => files(key, changes).has(BOOTSTRAP))
        .map(({ key }) => key);
    expect(founders()).toEqual(["db-1"]);
    expect(founders({ machines: { ...THREE, "db-1": member("10.0.0.11", { member: { mayLead: false } }) } })).toEqual([
      "db-2",
    ]);
    expect(
      founders({ machines: { ...THREE, "db-0": member("10.0.0.10", { member: { delay: "1h" } }) }, ...VOTERS }),
    ).toEqual(["db-1"]);
  });

  it("change nothing on running members when only the cluster's parameters change", () => {
    const changed: Partial<ClusterInput> = { postgresql: { parameters: { work_mem: "64MB" } } };
    expect(listing(files("db-2", changed))).toBe(listing(files("db-2")));
    const differing = [...files("db-1", changed)].filter(([path, content]) => files("db-1").get(path) !== content);
    expect(differing.map(([path]) => path)).toEqual([BOOTSTRAP]);
  });

  it("keep passwords and keys in files that only their user reads", () => {
    const plan = planOf();
    for (const machine of plan.members) {
      for (const { path, content } of patroniBundle(plan, machine).files)
        expect(content, path).not.toMatch(/secret-[a-z]/);
      const secrets = patroniSecrets(plan, machine, SECRETS, IDENTITY);
      const open = secrets
        .filter(({ mode }) => mode !== "0600")
        .map(({ path, content }) => [path.split("/").pop(), content]);
      expect(open).toEqual([
        ["ca.crt", "CA\n"],
        ["machine.crt", "CERTIFICATE\n"],
      ]);
    }
  });

  it("lay the passwords over the configuration where Patroni looks for them", () => {
    const plan = planOf();
    const secrets = patroniSecrets(plan, machineOf(plan, "db-2"), SECRETS, IDENTITY);
    const overlay = parse(secrets.find(({ path }) => path.endsWith("20-secrets.yml"))?.content ?? "");
    const { authentication } = overlay.postgresql;
    expect(overlay.restapi.authentication.password).toBe("secret-api");
    expect(overlay.etcd3.password).toBe("secret-etcd");
    expect(Object.keys(authentication)).toEqual(Object.keys(local("db-2").postgresql.authentication));
  });
});

const VOTERS = { etcd: { voters: ["db-1", "db-2", "db-3"] } };

describe("tags", () => {
  const tags = (changes: Partial<MachineInput>) => local("db-4", with4(changes)).tags;

  it("of an ordinary member forbid nothing", () => {
    expect(tags({})).toEqual({ nofailover: false, noloadbalance: false, nosync: false });
  });

  it("keep a member that may not lead out of the synchronous ones too", () => {
    expect(tags({ member: { mayLead: false } })).toEqual({ nofailover: true, noloadbalance: false, nosync: true });
    expect(tags({ member: { takesReads: false } })).toEqual({ nofailover: false, noloadbalance: true, nosync: false });
  });

  it("of a delayed member forbid leading, reads and acknowledging", () => {
    expect(tags({ member: { delay: "1h" } })).toEqual({ nofailover: true, noloadbalance: true, nosync: true });
    expect(local("db-4", with4({ member: { delay: "1h" } })).postgresql.recovery_conf).toEqual({
      recovery_min_apply_delay: "1h",
    });
    expect(local("db-1", with4({ member: { delay: "1h" } })).postgresql.recovery_conf).toBeUndefined();
  });
});

describe("dynamic configuration", () => {
  const dynamic = (changes: Partial<ClusterInput> = {}) => dynamicConfiguration(planOf(changes));

  it("says durability in Patroni's words", () => {
    const words = (durability: ClusterInput["durability"]) => {
      const { synchronous_mode, synchronous_mode_strict, synchronous_node_count } = dynamic({ durability });
      return [synchronous_mode, synchronous_mode_strict, synchronous_node_count];
    };
    expect(words({ mode: "async" })).toEqual([false, false, 1]);
    expect(words({ mode: "sync" })).toEqual([true, false, 1]);
    expect(words({ mode: "sync", strict: true })).toEqual([true, true, 1]);
    expect(words({ mode: "quorum", standbys: 2 })).toEqual(["quorum", false, 2]);
    expect(words({ mode: "quorum" })).toEqual(["quorum", false, 1]);
  });

  it("keeps to Patroni's rule for its timings in every preset", () => {
    for (const recovery of ["fast", "normal", "patient", "wide"] as const) {
      const { ttl, loop_wait, retry_timeout } = dynamic({ recovery });
      expect(ttl).toBeGreaterThanOrEqual(20);
      expect(loop_wait + 2 * retry_timeout).toBeLessThanOrEqual(ttl);
    }
  });

  it("lets the declaration set parameters, and not those that the program lives by", () => {
    const { parameters } = dynamic({
      postgresql: { parameters: { ssl_min_protocol_version: "TLSv1.3", work_mem: "64MB" } },
    }).postgresql;
    expect(parameters).toMatchObject({
      ssl_min_protocol_version: "TLSv1.3",
      work_mem: "64MB",
      ssl: "on",
      wal_level: "logical",
    });
    expect(parameters.shared_preload_libraries).toContain("pg_stat_statements");
  });

  it("is what a new cluster begins with", () => {
    const bootstrap = parse(files("db-1").get(BOOTSTRAP) as string, { version: "1.1" }).bootstrap;
    expect(bootstrap.dcs).toEqual(dynamic());
  });
});

describe("pg_hba", () => {
  it("of a cluster with rules of its own", async () => {
    const hba: ClusterInput["hba"] = [
      { address: "10.9.0.0/16", user: "report" },
      { address: "all", method: "reject" },
    ];
    await expect(`${hbaRules(planOf({ hba })).join("\n")}\n`).toMatchFileSnapshot("golden/pg_hba.conf");
  });

  it("lets no user's rule come between members", () => {
    const hba: ClusterInput["hba"] = [{ type: "host", address: "all", method: "reject" }];
    const rules = hbaRules(planOf({ hba }));
    const users = rules.indexOf("host all all all reject");
    expect(users).toBe(rules.length - 2);
    for (const { address } of planOf().members)
      expect(rules.indexOf(`hostssl replication replicator ${address}/32 scram-sha-256`)).toBeLessThan(users);
  });

  it("admits other machines by TLS and scram alone, and keeps the roles of the cluster to their machines", () => {
    const rules = hbaRules(planOf()).map((rule) => rule.split(" "));
    const remote = rules.filter(([type, , , address]) => type !== "local" && !/^(127\.|::1)/.test(address as string));
    for (const rule of remote)
      expect([`${rule[0]} ${rule[4]}`, rule.join(" ")]).toEqual([
        rule[4] === "reject" ? "host reject" : "hostssl scram-sha-256",
        rule.join(" "),
      ]);
    const reject = remote.findIndex((rule) => rule[4] === "reject");
    expect(remote[reject]?.[2]?.split(",").sort()).toEqual(["pgbouncer", "postgres", "replicator", "rewind"]);
    for (const rule of remote.slice(0, reject)) expect(rule[3]).toMatch(/^10\.0\.0\.1[123]\/32$/);
    expect(remote.slice(0, reject).some((rule) => /(^|,)postgres(,|$)/.test(rule[2] as string))).toBe(false);
  });

  it("quotes what would end a token", () => {
    expect(hbaRules(planOf({ hba: [{ address: "all", user: 'a "b' }] }))).toContain(
      'hostssl all "a ""b" all scram-sha-256',
    );
  });
});

describe("roles", () => {
  it("are the same text for the same passwords, which it does not hold", () => {
    const sql = rolesSql(PASSWORDS, "shop");
    expect(sql).toBe(rolesSql({ ...PASSWORDS }, "shop"));
    expect(sql).not.toMatch(/secret-/);
    expect(sql.match(/PASSWORD 'SCRAM-SHA-256\$4096:[^']+'/g)).toHaveLength(5);
    expect(rolesSql({ ...PASSWORDS, admin: "another" }, "shop")).not.toBe(sql);
  });

  it("and their lookup", async () => {
    const sql = rolesSql(PASSWORDS, "shop").replace(/'SCRAM-SHA-256[^']+'/g, "'…'");
    await expect(sql + databaseSql()).toMatchFileSnapshot("golden/roles.sql");
  });
});
