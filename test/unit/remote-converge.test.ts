import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServiceFiles } from "../../components/operate/observation";
import { fingerprint, renderBundle, renderFiles } from "../../components/remote/bundle";
import type { ServiceFile } from "../../components/services/types";

const PROGRAM = join(__dirname, "../../components/remote/converge.sh");
/** Compares with what the program keeps. */
const COMPARISON = join(__dirname, "../../components/operate/machine/files.py");

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "converge-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const file = (path: string, content: string): ServiceFile => ({ path, owner: "root:root", mode: "0644", content });
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** A service whose script logs what it is asked and fails when the machine has a file that says so. */
const script = `#!/usr/bin/env bash
set -eu
step=$1; shift
case $step in
check) if grep -rq REFUSE "$1/etc"; then echo "line 1: REFUSE" >&2; exit 1; fi ;;
apply) echo "apply $*" >>"$PGKEEL_ROOT/log"; [ ! -e "$PGKEEL_ROOT/fail" ] ;;
esac
`;
const bundle = (...files: ServiceFile[]) => renderBundle({ service: "demo", files, script });

function converge(input: string, ...options: string[]) {
  return spawnSync("bash", [PROGRAM, "demo", ...options], {
    input,
    encoding: "utf8",
    env: { ...process.env, PGKEEL_ROOT: root },
  });
}

describe("converge", () => {
  it("moves files into place and applies what changed, once", () => {
    expect(converge(bundle(file("/etc/a", "1\n"), file("/etc/b", "\n2\n\n"))).status).toBe(0);
    expect(read("etc/a")).toBe("1\n");
    expect(read("etc/b")).toBe("\n2\n\n");
    converge(bundle(file("/etc/a", "1\n"), file("/etc/b", "\n2\n\n")));
    converge(bundle(file("/etc/a", "3\n"), file("/etc/b", "\n2\n\n")));
    expect(read("log").split("\n")).toEqual([
      "apply /etc/a /etc/b /usr/local/lib/pgkeel/services/demo",
      "apply ",
      "apply /etc/a",
      "",
    ]);
  });

  it("moves nothing when the check refuses a file, and says so", () => {
    converge(bundle(file("/etc/a", "1\n")));
    const refused = converge(bundle(file("/etc/a", "REFUSE\n"), file("/etc/b", "2\n")));
    expect(refused.status).toBe(65);
    expect(refused.stderr).toContain("line 1: REFUSE");
    expect(refused.stderr).toContain("nothing was changed");
    expect(read("etc/a")).toBe("1\n");
    expect(existsSync(join(root, "etc/b"))).toBe(false);
  });

  it("applies again what a failed apply left behind", () => {
    writeFileSync(join(root, "fail"), "");
    expect(converge(bundle(file("/etc/a", "1\n"))).status).not.toBe(0);
    rmSync(join(root, "fail"));
    expect(converge(bundle(file("/etc/a", "1\n"))).status).toBe(0);
    const applied = read("log").trim().split("\n");
    expect(applied).toHaveLength(2);
    expect(applied[1]).toBe(applied[0]);
  });

  it("removes files that the service no longer has, and none of another kind", () => {
    converge(renderFiles([file("/etc/key", "k\n")]), "--secrets");
    converge(bundle(file("/etc/a", "1\n"), file("/etc/b", "2\n")));
    converge(bundle(file("/etc/a", "1\n")));
    expect(existsSync(join(root, "etc/b"))).toBe(false);
    expect(existsSync(join(root, "etc/key"))).toBe(true);
    expect(read("log").trim().split("\n").at(-1)).toBe("apply /etc/b");
  });

  it("leaves the applying of secrets to the main call", () => {
    expect(converge(renderFiles([file("/etc/key", "k\n")]), "--secrets").status).toBe(0);
    expect(existsSync(join(root, "log"))).toBe(false);
    converge(bundle(file("/etc/a", "1\n")));
    expect(read("log")).toContain("/etc/key");
  });

  it("clears the stages of killed runs", () => {
    const stale = join(root, "var/lib/pgkeel/demo/stage.killed");
    mkdirSync(stale, { recursive: true });
    converge(bundle(file("/etc/a", "1\n")));
    expect(existsSync(stale)).toBe(false);
  });

  it("refuses a bundle that it cannot read", () => {
    expect(converge("").status).toBe(64);
    expect(converge("=== relative root:root 0644\n").status).toBe(64);
    expect(converge(renderFiles([file("/etc/a", "1\n")])).stderr).toContain("lacks the script");
  });
});

