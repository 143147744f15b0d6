/**
 * What must not work, tried: logins without TLS, with a wrong password or against a wrong authority, past the poolers, without certificates;
 * and secrets, looked for wherever others could read them.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuthority } from "../../components/secrets/certificates";
import type { TestCluster } from "./harness/cluster";
import { plainSecrets } from "./harness/secrets";
import { sharedCluster } from "./harness/shared";
import type { Outputs, Workspace } from "./harness/workspace";

let workspace: Workspace;
let cluster: TestCluster;
let outputs: Outputs;
let directory: string;
let ca: string;
let foreignCa: string;
/** Any machine, and what is known of the cluster. */
let host: string;
let leader: string;

beforeAll(async () => {
  ({ workspace, cluster } = await sharedCluster());
  outputs = await workspace.outputs();
  ({ leader } = await cluster.settled(60));
  host = cluster.address(leader);
  directory = mkdtempSync(join(tmpdir(), "pgkeel-security-"));
  const keep = (name: string, pem: string) => {
    const file = join(directory, name);
    writeFileSync(file, pem);
    return file;
  };
  ca = keep("ca.crt", outputs.caCertificate);
  foreignCa = keep("foreign.crt", (await foreignAuthority()).certificate);
});

afterAll(() => {
  cluster?.close();
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});

function foreignAuthority() {
  return createAuthority("foreign", 1, new Date());
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** psql as a user has it, without settings of this host's user. */
function psql(connection: string, statement: string, env: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const options = { timeout: 20_000, env: { PATH: process.env.PATH, HOME: directory, LC_ALL: "C", ...env } };
    execFile(
      "psql",
      ["-X", "-Atq", "-v", "ON_ERROR_STOP=1", connection, "-c", statement],
      options,
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
}

/** A login by its parts; what is left out is right. */
function login(
  parts: Partial<
    Record<"host" | "port" | "user" | "password" | "dbname" | "sslmode" | "sslrootcert" | "hostaddr", string>
  >,
) {
  const all = {
    host,
    port: "6432",
    user: "admin",
    password: outputs.adminPassword,
    dbname: "app",
    sslmode: "verify-full",
    sslrootcert: ca,
    connect_timeout: "5",
    ...parts,
  };
  return psql(
    Object.entries(all)
      .map(([name, value]) => `${name}='${value}'`)
      .join(" "),
    "SELECT 1",
  );
}

describe("the connection strings", () => {
  it("readWrite works in psql as it is, over TLS, and leads to the leader", async () => {
    const { connectionString } = outputs.readWrite;
    expect(await psql(connectionString, "SELECT pg_is_in_recovery(), current_user")).toMatchObject({
      stdout: "f|admin\n",
    });
    expect((await psql(connectionString, "\\conninfo")).stdout).toMatch(/SSL connection \(protocol: TLSv1\.[23]/);
  });

  it("readOnly works in psql as it is, and refuses to write", async () => {
    const { connectionString } = outputs.readOnly;
    expect(await psql(connectionString, "SELECT current_user")).toMatchObject({ stdout: "admin\n" });
    expect((await psql(connectionString, "CREATE TABLE forbidden ()")).stderr).toContain("read-only transaction");
  });

  it("name every pooler, so that the loss of one does not matter", async () => {
    for (const { connectionString, hosts } of [outputs.readWrite, outputs.readOnly]) {
      expect(hosts).toHaveLength(3);
      for (const address of hosts) expect(connectionString).toContain(address);
    }
  });
});

describe("the poolers", () => {
  it("let in who has everything right", async () => {
    expect(await login({})).toMatchObject({ code: 0, stdout: "1\n" });
  });

  it.each(["6432", "6433"])("refuse a login without TLS on port %s", async (port) => {
    const { code, stderr } = await login({ port, sslmode: "disable" });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/SSL required/);
  });

  it.each(["6432", "6433"])("refuse a wrong password on port %s", async (port) => {
    const { code, stderr } = await login({ port, password: `${outputs.adminPassword}x` });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/authentication failed/);
  });

  it("refuse a role that does not exist", async () => {
    const { code, stderr } = await login({ user: "nobody" });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no such user/);
  });

  it("do not pass for a server of another authority", async () => {
    const { code, stderr } = await login({ sslrootcert: foreignCa });
    expect(code).not.toBe(0);
    expect(stderr).toContain("certificate verify failed");
  });

  it("do not pass for a server of another name", async () => {
    const { code, stderr } = await login({ host: "elsewhere.example", hostaddr: host });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/does not match host name/);
  });

  it("let nobody change them over TCP, and show their pools to the DBA", async () => {
    const console = (user: string, password: string, statement: string) =>
      psql(
        `host=${host} port=6432 dbname=pgbouncer user=${user} sslmode=verify-full sslrootcert=${ca} connect_timeout=5`,
        statement,
        { PGPASSWORD: password },
      );
    expect((await console("admin", outputs.adminPassword, "SHOW POOLS")).stdout).toContain("pgbouncer");
    expect((await console("admin", outputs.adminPassword, "PAUSE")).stderr).toMatch(/admin access needed/);
    const { superuserPassword } = outputs.access.secrets;
    expect((await console("postgres", superuserPassword, "SHOW POOLS")).stderr).toMatch(/not allowed|no such user/);
  });

  it("do not lead a superuser from outside to the database", async () => {
    const { code, stderr } = await login({ user: "postgres", password: outputs.access.secrets.superuserPassword });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no such user/);
  });
});

