/** What somebody changes by hand on a living cluster: a preview names it, and an update puts it back while clients write. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClusterInput, equalMembers } from "../../components/spec";
import { createLedgerTable, Load, storedWrites } from "./harness/clients";
import { TestCluster } from "./harness/cluster";
import { judge, longestPause } from "./harness/verdict";
import { type CliResult, Workspace } from "./harness/workspace";

const DECLARATION: ClusterInput = {
  name: "t-drift",
  platform: { kind: "lab", network: "198.18.0.0/28" },
  postgresql: { profile: "small" },
  durability: { mode: "quorum" },
  recovery: "fast",
  machines: equalMembers(3, { size: { vcpu: 1, memory: "1GB" }, disks: { data: { size: "1GB" } } }),
};
const ETCDCTL = "/usr/local/lib/pgkeel/etcdctl";
const STRANGER = "198.18.0.14";

let workspace: Workspace;
let cluster: TestCluster;
/** Who leads, who of the replicas loses its Patroni, and whose files are changed. */
let [leader, halted, edited] = ["", "", ""];

beforeAll(async () => {
  workspace = await Workspace.open(DECLARATION);
  await workspace.up();
  cluster = new TestCluster(await workspace.outputs());
  const { leader: first, replicas } = await cluster.settled(60);
  [leader, halted, edited] = [first, ...replicas] as [string, string, string];
  await createLedgerTable(cluster.target);
});
afterAll(async () => {
  cluster?.close();
  await workspace?.remove();
});

const altered = (key: string) =>
  cluster.psql(key, "SELECT name FROM pg_file_settings WHERE sourcefile LIKE '%/postgresql.auto.conf' ORDER BY name");
const patroni = `curl -sf --cacert /etc/pgkeel/tls/patroni/ca.crt --config /etc/pgkeel/patroni/api.curl`;

