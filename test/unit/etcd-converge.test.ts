import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderEnvironment } from "../../components/render/shell";

/**
 * What a voter without data does, by what the others tell it. The script is the real one; etcd, systemd and curl are
 * stand-ins, so that this proves the decision and not that etcd then does as it is told (the lab does).
 */
const SCRIPT = join(__dirname, "../../components/services/etcd/converge.sh");
const VOTERS = { "db-1": "127.0.0.2", "db-2": "127.0.0.3", "db-3": "127.0.0.4" };
/** Here something listens on etcd's port that is none of ours: as good as no answer. */
const STRANGER = "127.0.0.9";

let root: string;
const at = (path: string) => join(root, path);
function put(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
  chmodSync(at(path), mode);
}
const stub = (path: string, body: string) => put(path, `#!/usr/bin/env bash\n${body}\n`, 0o755);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "etcd-"));
  stub(
    "bin/systemctl",
    `case "$*" in
"is-active etcd") [ -e ${at("running")} ] && echo active || { echo inactive; exit 3; } ;;
"show -P NeedDaemonReload etcd") echo no ;;
"show -P NRestarts etcd") echo 0 ;;
"restart --no-block etcd") touch ${at("running")} ;;
esac`,
  );
  stub("bin/install", `mkdir -p "\${@: -1}"`);
  // Members as told by the voter at an address; without such a file nobody listens there.
  stub(
    "bin/curl",
    `url=\${@: -1}; host=\${url#https://}; host=\${host%%:*}
case $url in
*/members) cat ${at("members")}.$host 2>/dev/null || exit 7 ;;
*/health) echo '{"health":"true","reason":""}' ;;
esac`,
  );
  stub(
    "usr/local/lib/pgkeel/etcdctl",
    '[ "$PGKEEL_AS" = patroni ] || { echo "Error: etcdserver: user name is empty"; exit 1; }',
  );
  mkdirSync(at("var/lib/pgkeel"), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function apply(self: keyof typeof VOTERS, addresses: Record<string, string> = VOTERS) {
  put(
    "etc/pgkeel/etcd/founding.env",
    renderEnvironment({
      PGKEEL_SELF: self,
      PGKEEL_SELF_ADDRESS: addresses[self] as string,
      PGKEEL_VOTERS: Object.entries(addresses)
        .map(([key, address]) => `${key}=${address}`)
        .join(" "),
      PGKEEL_PATRONI_PREFIX: "/pgkeel/shop/",
    }),
  );
  const run = spawnSync("bash", [SCRIPT, "apply"], {
    encoding: "utf8",
    env: { PATH: `${at("bin")}:${process.env.PATH}`, PGKEEL_ROOT: root, PGKEEL_PEERS_SECONDS: "0" },
  });
  const join = at("var/lib/pgkeel/etcd-join.env");
  return {
    started: existsSync(at("running")),
    status: run.status,
    says: run.stderr,
    joins: existsSync(join) ? readFileSync(join, "utf8") : undefined,
  };
}

interface Told {
  readonly key?: string;
  readonly address: string;
  /** Ran once: has said where clients reach it. */
  readonly ran: boolean;
  readonly learner?: boolean;
}
/** As etcd's peer port tells it. */
const tell = (by: string, members: readonly Told[]) =>
  put(
    `members.${by}`,
    JSON.stringify(
      members.map(({ key, address, ran, learner }, id) => ({
        id,
        peerURLs: [`https://${address}:2380`],
        ...(key === undefined ? {} : { name: key }),
        ...(ran ? { clientURLs: [`https://${address}:2379`] } : {}),
        ...(learner === true ? { isLearner: true } : {}),
      })),
    ),
  );
const all = (ran: readonly string[]) =>
  Object.entries(VOTERS).map(([key, address]) => ({ key, address, ran: ran.includes(key) }));

describe("a voter without data", () => {
  it("founds, as the first of the plan, when every other machine is there and none runs etcd", () => {
    expect(apply("db-1")).toMatchObject({ status: 0, started: true, joins: undefined });
  });

  it("does not found while another voter does not answer as one of ours", async () => {
    const stranger = createServer().listen(2380, STRANGER);
    await new Promise((listening) => stranger.once("listening", listening));
    const result = apply("db-1", { ...VOTERS, "db-3": STRANGER });
    expect(result).toMatchObject({ status: 1, started: false });
    expect(result.says).toContain("no answer on port 2380 from: db-3");
    await new Promise((closed) => stranger.close(closed));
  });

  it("waits for the first voter, and never begins without it", () => {
    const result = apply("db-2");
    expect(result).toMatchObject({ status: 1, started: false });
    expect(result.says).toContain("etcd does not start on db-1");
  });

  it("founds with the first voter once that one is up", () => {
    tell(VOTERS["db-1"], all([]));
    expect(apply("db-2")).toMatchObject({ status: 0, started: true, joins: undefined });
  });

  it("joins a cluster that the others formed and that expects it", () => {
    tell(VOTERS["db-3"], all(["db-1", "db-3"]));
    expect(apply("db-2").joins).toBe(
      'ETCD_INITIAL_CLUSTER_STATE="existing"\n' +
        'ETCD_INITIAL_CLUSTER="db-1=https://127.0.0.2:2380,db-2=https://127.0.0.3:2380,db-3=https://127.0.0.4:2380"\n',
    );
  });

  it("joins by its own name where it was added without one", () => {
    tell(VOTERS["db-1"], [...all(["db-1", "db-3"]).filter(({ ran }) => ran), { address: VOTERS["db-2"], ran: false }]);
    expect(apply("db-2").joins).toContain("db-3=https://127.0.0.4:2380,db-2=https://127.0.0.3:2380");
  });

  it("starts nothing beside a cluster that does not know it, be it the first voter itself", () => {
    tell(
      VOTERS["db-2"],
      all(["db-2", "db-3"]).filter(({ ran }) => ran),
    );
    for (const self of ["db-1", "db-3"] as const) {
      if (self === "db-3")
        tell(
          VOTERS["db-2"],
          all(["db-2"]).filter(({ ran }) => ran),
        );
      const result = apply(self);
      expect(result).toMatchObject({ status: 1, started: false, joins: undefined });
      expect(result.says).toContain(`does not know ${self}`);
    }
  });

  it("does not come back under the name of a voter that had data", () => {
    tell(VOTERS["db-1"], all(["db-1", "db-2", "db-3"]));
    const result = apply("db-3");
    expect(result).toMatchObject({ status: 1, started: false });
    expect(result.says).toContain("remove that member and add it again");
  });
});

describe("a voter with data", () => {
  const data = "var/lib/etcd/pgkeel/member";
  beforeEach(() => {
    mkdirSync(at(data), { recursive: true });
  });
  const others = [
    { key: "db-1", address: VOTERS["db-1"], ran: true },
    { key: "db-3", address: VOTERS["db-3"], ran: true },
  ];

  it("starts with it, also while nobody else is there", () => {
    expect(apply("db-2", { ...VOTERS, "db-1": STRANGER })).toMatchObject({
      status: 0,
      started: true,
      joins: undefined,
    });
    expect(existsSync(at(data))).toBe(true);
  });

  it("of a membership that has ended begins anew, as the learner that the others have added", () => {
    tell(VOTERS["db-1"], [...others, { address: VOTERS["db-2"], ran: false, learner: true }]);
    expect(apply("db-2")).toMatchObject({ status: 0, started: true });
    expect(existsSync(at(data))).toBe(false);
  });

  it("keeps it where the others know it: as a voter, or as a learner that has been up", () => {
    for (const me of [
      { key: "db-2", address: VOTERS["db-2"], ran: false },
      { key: "db-2", address: VOTERS["db-2"], ran: true, learner: true },
    ]) {
      tell(VOTERS["db-1"], [...others, me]);
      expect(apply("db-2")).toMatchObject({ status: 0, joins: undefined });
      expect(existsSync(at(data))).toBe(true);
    }
  });
});