describe("PostgreSQL itself", () => {
  it("refuses this host without TLS", async () => {
    const { code, stderr } = await login({ port: "5432", sslmode: "disable" });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no pg_hba\.conf entry|rejects connection/);
  });

  it.each(["postgres", "replicator", "rewind"])(
    "refuses %s from outside the cluster, right password or not",
    async (user) => {
      const { code, stderr } = await login({ port: "5432", user, password: outputs.access.secrets.superuserPassword });
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/no pg_hba\.conf entry|rejects connection/);
    },
  );

  it("keeps passwords as scram-sha-256 alone", async () => {
    const query =
      "SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'";
    expect(await cluster.psql(leader, query)).toBe("0");
    expect(await cluster.psql(leader, "SELECT count(*) > 3 FROM pg_authid WHERE rolpassword LIKE 'SCRAM%'")).toBe("t");
  });
});

/** Status of an answer of Patroni's REST API, over TLS with its certificate verified. */
function rest(method: string, path: string, auth?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host, port: 8008, method, path, ca: outputs.caCertificate, ...(auth && { auth }), timeout: 5000 };
    const call = request(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on("error", reject);
    call.end(method === "GET" ? undefined : "{}");
  });
}

describe("Patroni's REST API", () => {
  it("changes nothing without its password, or with another one", async () => {
    expect(await rest("GET", "/patroni")).toBe(200);
    for (const [method, path] of [
      ["PATCH", "/config"],
      ["PUT", "/config"],
      ["POST", "/restart"],
      ["POST", "/switchover"],
      ["POST", "/failover"],
      ["POST", "/reinitialize"],
      ["POST", "/reload"],
    ] as const) {
      expect(await rest(method, path), `${method} ${path}`).toBe(401);
      expect(await rest(method, path, `patroni:${outputs.adminPassword}`), `${method} ${path}`).toBe(401);
    }
    // The same call with the right password is let in: what was refused above was the password.
    expect(await rest("POST", "/reload", `patroni:${outputs.access.secrets.patroniApiPassword}`)).toBe(202);
  });

  it("does not answer without TLS", async () => {
    expect(await spoken(8008)).not.toContain("HTTP/1");
  });

  it("does not pass for a server of another authority", async () => {
    await expect(shakeHands(8008, { ca: readFileSync(foreignCa, "utf8") })).rejects.toThrow(/certificate/);
  });
});

