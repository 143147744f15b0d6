import { describe, expect, it } from "vitest";
import { etcdBundle, etcdSecrets } from "../../components/services/etcd";
import type { ClusterSecrets } from "../../components/services/types";
import type { ClusterInput } from "../../components/spec";
import { machineOf, member, planOf, THREE } from "./service-plans";

const PASSWORDS = {
  superuser: "secret-superuser",
  replication: "secret-replication",
  rewind: "secret-rewind",
  admin: "secret-admin",
  pgbouncer: "secret-pgbouncer",
  patroniApi: "secret-api",
  etcdRoot: "secret-root",
  etcdPatroni: "secret-patroni",
};
const SECRETS: ClusterSecrets = { caCertificate: "CA\n", passwords: PASSWORDS };
const IDENTITY = { certificate: "CERTIFICATE\n", privateKey: "secret-key\n" };

function files(key: string, changes: Partial<ClusterInput> = {}): Map<string, string> {
  const plan = planOf(changes);
  return new Map(etcdBundle(plan, machineOf(plan, key)).files.map(({ path, content }) => [path, content]));
}
const listing = (all: Map<string, string>) => [...all].map(([path, content]) => `=== ${path}\n${content}`).join("");

describe("etcd", () => {
  it("of a voter among three", async () => {
    await expect(listing(files("db-1"))).toMatchFileSnapshot("golden/etcd.txt");
  });

  it("demands certificates and never takes one for a user", () => {
    const settings = files("db-1").get("/etc/pgkeel/etcd/etcd.env") as string;
    expect(settings).toContain('ETCD_TRUSTED_CA_FILE="/etc/pgkeel/tls/etcd/ca.crt"\n');
    expect(settings).toContain('ETCD_CLIENT_CERT_AUTH="false"\n');
    expect(settings).toContain('ETCD_PEER_CLIENT_CERT_AUTH="true"\n');
    expect(settings.match(/http:[^",]*/g)).toEqual(["http://127.0.0.1:2381"]);
  });

  it("restarts nobody for a new voter elsewhere: only what a founder reads changes", () => {
    const five = {
      machines: { ...THREE, "db-4": member("10.0.0.14"), "db-5": member("10.0.0.15") },
      etcd: { voters: ["db-1", "db-2", "db-3", "db-4", "db-5"] },
    };
    const [before, after] = [files("db-1"), files("db-1", five)];
    const changed = [...after].filter(([path, content]) => before.get(path) !== content).map(([path]) => path);
    expect(changed).toEqual(["/etc/pgkeel/etcd/founding.env"]);
  });

  it("founds with the same list everywhere, whatever the order of declaration", () => {
    const founding = (key: string, machines = THREE) =>
      (files(key, { machines }).get("/etc/pgkeel/etcd/founding.env") as string)
        .split("\n")
        .filter((line) => /INITIAL_CLUSTER|VOTERS|PREFIX/.test(line));
    const reversed = Object.fromEntries(Object.entries(THREE).reverse());
    expect(founding("db-2")).toEqual(founding("db-1"));
    expect(founding("db-3", reversed)).toEqual(founding("db-1"));
  });

  it("keeps keys and passwords in files that only their user reads", () => {
    const plan = planOf();
    const machine = machineOf(plan, "db-1");
    for (const { path, content } of etcdBundle(plan, machine).files)
      for (const secret of [...Object.values(PASSWORDS), IDENTITY.privateKey])
        expect(content, path).not.toContain(secret);
    const secrets = etcdSecrets(plan, machine, SECRETS, IDENTITY);
    const holding = secrets.filter(({ content }) => /secret-/.test(content));
    expect(holding.map(({ path, owner, mode }) => `${path} ${owner} ${mode}`)).toEqual([
      "/etc/pgkeel/tls/etcd/machine.key etcd:etcd 0600",
      "/etc/pgkeel/etcd/credentials.env root:root 0600",
    ]);
    const told = secrets.map(({ content }) => content).join("");
    expect(told.match(/secret-[a-z]+/g)?.sort()).toEqual(["secret-key", "secret-patroni", "secret-root"]);
  });

  it("limits Patroni's user to the cluster's own prefix", () => {
    expect(files("db-1").get("/etc/pgkeel/etcd/founding.env")).toContain('PGKEEL_PATRONI_PREFIX="/pgkeel/shop/"\n');
  });
});
