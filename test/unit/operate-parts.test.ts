import { describe, expect, it } from "vitest";
import { parseAccess } from "../../components/operate/access";
import { parseCommand } from "../../components/operate/cli";
import { ownerIs, ownerState, thisOwner } from "../../components/operate/conductor";
import { bounded } from "../../components/operate/errors";
import { parseMember } from "../../components/operate/etcd";
import { obstacles } from "../../components/operate/preflight";
import { reinitObstacle } from "../../components/operate/reinit";
import { valuesInForce } from "../../components/operate/reload";
import { restartObstacle } from "../../components/operate/restart";
import { every, fine, hopeless, notYet, until } from "../../components/operate/wait";
import { access, lag, scene, seen } from "./operate-fixture";

describe("the access document", () => {
  it("survives JSON", () => {
    expect(parseAccess(JSON.stringify(access()))).toEqual(access());
  });

  it("is refused with every wrong field and no secret value", () => {
    const wrong = {
      ...access(),
      cluster: "",
      ssh: { user: "root", port: "22", login: { kind: "key", privateKey: 7 } },
    };
    const attempt = () => parseAccess({ ...wrong, secrets: { superuserPassword: "geheim" } });
    expect(attempt).toThrow(/access\.cluster[\s\S]*access\.ssh\.port[\s\S]*access\.secrets\.patroniApiPassword/);
    expect(attempt).not.toThrow(/geheim/);
    expect(() => parseAccess("{")).toThrow(/not JSON/);
  });
});

describe("bounded waiting", () => {
  it("returns what was seen when it is good, and tells each new reason once", async () => {
    let n = 0;
    const told: string[] = [];
    const result = await until(
      async () => ++n,
      (k) => (k < 5 ? notYet(k < 3 ? "one" : "two") : fine),
      { what: "five", timeoutMs: 5000, everyMs: 1, onReason: (why) => told.push(why) },
    );
    expect([result, told]).toEqual([5, ["one", "two"]]);
  });

  it("ends at its limit with the last reason, and at once when it is hopeless", async () => {
    const look = async () => 1;
    const late = until(look, () => notYet("db-2 is away"), { what: "whole", timeoutMs: 30, everyMs: 5 });
    await expect(late).rejects.toThrow(/whole: waiting.*db-2 is away/);
    const begin = Date.now();
    const lost = until(look, () => hopeless("it is gone"), { what: "whole", timeoutMs: 60_000 });
    await expect(lost).rejects.toThrow("it is gone");
    expect(Date.now() - begin).toBeLessThan(1000);
  });

  it("ends when it is told to", async () => {
    const stop = new AbortController();
    stop.abort(new Error("stopped"));
    const wait = until(
      async () => 1,
      () => notYet("x"),
      { what: "y", timeoutMs: 60_000, signal: stop.signal },
    );
    await expect(wait).rejects.toThrow("stopped");
  });

  it("joins the reasons of all that is not good", () => {
    expect(every([fine, notYet("a"), notYet("b")])).toEqual({ ok: false, why: "a; b", hopeless: false });
    expect(every([notYet("a"), hopeless("b")])).toMatchObject({ hopeless: true });
    expect(every([])).toEqual(fine);
  });

  it("a bound calls what stops the work", async () => {
    let aborted = false;
    const never = new Promise<never>(() => undefined);
    const limited = bounded(
      never,
      10,
      () => new Error("late"),
      () => {
        aborted = true;
      },
    );
    await expect(limited).rejects.toThrow("late");
    expect(aborted).toBe(true);
  });
});

describe("the owner of the conductor's lock", () => {
  const owner = { host: "here", pid: 7, started: "100", since: "x" };

  it("is alive only as the same process", () => {
    expect(ownerIs(owner, "here", () => "100")).toBe("alive");
    expect(ownerIs(owner, "here", () => "101")).toBe("dead"); // its number was given to another
    expect(ownerIs(owner, "here", () => undefined)).toBe("dead");
    expect(ownerIs(owner, "elsewhere", () => undefined)).toBe("unknown");
  });

  it("this process is alive", () => {
    expect(ownerState(thisOwner("now"))).toBe("alive");
    expect(ownerState({ ...thisOwner("now"), pid: 2 ** 22 + 1 })).toBe("dead");
  });
});

