import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { isStale, locks } from "../../toolchain/stack/stale-lock";
import { summary, withoutPassword } from "../../toolchain/stack/summary";

describe("locks that a run has left", () => {
  const lock = { file: "", pid: process.pid, hostname: os.hostname(), timestamp: new Date().toISOString() };

  it("are stale when their process is gone or is a younger one of the same number, on this host only", () => {
    expect(isStale(lock)).toBe(false);
    expect(isStale({ ...lock, pid: 2 ** 22 + 1 })).toBe(true);
    expect(isStale({ ...lock, timestamp: "2020-01-01T00:00:00Z" })).toBe(true);
    expect(isStale({ ...lock, hostname: "elsewhere", pid: 2 ** 22 + 1 })).toBe(false);
  });

  it("are read from a backend of files only", () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pgkeel-locks-"));
    const place = path.join(directory, ".pulumi/locks/organization/pgkeel/lab");
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, "one.json"), JSON.stringify({ pid: 1, hostname: "h", timestamp: "t" }));
    expect(locks("pgkeel", "lab", `file://${directory}`)).toEqual([
      { file: path.join(place, "one.json"), pid: 1, hostname: "h", timestamp: "t" },
    ]);
    expect(locks("pgkeel", "dev", `file://${directory}`)).toEqual([]);
    expect(locks("pgkeel", "lab", "s3://bucket")).toEqual([]);
    fs.rmSync(directory, { recursive: true });
  });
});

describe("what npm run lab prints at its end", () => {
  const uri = "postgresql://admin:pa%2Fss@198.18.0.11:6432,198.18.0.12:6432/app?sslmode=verify-full";
  const endpoint = { hosts: ["198.18.0.11", "198.18.0.12"], port: 6432, database: "app", connectionString: uri };
  const outputs = {
    members: [
      { key: "db-1", address: "198.18.0.11", zone: "a" },
      { key: "db-12", address: "198.18.0.12", zone: "b" },
    ],
    readWrite: endpoint,
  };

  it("names members, endpoints and a connection string that works", () => {
    expect(summary(outputs, { changed: true, seconds: 12.34, started: 0, showPassword: true })).toBe(
      `
Done in 12.3 s.

Members
  db-1   198.18.0.11  a
  db-12  198.18.0.12  b

Read-write: 198.18.0.11, 198.18.0.12 port 6432
  psql '${uri}'
`,
    );
  });

  it("says when nothing has changed, and hides the password where it would be kept", () => {
    const text = summary(outputs, { changed: false, seconds: 3, started: 0, showPassword: false });
    expect(text).toContain("No changes (3.0 s).");
    expect(text).not.toContain("pa%2Fss");
    expect(withoutPassword(uri)).toBe(uri.replace("pa%2Fss", "***"));
  });
});