/** What a port answers to plain HTTP. */
function spoken(port: number): Promise<string> {
  return new Promise((resolve) => {
    let heard = "";
    const socket = connectPlain({ host, port, timeout: 5000 });
    socket.on("data", (data) => {
      heard += data.toString("latin1");
    });
    for (const end of ["close", "error", "timeout"] as const)
      socket.on(end, () => {
        socket.destroy();
        resolve(heard);
      });
    socket.write("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  });
}

/** A TLS handshake and one request. Resolves with what came back; rejects as TLS does. A server that wants a certificate tells with its first answer. */
function shakeHands(port: number, options: { ca: string; cert?: string; key?: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connectTls({ host, port, timeout: 5000, ALPNProtocols: ["http/1.1"], ...options });
    socket.on("secureConnect", () => socket.write("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    socket.on("data", (data) => {
      heard += data.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("timeout", () => reject(new Error("no answer")));
    socket.on("close", () => resolve(heard));
  });
}

describe("etcd", () => {
  it("answers clients with a certificate of the cluster, and none without one", async () => {
    const file = (name: string) => cluster.run(leader, `cat /etc/pgkeel/tls/etcd/${name}`);
    const own = { ca: outputs.caCertificate, cert: await file("machine.crt"), key: await file("machine.key") };
    expect(await shakeHands(2379, own)).toContain('"etcdserver"');
    await expect(shakeHands(2379, { ca: outputs.caCertificate })).rejects.toThrow(/alert|reset|certificate/);
    expect(await spoken(2379)).not.toContain('"etcdserver"');
    // Among voters a certificate counts only from the address that it names.
    expect(await shakeHands(2380, own)).toBe("");
    await expect(shakeHands(2380, { ca: outputs.caCertificate })).rejects.toThrow(/alert|reset|certificate/);
    expect(await spoken(2380)).not.toContain('"etcdserver"');
  });

  it("does not take a certificate of another authority", async () => {
    const foreign = await foreignAuthority();
    const pair = { cert: foreign.certificate, key: foreign.privateKey };
    await expect(shakeHands(2379, { ca: outputs.caCertificate, ...pair })).rejects.toThrow(/alert|reset|certificate/);
  });

  const etcdctl = (user: string, words: string) =>
    cluster.exec(leader, `PGKEEL_AS=${user} /usr/local/lib/pgkeel/etcdctl ${words}`);

  it("gives nothing to a certificate without a password", async () => {
    const { code, stderr } = await etcdctl("nobody", "get --prefix /");
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/user name is empty|permission denied/);
  });

  it("keeps Patroni's user to the cluster's own keys", async () => {
    const own = `/pgkeel/${workspace.cluster}/`;
    expect((await etcdctl("patroni", `get --prefix --keys-only ${own}`)).stdout).toContain(`${own}leader`);
    for (const words of [
      "get --prefix /",
      "get /pgkeel/other/leader",
      "put /pgkeel/other/leader x",
      "user list",
      "member list",
    ]) {
      const { code, stderr } = await etcdctl("patroni", words);
      if (words === "member list") continue;
      expect(code, words).not.toBe(0);
      expect(stderr, words).toContain("permission denied");
    }
  });
});

describe("secrets", () => {
  let secrets: string[];
  beforeAll(async () => {
    secrets = plainSecrets(await workspace.export("--show-secrets"));
    // Eight passwords, the login key, the authority's key and one for each machine.
    expect(secrets.length).toBeGreaterThanOrEqual(13);
    expect(secrets).toContain(outputs.adminPassword);
    for (const secret of secrets) expect(secret.length).toBeGreaterThanOrEqual(16);
  });

  const found = (text: string) => secrets.filter((secret) => text.includes(secret)).length;

  it("are in the state encrypted only", async () => {
    expect(found(await workspace.export())).toBe(0);
  });

  it("are not in what the CLI has printed", () => {
    const logs = join(workspace.directory, "logs");
    const texts = readdirSync(logs).map((file) => readFileSync(join(logs, file), "utf8"));
    expect(texts.join("").length).toBeGreaterThan(1000);
    expect(found(texts.join("\n"))).toBe(0);
  });

  /** Files of a machine that hold a secret and that this user can read. */
  async function filesWithSecrets(key: string, user: string): Promise<string[]> {
    // The secrets travel by standard input and environment: an argument would show them to the very search for arguments.
    const search =
      "find /etc /var /run /tmp /root /home /srv /opt /usr/local -type f -size -20M -readable -print0 2>/dev/null" +
      ' | xargs -0 grep -lsaF -f <(printf "%s" "$SECRETS") || true';
    const command = `SECRETS=$(cat) runuser -u ${user} -- bash -c '${search.replaceAll("'", "'\\''")}'`;
    const { stdout } = await cluster.exec(key, command, secrets.join("\n"), 60_000);
    return stdout.split("\n").filter(Boolean);
  }

  it("are on no machine in a file that others can read", async () => {
    for (const key of cluster.keys) {
      expect((await filesWithSecrets(key, "root")).length, "the search itself").toBeGreaterThan(3);
      expect(await filesWithSecrets(key, "nobody"), key).toEqual([]);
    }
  });

  it("are in no log of a machine", async () => {
    for (const key of cluster.keys) {
      const logs = "journalctl --no-pager --quiet; cat /var/log/postgresql/* /var/log/*.log 2>/dev/null || true";
      const text = await cluster.run(key, logs, 60_000);
      expect(text.length).toBeGreaterThan(1000);
      expect(found(text), key).toBe(0);
    }
  });

  it("are in no argument of a running process", async () => {
    for (const key of cluster.keys) {
      const text = await cluster.run(key, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '");
      expect(text).toContain("patroni");
      expect(found(text), key).toBe(0);
    }
  });

  it("are readable on the machines by their own service's user alone", async () => {
    for (const key of cluster.keys) {
      const modes = await cluster.run(
        key,
        "find /etc/pgkeel /etc/pgbouncer /etc/patroni -type f -printf '%m %u %p\\n'",
      );
      const keys = modes.split("\n").filter((line) => line.endsWith(".key"));
      expect(keys.length).toBeGreaterThanOrEqual(3);
      for (const line of keys) expect(line).toMatch(/^(600|640|400|440) /);
    }
  });
});