describe("etcdctl's list of members", () => {
  it("is read with learners, and with members that never started", () => {
    const url = "https://198.18.0.10:2380";
    expect(parseMember(`8e9e05c52164694d, started, db-1, ${url}, https://198.18.0.10:2379, false`)).toEqual({
      id: "8e9e05c52164694d",
      key: "db-1",
      peerUrls: [url],
      learner: false,
    });
    expect(parseMember(`a, unstarted, , ${url}, , true`)).toEqual({ id: "a", key: "", peerUrls: [url], learner: true });
  });
});

describe("what forbids planned work", () => {
  it("nothing, on a whole cluster", () => {
    const observation = seen(scene());
    expect(obstacles(observation)).toEqual([]);
    expect(restartObstacle(observation, "db-2")).toBeUndefined();
    expect(reinitObstacle(observation, "db-2")).toBeUndefined();
  });

  it("a switchover: no leader, maintenance mode, etcd without majority, mute poolers", () => {
    const broken = scene();
    for (const report of broken.reports.values()) {
      if (report.cluster) report.cluster = { ...report.cluster, pause: true };
      if (report.etcdHealth) report.etcdHealth = { ...report.etcdHealth, healthy: false };
      report.pooler = {
        processes: [{ process: "rw-1", state: "unreachable", clients: 0, waiting: 0, longestWaitMs: 0, servers: 0 }],
        resumesAt: null,
      };
    }
    const reasons = obstacles(seen(broken)).join("\n");
    expect(reasons).toContain("maintenance mode");
    expect(reasons).toContain("0 of 3 etcd voters");
    for (const key of ["db-1", "db-2", "db-3"]) expect(reasons).toContain(`PgBouncer rw-1 of ${key}`);
    const leaderless = scene(["db-1", "db-2"]);
    for (const report of leaderless.reports.values()) {
      if (!report.cluster) continue;
      report.cluster = { ...report.cluster, members: report.cluster.members.map((m) => ({ ...m, role: "replica" })) };
    }
    expect(obstacles(seen(leaderless))).toEqual(["no leader is known"]);
  });

  it("a restart: while another member is away or behind", () => {
    const behind = seen(lag(scene(), "db-3", 1024 ** 3));
    expect(restartObstacle(behind, "db-2")).toContain("db-3 is 1.0 GB behind");
    expect(restartObstacle(behind, "db-3")).toBeUndefined();
    expect(restartObstacle(behind, "db-9")).toContain("no member");
  });

  it("seeding anew: of the leader, or without one", () => {
    expect(reinitObstacle(seen(scene()), "db-1")).toContain("is the leader");
    const gone = scene();
    gone.unreachable.set("db-1", "gone");
    expect(reinitObstacle(seen(gone), "db-2")).toContain("db-1 does not answer");
  });

  it("values count as in force only where every member shows them", () => {
    const from = scene();
    for (const [key, report] of from.reports) {
      if (!report.postgresql) continue;
      report.postgresql.settings = [
        {
          name: "work_mem",
          setting: key === "db-3" ? "4096" : "8192",
          unit: "kB",
          type: "integer",
          context: "user",
          source: "configuration file",
          altered: false,
          pendingRestart: false,
        },
      ];
    }
    expect(valuesInForce(seen(from), ["db-1", "db-2"], { work_mem: "8192" })).toEqual(fine);
    expect(valuesInForce(seen(from), ["db-1", "db-3"], { work_mem: "8192" })).toMatchObject({
      why: "work_mem of db-3 is 4096, not 8192",
    });
  });
});

describe("the command line", () => {
  it("is read", () => {
    expect(parseCommand(["switchover", "--to", "db-2", "-s", "lab"])).toMatchObject({
      command: "switchover",
      to: "db-2",
      stack: "lab",
    });
    expect(parseCommand(["restart", "db-1", "--in-place"])).toMatchObject({ member: "db-1", inPlace: true });
    expect(parseCommand(["status", "--json"])).toMatchObject({ json: true, stack: undefined });
  });

  it.each([
    [[], "a command is missing"],
    [["drop"], 'no command "drop"'],
    [["restart"], "needs a member"],
    [["switchover", "db-2"], '"db-2" is too much'],
    [["reinit", "db-2"], "add --yes"],
    [["pause", "--for", "900"], "3 to 50 seconds"],
    [["status", "--wat"], "--wat"],
  ])("%j is refused: %s", (argv, words) => {
    expect(() => parseCommand(argv)).toThrow(words);
  });
});
