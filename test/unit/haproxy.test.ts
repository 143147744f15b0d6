import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { haproxyBundle, haproxySecrets } from "../../components/services/haproxy";
import type { ClusterSecrets } from "../../components/services/types";
import type { ClusterInput, MachineInput } from "../../components/spec";
import { machineOf, member, planOf, THREE } from "./service-plans";

const CONFIG = "/etc/haproxy/haproxy.cfg";

function files(changes: Partial<ClusterInput> = {}): Map<string, string> {
  const plan = planOf(changes);
  const [pooler] = plan.poolers;
  if (pooler === undefined) throw new Error("no pooler");
  return new Map(haproxyBundle(plan, pooler).files.map(({ path, content }) => [path, content]));
}

/** Lines of one section, without indentation. */
function section(config: string, name: string): string[] {
  const from = config.split("\n").slice(config.split("\n").indexOf(`listen ${name}`) + 1);
  const end = from.findIndex((line) => !line.startsWith("  "));
  return from.slice(0, end).map((line) => line.trim());
}
const servers = (config: string, name: string) =>
  section(config, name)
    .filter((line) => line.startsWith("server "))
    .map((line) => line.split(" ")[1]);

const with4 = (changes: Partial<MachineInput>): Partial<ClusterInput> => ({
  machines: { ...THREE, "db-4": member("10.0.0.14", changes) },
  etcd: { voters: ["db-1", "db-2", "db-3"] },
});

describe("haproxy", () => {
  it("of a cluster of three", async () => {
    const all = files();
    await expect(all.get(CONFIG)).toMatchFileSnapshot("golden/haproxy.cfg");
    await expect(all.get("/etc/systemd/system/haproxy.service.d/pgkeel.conf")).toMatchFileSnapshot(
      "golden/haproxy-unit.conf",
    );
  });

  it("leads writes to every member that Patroni may make the leader, checked by name", () => {
    const config = files(with4({})).get(CONFIG) as string;
    expect(servers(config, "leader")).toEqual(["db-1", "db-2", "db-3", "db-4"]);
    for (const line of section(config, "leader").filter((text) => text.startsWith("server "))) {
      const [, key] = line.split(" ");
      expect(line).toContain(` check verifyhost shop-${key} check-sni shop-${key}`);
    }
    expect(config).toContain("verify required ca-file /etc/pgkeel/tls/haproxy/ca.crt");
    expect(config).not.toContain("verify none");
  });

  it.each([
    ["takes no reads", { member: { takesReads: false } }, ["db-1.leader", "db-2.leader", "db-3.leader", "db-4.leader"]],
    ["is delayed", { member: { delay: "1h" } }, ["db-1.leader", "db-2.leader", "db-3.leader"]],
  ])("leads no reads to a member that %s", (_, changes, fallback) => {
    const config = files(with4(changes)).get(CONFIG) as string;
    expect(servers(config, "replicas")).toEqual(["db-1", "db-2", "db-3", ...fallback]);
  });

  it("falls back to the leader only when no replica is fit, in the state that the leader route found", () => {
    const config = files(with4({ member: { mayLead: false } })).get(CONFIG) as string;
    expect(servers(config, "replicas")).toContain("db-4");
    expect(servers(config, "replicas")).not.toContain("db-4.leader");
    for (const line of section(config, "replicas").filter((text) => text.includes(".leader ")))
      expect(line).toMatch(/^server (db-\d)\.leader 10\.0\.0\.1\d:5432 track leader\/\1 backup$/);
  });

  it("serves a cluster of one", () => {
    const config = files({ machines: { "db-1": member("10.0.0.11") } }).get(CONFIG) as string;
    expect(servers(config, "leader")).toEqual(["db-1"]);
    expect(servers(config, "replicas")).toEqual(["db-1", "db-1.leader"]);
  });

  it("takes its timings from the recovery preset", () => {
    const timing = (recovery: ClusterInput["recovery"]) =>
      / inter (\d+)ms/.exec(files({ recovery }).get(CONFIG) as string);
    const [fast, wide] = [timing("fast"), timing("wide")].map((match) => Number(match?.[1]));
    expect(fast).toBeLessThan(wide as number);
    expect(files().get(CONFIG)).toMatch(/timeout check \d+ms/);
  });

  it("listens on the loopback address alone", () => {
    const binds = (files().get(CONFIG) as string).match(/bind .*/g);
    expect(binds).toEqual(["bind 127.0.0.1:5000", "bind 127.0.0.1:5001", "bind 127.0.0.1:7000"]);
  });

  it("gets the authority's certificate and no key", () => {
    const plan = planOf();
    const secrets = { caCertificate: "CA\n", passwords: {} } as ClusterSecrets;
    const given = haproxySecrets(plan, machineOf(plan, "db-1"), secrets, { certificate: "C\n", privateKey: "KEY\n" });
    expect(given.map(({ content }) => content)).toEqual(["CA\n"]);
  });
});