describe("changes by hand", () => {
  it("are none on a cluster that was left alone", async () => {
    await workspace.preview("--refresh", "--expect-no-changes");
  });

  it("show in `preview --refresh`: Patroni's configuration field by field, everything in words", async () => {
    await cluster.run(
      leader,
      `${patroni} -X PATCH -d '{"loop_wait": 3, "postgresql": {"parameters": {"random_page_cost": 3}}}' https://127.0.0.1:8008/config`,
    );
    for (const [name, value] of [
      ["work_mem", "64MB"],
      ["max_connections", "33"],
    ])
      await cluster.psql(leader, `ALTER SYSTEM SET ${name} = '${value}'`);
    await cluster.psql(leader, "SELECT pg_reload_conf()");
    await cluster.run(edited, "echo '# by hand' >>/etc/haproxy/haproxy.cfg; chmod 0600 /etc/pgbouncer/rw.ini");
    await cluster.run(edited, "rm /etc/pgkeel/tls/haproxy/ca.crt");
    await cluster.run(edited, "systemctl stop pgbouncer-rw@2; systemctl disable --quiet pgbouncer.target", 30_000);
    await cluster.run(halted, "SYSTEMCTL_SKIP_SYSV=1 systemctl disable --now --quiet patroni", 60_000);
    await cluster.run(leader, `${ETCDCTL} member add ghost --peer-urls=https://${STRANGER}:2380 --learner`);

    const { output } = await workspace.preview("--refresh", "--diff");
    for (const sign of [
      /~ loop_wait +: 5 => 3/,
      /~ loop_wait +: 3 => 5/,
      /~ random_page_cost +: 3 => "1\.1"/,
      /loop_wait 3 => 5, random_page_cost 3 => 1\.1/,
      `${leader}: max_connections was set to 33 by ALTER SYSTEM; it is reset to 100; work_mem was set to 64MB by ALTER SYSTEM; it is reset to 4MB`,
      `${edited}: /etc/haproxy/haproxy.cfg was changed by hand, /etc/pgkeel/tls/haproxy/ca.crt was removed by hand; they are put back, HAProxy reloads`,
      `${edited}: /etc/pgbouncer/rw.ini got another owner or mode by hand; it is put back; pgbouncer.target was disabled by hand; it is enabled; pgbouncer-rw@2 was stopped by hand; it is started again`,
      `${halted}: patroni was stopped and disabled by hand; it is enabled and started`,
      `${STRANGER}, a member of etcd that nobody declares, is taken out`,
      "writes go on throughout",
    ])
      expect(unwrapped(output)).toMatch(typeof sign === "string" ? new RegExp(literal(sign)) : sign);
  });

  it("are put back by `up` while clients write: none of their writes is lost, and none of them gets an error", async () => {
    const load = Load.start(cluster.target, "drift", { writers: 4, readers: 2 });
    let done: CliResult;
    const began = performance.now();
    try {
      done = await workspace.up();
      await cluster.settled(60);
    } finally {
      await load.stop();
    }
    const { writes, readErrors } = load.ledger;
    const verdict = judge(writes, await storedWrites(cluster.target, load.run));
    console.log(
      `up ${done.seconds.toFixed(1)} s; ${verdict.acknowledged} writes, longest pause ${(longestPause(writes, began, performance.now()).length / 1000).toFixed(2)} s`,
    );
    expect(verdict.acknowledged).toBeGreaterThan(100);
    expect(verdict.lost).toEqual([]);
    expect(verdict.foreign).toEqual([]);
    expect(verdict.conflicts).toEqual([]);
    expect([...verdict.errors, ...readErrors]).toEqual([]);

    expect(await cluster.leader(), "the leader stays").toBe(leader);
    expect(await altered(leader)).toBe("");
    expect(await cluster.psql(leader, "SHOW work_mem")).toBe("4MB");
    const config = JSON.parse(await cluster.run(leader, `${patroni} https://127.0.0.1:8008/config`));
    expect([config.loop_wait, config.postgresql.parameters.random_page_cost]).toEqual([5, "1.1"]);
    expect(await cluster.run(edited, "grep -c 'by hand' /etc/haproxy/haproxy.cfg || true")).toBe("0\n");
    expect(await cluster.run(edited, "stat -c %04a /etc/pgbouncer/rw.ini /etc/pgkeel/tls/haproxy/ca.crt")).toMatch(
      /^0644\n0\d{3}\n$/,
    );
    const units = "pgbouncer.target pgbouncer-rw@2";
    expect(await cluster.run(edited, `systemctl is-active ${units}; systemctl is-enabled pgbouncer.target`)).toBe(
      "active\nactive\nenabled\n",
    );
    expect(await cluster.run(halted, "systemctl is-active patroni; systemctl is-enabled patroni")).toBe(
      "active\nenabled\n",
    );
    expect(await cluster.run(leader, `${ETCDCTL} member list`)).not.toContain(STRANGER);
  });

  it("are none afterwards", async () => {
    await workspace.up("--expect-no-changes");
    await workspace.preview("--refresh", "--expect-no-changes");
  });

  it("are refused where nobody could answer for it: a member that nobody declares", async () => {
    const key = (name: string) => `/pgkeel/${DECLARATION.name}/members/${name}`;
    await cluster.run(leader, `${ETCDCTL} put ${key("ghost")} "$(${ETCDCTL} get --print-value-only ${key(halted)})"`);
    const refused = await workspace.start("preview").finished;
    expect(refused.code).not.toBe(0);
    expect(unwrapped(refused.output)).toMatch(
      /ghost is a member of the cluster, and nobody declares it.*stop Patroni on it/,
    );
    await cluster.run(leader, `${ETCDCTL} del ${key("ghost")}`);
  });
});

/** The plan's lines as they were before they were broken to fit a screen. */
function unwrapped(output: string): string {
  return output.replace(/\n +/g, " ");
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