describe("what differs from the files that were given", () => {
  const files = [file("/etc/a", "1\n"), file("/etc/b", "\n2\n\n"), file("/etc/empty", "\n")];
  const look = () => {
    const text = `${readFileSync(COMPARISON, "utf8")}\nimport json, sys\nprint(json.dumps(deviations(sys.argv[1])))`;
    const { stdout, stderr } = spawnSync("python3", ["-IS", "-c", text, root], { encoding: "utf8" });
    expect(stderr).toBe("");
    return JSON.parse(stdout) as Record<string, ServiceFiles>;
  };
  const check = () => {
    const { demo } = look();
    if (demo === undefined) return undefined;
    const files = demo.deviating.map(({ path, how }) => `${path} ${how}`);
    return demo.state === "declared" ? files : [demo.state, ...files];
  };
  const write = (path: string, content: string) => writeFileSync(join(root, path), content);

  beforeEach(() => {
    converge(renderFiles([file("/etc/key", "k\n")]), "--secrets");
    converge(bundle(...files));
    rmSync(join(root, "log"));
  });

  it("finds nothing on a machine that is as it was left, and nothing of a service that it never had", () => {
    expect(check()).toEqual([]);
    rmSync(join(root, "var/lib/pgkeel/demo"), { recursive: true });
    expect(check()).toBeUndefined();
  });

  it.each([
    ["another word", () => write("etc/a", "2\n"), "/etc/a content"],
    ["a line more", () => write("etc/a", "1\n\n"), "/etc/a content"],
    ["a line less", () => write("etc/b", "\n2\n"), "/etc/b content"],
    ["no newline at the end", () => write("etc/a", "1"), "/etc/a content"],
    ["nothing in it", () => write("etc/empty", ""), "/etc/empty content"],
    ["another secret", () => write("etc/key", "K\n"), "/etc/key content"],
    ["another mode", () => chmodSync(join(root, "etc/a"), 0o600), "/etc/a mode"],
    ["no file", () => rmSync(join(root, "etc/b")), "/etc/b missing"],
    [
      "a link to what it should be",
      () => {
        write("etc/elsewhere", "1\n");
        rmSync(join(root, "etc/a"));
        symlinkSync(join(root, "etc/elsewhere"), join(root, "etc/a"));
      },
      "/etc/a content",
    ],
  ])("tells of %s, and puts it back with its check and its apply", (_, disturb, told) => {
    disturb();
    expect(check()).toEqual([told]);
    expect(converge("", "--again").status).toBe(0);
    expect(check()).toEqual([]);
    expect(read("etc/a") + read("etc/b") + read("etc/key")).toBe("1\n\n2\n\nk\n");
    expect(read("log")).toBe(`apply ${told.split(" ")[0]}\n`);
  });

  it("tells of what is in place and was not applied", () => {
    write("fail", "");
    write("etc/a", "2\n");
    expect(converge("", "--again").status).not.toBe(0);
    expect(check()).toEqual(["/etc/a unapplied"]);
    rmSync(join(root, "fail"));
    expect(converge("", "--again").status).toBe(0);
    expect(check()).toEqual([]);
  });

  it("keeps nothing of a bundle that was refused", () => {
    expect(converge(bundle(file("/etc/a", "REFUSE\n"))).status).toBe(65);
    expect(check()).toEqual([]);
  });

  it("does not wait for a run that is at work, nor judge what it has half done", async () => {
    rmSync(join(root, "etc/a"));
    const lock = join(root, "var/lib/pgkeel/demo/lock");
    const holder = spawn("flock", [lock, "sh", "-c", "echo held; cat"], { stdio: ["pipe", "pipe", "inherit"] });
    await once(holder.stdout, "data");
    expect(check()).toEqual(["busy"]);
    holder.stdin.end();
    await once(holder, "close");
    expect(check()).toEqual(["/etc/a missing"]);
  });

  it("keeps bundles for root only", () => {
    for (const kept of ["declared.main", "declared.secrets"])
      expect(statSync(join(root, "var/lib/pgkeel/demo", kept)).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, "var/lib/pgkeel/demo")).mode & 0o777).toBe(0o700);
  });

  it("refuses to restore what it never kept", () => {
    rmSync(join(root, "var/lib/pgkeel/demo"), { recursive: true });
    expect(converge("", "--again").status).toBe(66);
  });

  describe("after --passing", () => {
    const passing = bundle(file("/etc/a", "p\n"), file("/etc/b", "\n2\n\n"), file("/etc/more", "m\n"));
    beforeEach(() => {
      expect(converge(passing, "--passing").status).toBe(0);
      expect(read("log")).toBe("apply /etc/a /etc/empty /etc/more\n");
    });

    it("tells of the mark and of the difference to what was kept", () => {
      expect(read("etc/a")).toBe("p\n");
      expect(check()).toEqual(["passing", "/etc/a content", "/etc/empty missing"]);
    });

    it("takes everything back with --again", () => {
      expect(converge("", "--again").status).toBe(0);
      expect(check()).toEqual([]);
      expect(read("etc/a")).toBe("1\n");
      expect(existsSync(join(root, "etc/more"))).toBe(false);
    });

    it("ends with the next normal bundle, which is kept", () => {
      expect(converge(bundle(file("/etc/a", "n\n"))).status).toBe(0);
      expect(check()).toEqual([]);
      rmSync(join(root, "etc/a"));
      converge("", "--again");
      expect(read("etc/a")).toBe("n\n");
    });

    it("is set, and ends, even where the apply fails", () => {
      write("fail", "");
      expect(converge(bundle(...files)).status).not.toBe(0);
      expect(check()?.[0]).not.toBe("passing");
      expect(converge(passing, "--passing").status).not.toBe(0);
      expect(check()?.[0]).toBe("passing");
    });

    it("is not set by a bundle that was refused", () => {
      converge("", "--again");
      expect(converge(bundle(file("/etc/a", "REFUSE\n")), "--passing").status).toBe(65);
      expect(check()).toEqual([]);
    });
  });
});