const hasPython = spawnSync("python3", ["--version"]).status === 0;

describe.skipIf(!hasPython)("haproxy-routes", () => {
  /** Runs `body` with the program loaded as `routes` and its paths below a directory of the test's own. */
  function python(config: string, body: string): { state: string; printed: string } {
    const directory = mkdtempSync(join(tmpdir(), "haproxy-routes-"));
    try {
      writeFileSync(join(directory, "haproxy.cfg"), config);
      const program = join(__dirname, "../../components/services/haproxy/haproxy-routes.py");
      const run = spawnSync(
        "python3",
        [
          "-c",
          [
            "import importlib.machinery, importlib.util, sys",
            "sys.dont_write_bytecode = True",
            `loader = importlib.machinery.SourceFileLoader("routes", ${JSON.stringify(program)})`,
            'routes = importlib.util.module_from_spec(importlib.util.spec_from_loader("routes", loader))',
            "loader.exec_module(routes)",
            `routes.CONFIG = ${JSON.stringify(join(directory, "haproxy.cfg"))}`,
            `routes.STATE_FILE = ${JSON.stringify(join(directory, "state"))}`,
            body,
          ].join("\n"),
        ],
        { encoding: "utf8" },
      );
      if (run.status !== 0) throw new Error(run.stderr);
      return { state: readFileSync(join(directory, "state"), "utf8"), printed: run.stdout };
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
  /** Proxy, server, address, operational state of each row. */
  const rows = (state: string) =>
    state
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((line) => line.split(" "))
      .map((row) => [row[1], row[3], row[4], row[5]].join(" "));

  it("lets HAProxy start with every server down", () => {
    const { state } = python(files().get(CONFIG) as string, "routes.write_states([])");
    expect(rows(state)).toHaveLength(9);
    expect(rows(state).every((row) => row.endsWith(" 0"))).toBe(true);
    expect(state.startsWith("1\n# be_id ")).toBe(true);
  });

  it("carries states over a reload, but not those of a server with a new address or of one that is gone", () => {
    const known = [
      ["leader", "db-1", "10.0.0.11", "2"],
      ["leader", "db-2", "10.0.0.99", "2"],
      ["leader", "db-9", "10.0.0.19", "2"],
      ["replicas", "db-3", "10.0.0.13", "3"],
    ].map(([proxy, server, address, operational]) => ({ proxy, server, address, operational }));
    const { state } = python(
      files().get(CONFIG) as string,
      [
        "known = []",
        `for given in ${JSON.stringify(known)}:`,
        '  row = dict.fromkeys(routes.STATE_COLUMNS, "7")',
        '  row |= {"be_name": given["proxy"], "srv_name": given["server"], "srv_addr": given["address"]}',
        '  known.append(row | {"srv_port": "5432", "srv_op_state": given["operational"]})',
        "routes.write_states(known)",
      ].join("\n"),
    );
    expect(rows(state)).toEqual([
      "leader db-1 10.0.0.11 2",
      "leader db-2 10.0.0.12 0",
      "leader db-3 10.0.0.13 0",
      "replicas db-1 10.0.0.11 0",
      "replicas db-2 10.0.0.12 0",
      "replicas db-3 10.0.0.13 3",
      // A server that tracks another one begins as that one does: HAProxy tells it of changes only.
      "replicas db-1.leader 10.0.0.11 2",
      "replicas db-2.leader 10.0.0.12 0",
      "replicas db-3.leader 10.0.0.13 0",
    ]);
  });
});
