import { describe, expect, it } from "vitest";
import { baseBundle } from "../../components/services/base";
import { CLIENT_PORT, METRICS_PORT, PEER_PORT } from "../../components/services/etcd";
import { LEADER_ROUTE, READ_ROUTE, STATISTICS_PORT } from "../../components/services/haproxy";
import { READ_ONLY, READ_WRITE } from "../../components/services/pgbouncer";
import type { ClusterInput } from "../../components/spec";
import { machineOf, member, planOf, THREE } from "./service-plans";

function files(key: string, changes: Partial<ClusterInput> = {}): Map<string, string> {
  const plan = planOf(changes);
  return new Map(baseBundle(plan, machineOf(plan, key)).files.map(({ path, content }) => [path, content]));
}
const listing = (all: Map<string, string>) => [...all].map(([path, content]) => `=== ${path}\n${content}`).join("");
const witness = member("10.0.0.14", { member: false });

describe("base", () => {
  it("of a machine that runs everything", async () => {
    await expect(listing(files("db-1"))).toMatchFileSnapshot("golden/base-member.txt");
  });

  it("of a machine that only votes", async () => {
    const all = files("db-4", { machines: { ...THREE, "db-4": witness }, etcd: { voters: ["db-2", "db-3", "db-4"] } });
    await expect(listing(all)).toMatchFileSnapshot("golden/base-voter.txt");
    expect(all.get("/etc/pgkeel/packages")).not.toMatch(/patroni|postgresql|haproxy/);
    expect(all.has("/etc/sysusers.d/pgkeel.conf")).toBe(false);
  });

  it("names every machine to every other, whatever the order of declaration", () => {
    const reversed = Object.fromEntries(Object.entries(THREE).reverse());
    const [one, other] = [files("db-2"), files("db-2", { machines: reversed })];
    expect(listing(one)).toBe(listing(other));
    for (const key of Object.keys(THREE)) expect(one.get("/etc/pgkeel/hosts")).toContain(` shop-${key} ${key}\n`);
  });

  it("pins a version in the package list and for apt, and nothing else", () => {
    const pinned = files("db-1", { software: { haproxy: "3.0.11-1+deb13u5" } });
    expect(pinned.get("/etc/pgkeel/packages")).toContain("\nhaproxy=3.0.11-1+deb13u5\n");
    expect(pinned.get("/etc/apt/preferences.d/pgkeel")).toBe(
      "Package: haproxy\nPin: version 3.0.11-1+deb13u5\nPin-Priority: 1001\n",
    );
    expect(files("db-1").has("/etc/apt/preferences.d/pgkeel")).toBe(false);
    expect(files("db-1").get("/etc/pgkeel/packages")).not.toContain("=");
  });

  it("accounts memory strictly only for members with room for it", () => {
    const sysctl = (memory: string) =>
      files("db-1", { machines: { "db-1": member("10.0.0.11", { size: { vcpu: 2, memory } }) } }).get(
        "/etc/sysctl.d/60-pgkeel.conf",
      );
    expect(sysctl("4GB")).toContain("vm.overcommit_memory = 2\n");
    expect(sysctl("3GB")).not.toContain("overcommit");
  });

  it("gives the reason of every kernel setting", () => {
    const lines = (files("db-1").get("/etc/sysctl.d/60-pgkeel.conf") as string).split("\n");
    const settings = lines.flatMap((line, index) => (line.includes(" = ") ? [index] : []));
    expect(settings.length).toBeGreaterThan(8);
    for (const index of settings) expect(lines[index - 1]).toMatch(/^# .{8,}/);
  });

  it("lends no outgoing connection a port that a service listens on", () => {
    const range = /ip_local_port_range = (\d+) /.exec(files("db-1").get("/etc/sysctl.d/60-pgkeel.conf") as string);
    const listening = [CLIENT_PORT, PEER_PORT, METRICS_PORT, LEADER_ROUTE.port, READ_ROUTE.port, STATISTICS_PORT];
    for (const port of [...listening, READ_WRITE.port, READ_ONLY.port, 5432, 8008])
      expect(port).toBeLessThan(Number(range?.[1]));
  });

  it("is read by sshd before cloud-init's settings, and lets no password in", () => {
    const path = [...files("db-1").keys()].find((name) => name.startsWith("/etc/ssh/sshd_config.d/")) as string;
    expect(path < "/etc/ssh/sshd_config.d/50-cloud-init.conf").toBe(true);
    expect(files("db-1").get(path)).toContain("PasswordAuthentication no\n");
    // Whether root may log in is the administrator's choice, not ours.
    expect(files("db-1").get(path)).not.toContain("PermitRootLogin");
  });
});