describe("bundle", () => {
  it("does not depend on the order of files", () => {
    const a = file("/a", "1\n");
    const b = file("/b", "2\n");
    expect(bundle(a, b)).toBe(bundle(b, a));
  });

  it("refuses what the format cannot carry", () => {
    expect(() => renderFiles([file("/a", "=== /b root:root 0644\n")])).toThrow("marks a file");
    expect(() => renderFiles([file("/a", "no newline")])).toThrow("newline");
    expect(() => renderFiles([file("/with space", "\n")])).toThrow("absolute path");
  });

  it("changes with the secrets, and does not show them", () => {
    const secret = (content: string) => fingerprint([file("/key", `${content}\n`)]);
    expect(secret("one")).not.toBe(secret("two"));
    expect(renderBundle({ service: "demo", files: [], script }, secret("one"))).not.toContain("one\n");
  });
});

describe("what a machine knows as declared", () => {
  it("is kept, and put back with --again", () => {
    converge(renderFiles([file("/etc/key", "secret\n")]), "--secrets");
    converge(bundle(file("/etc/a", "1\n")));
    writeFileSync(join(root, "etc/a"), "by hand\n");
    rmSync(join(root, "etc/key"));
    expect(converge("", "--again").status).toBe(0);
    expect([read("etc/a"), read("etc/key")]).toEqual(["1\n", "secret\n"]);
    expect(read("log").trim().split("\n").at(-1)).toBe("apply /etc/a /etc/key");
  });

  it("stays what it was while other files are passing", () => {
    const state = "var/lib/pgkeel/demo";
    converge(bundle(file("/etc/a", "1\n")));
    expect(converge(bundle(file("/etc/a", "2\n")), "--passing").status).toBe(0);
    expect([read("etc/a"), existsSync(join(root, state, "passing"))]).toEqual(["2\n", true]);
    expect(converge("", "--again").status).toBe(0);
    expect([read("etc/a"), existsSync(join(root, state, "passing"))]).toEqual(["1\n", false]);
  });
});
