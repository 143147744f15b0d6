/** SSH as live work uses it, against a real SSH server in this process. */
import { type AddressInfo, createServer, type Server as TcpServer } from "node:net";
import { Server, type ServerChannel, utils } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterAccess } from "../../components/operate/access";
import { SshPool, withSsh } from "../../components/operate/ssh";

const host = utils.generateKeyPairSync("ed25519");
const other = utils.generateKeyPairSync("ed25519");
const client = utils.generateKeyPairSync("ed25519");
/** What the server does with a command: a program in miniature. */
const programs: Record<string, (channel: ServerChannel) => void> = {
  quick: (channel) => {
    // Output, status and end in one go: all of it may arrive before the caller looks.
    channel.write("out\n");
    channel.stderr.write("err\n");
    channel.exit(3);
    channel.end();
  },
  cat: (channel) => {
    channel.on("data", (data: Buffer) => channel.write(data));
    channel.on("end", () => {
      channel.exit(0);
      channel.end();
    });
  },
  hang: () => undefined,
  killed: (channel) => {
    channel.exit("KILL");
    channel.end();
  },
  drop: () => server.dropAll(),
};

class TestServer {
  readonly commands: string[] = [];
  logins = 0;
  private readonly connections = new Set<{ end(): void }>();
  private readonly server = new Server({ hostKeys: [host.private] }, (connection) => {
    this.connections.add(connection);
    connection.on("error", () => undefined);
    connection.on("close", () => this.connections.delete(connection));
    connection.on("authentication", (attempt) => {
      const known = utils.parseKey(client.public);
      if (attempt.method !== "publickey" || known instanceof Error) return attempt.reject(["publickey"]);
      if (!attempt.key.data.equals(known.getPublicSSH())) return attempt.reject();
      return attempt.accept();
    });
    connection.on("ready", () => {
      this.logins++;
      connection.on("session", (accept) => {
        accept().on("exec", (acceptExec, _reject, { command }) => {
          this.commands.push(command);
          (programs[command.split(" ").at(-1) as string] ?? programs.quick)?.(acceptExec());
        });
      });
      connection.on("tcpip", (accept, reject, { destPort }) => {
        if (destPort === 1) return reject();
        const stream = accept();
        stream.write(`to ${destPort}`);
        return stream.end();
      });
    });
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return (this.server.address() as AddressInfo).port;
  }

  dropAll(): void {
    for (const connection of this.connections) connection.end();
  }

  close(): void {
    this.dropAll();
    this.server.close();
  }
}

const server = new TestServer();
let port = 0;
beforeAll(async () => {
  port = await server.listen();
});
afterAll(() => server.close());

function access(change: { hostKey?: string; port?: number; privateKey?: string; user?: string } = {}): ClusterAccess {
  return {
    cluster: "shop",
    machines: [
      {
        key: "db-1",
        hostname: "shop-db-1",
        address: "127.0.0.1",
        zone: "a",
        roles: ["postgresql"],
        hostKey: change.hostKey ?? host.public,
      },
    ],
    ssh: {
      user: change.user ?? "root",
      port: change.port ?? port,
      login: { kind: "key", privateKey: change.privateKey ?? client.private },
    },
    secrets: { superuserPassword: "", patroniApiPassword: "", caCertificate: "" },
  };
}

describe("commands over SSH", () => {
  it("give status, output and errors, also when all of it comes at once, many times", async () => {
    await withSsh(access(), async (pool) => {
      for (let i = 0; i < 100; i++) {
        const result = await pool.machine("db-1").exec("quick");
        expect(result).toEqual({ code: 3, stdout: "out\n", stderr: "err\n" });
      }
    });
  });

  it("pass standard input and see its end", async () => {
    const stdin = "x".repeat(3_000_000); // more than one window
    const result = await withSsh(access(), (pool) => pool.machine("db-1").exec("cat", { stdin }));
    expect(result.code).toBe(0);
    expect(result.stdout.length).toBe(stdin.length);
  });

  it("that fail say where, which step, and the program's last words", async () => {
    const run = withSsh(access(), (pool) => pool.machine("db-1").run("quick", { step: "asking" }));
    await expect(run).rejects.toThrow("db-1: asking: exit status 3: err");
  });

  it("that a signal ends have no status 0", async () => {
    const result = await withSsh(access(), (pool) => pool.machine("db-1").exec("killed"));
    expect(result.code).not.toBe(0);
  });

  it("are given up at their limit", async () => {
    const begin = Date.now();
    const run = withSsh(access(), (pool) => pool.machine("db-1").exec("hang", { timeoutMs: 200, step: "hanging" }));
    await expect(run).rejects.toThrow("db-1: hanging: not done within 0.2 s");
    expect(Date.now() - begin).toBeLessThan(2000);
  });

  it("go through sudo for another user than root", async () => {
    await withSsh(access({ user: "dba" }), (pool) => pool.machine("db-1").exec("echo 'a b'; quick"));
    expect(server.commands.at(-1)).toBe(`sudo -n -- sh -c 'echo '\\''a b'\\''; quick'`);
  });
});

describe("connections", () => {
  it("are shared by commands, and made anew after they broke", async () => {
    const before = server.logins;
    await withSsh(access(), async (pool) => {
      const machine = pool.machine("db-1");
      await Promise.all([machine.exec("quick"), machine.exec("quick"), machine.exec("quick")]);
      expect(server.logins).toBe(before + 1);
      await machine.exec("drop").catch(() => undefined);
      expect((await machine.exec("quick")).code).toBe(3);
      expect(server.logins).toBe(before + 2);
    });
  });

  it("are refused to a server with another host key, and nothing is sent there", async () => {
    const sent = server.commands.length;
    const run = withSsh(access({ hostKey: other.public }), (pool) => pool.machine("db-1").exec("quick"));
    await expect(run).rejects.toThrow(/another host key than the known one/);
    expect(server.commands.length).toBe(sent);
  });

  it("with a key that the machine does not accept say so", async () => {
    const run = withSsh(access({ privateKey: other.private }), (pool) => pool.machine("db-1").exec("quick"));
    await expect(run).rejects.toThrow(/login was refused.*user root accepts the configured private key/);
  });

  it("to nobody and to someone who never speaks end within the limit", async () => {
    const mute: TcpServer = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const mutePort = (mute.address() as AddressInfo).port;
    const begin = Date.now();
    const limit = { connectTimeoutMs: 300 };
    const silent = withSsh(access({ port: mutePort }), (pool) => pool.machine("db-1").exec("quick"), limit);
    await expect(silent).rejects.toThrow(/db-1: connecting to 127.0.0.1:[0-9]+ over SSH/);
    const refused = withSsh(access({ port: 1 }), (pool) => pool.machine("db-1").exec("quick"), limit);
    await expect(refused).rejects.toThrow(/ECONNREFUSED.*powered on/);
    expect(Date.now() - begin).toBeLessThan(3000);
    mute.close();
  });

  it("cannot be used after the pool was closed, and unknown machines are named", async () => {
    const pool = new SshPool(access());
    expect(() => pool.machine("db-9")).toThrow(/"db-9" is not part of cluster shop; its machines are: db-1/);
    const machine = pool.machine("db-1");
    await machine.exec("quick");
    pool.close();
    await expect(machine.exec("quick")).rejects.toThrow();
  });
});

describe("streams and open programs", () => {
  it("reach a port of the machine, and a refusal is an error", async () => {
    await withSsh(access(), async (pool) => {
      const stream = await pool.machine("db-1").forward("127.0.0.1", 8008);
      const text = await new Promise<string>((resolve) => stream.once("data", (data) => resolve(String(data))));
      expect(text).toBe("to 8008");
      await expect(pool.machine("db-1").forward("127.0.0.1", 1)).rejects.toThrow(
        /db-1: opening a stream to 127.0.0.1:1/,
      );
    });
  });

  it("answer line by line, time out, and end with a reason", async () => {
    await withSsh(access(), async (pool) => {
      const session = await pool.machine("db-1").open("cat", "talking");
      session.send("one");
      session.send("two");
      expect([await session.next(1000, "talking"), await session.next(1000, "talking")]).toEqual(["one", "two"]);
      await expect(session.next(100, "waiting")).rejects.toThrow("db-1: waiting: no answer within 0.1 s");
      session.close();
      const ended = await pool.machine("db-1").open("quick", "talking");
      expect(await ended.next(1000, "talking")).toBe("out");
      await expect(ended.next(1000, "talking")).rejects.toThrow(/the program ended: err/);
    });
  });
});
