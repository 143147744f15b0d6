import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { secret, UNKNOWN } from "../../toolchain/standins/command/property-values";
import { Plugin } from "./harness/plugin";
import { freePort } from "./harness/sshd";

const ssh = inject("ssh");
const base = { host: "127.0.0.1", port: ssh.port, user: "root", dialErrorLimit: 0, perDialTimeout: 5 };
const connection = { ...base, privateKey: ssh.privateKey, hostKey: ssh.hostKeys.ed25519 };

let plugin: Plugin;
beforeAll(async () => {
  plugin = await Plugin.start();
});
afterAll(() => plugin.stop());

async function run(create: string, more: object = {}) {
  return (await plugin.create("remote:Command", { connection, create, ...more })).state;
}

describe("remote.Command", () => {
  it("runs the command with its standard input, and keeps what it printed without the last line break", async () => {
    const state = await run("cat; echo to-stderr >&2", { stdin: "first\nsecond\n" });
    expect(state.stdout).toBe("first\nsecond");
    expect(state.stderr).toBe("to-stderr");
  });

  it("carries standard input of a megabyte and any characters unchanged", async () => {
    const stdin = `${"äöü€ 𝄞 'quoted' $HOME `tick` \\ \0 \r\n".repeat(20_000)}end`;
    const { createHash } = await import("node:crypto");
    const state = await run("sha256sum | cut -d' ' -f1", { stdin });
    expect(state.stdout).toBe(createHash("sha256").update(stdin).digest("hex"));
  });

  it("names how the command ended, the command and its output when it fails, and neither input nor key", async () => {
    const failure = run("echo out; echo reason >&2; exit 7", { stdin: "the-hidden-input" });
    await expect(failure).rejects.toThrow(/^Process exited with status 7: running "echo out; .*":\nout\nreason\n$/s);
    const message = await failure.catch((error: Error) => error.message);
    expect(message).not.toContain("the-hidden-input");
    expect(message).not.toContain(ssh.privateKey.slice(60, 90));
  });

  it("tells a command that a signal ended from one that failed", async () => {
    await expect(run("kill -TERM $$")).rejects.toThrow(/signal TERM|status 143/);
  });

  it("runs nothing when only delete is given, and delete at the end with the former output in reach", async () => {
    const state = await run("echo made", { delete: "echo gone:$PULUMI_COMMAND_STDOUT > /tmp/deleted" });
    await plugin.delete("remote:Command", state);
    expect((await run("cat /tmp/deleted")).stdout).toBe("gone:made");
    const nothing = await plugin.create("remote:Command", { connection, delete: "true" });
    expect(nothing.state).toMatchObject({ stdout: "", stderr: "" });
  });

  it("updates by update, or by create without one, with the former output unless that is switched off", async () => {
    const old = await run("echo one");
    const inputs = { connection, create: "echo again:$PULUMI_COMMAND_STDOUT" };
    expect((await plugin.update("remote:Command", old, inputs)).stdout).toBe("again:one");
    const updating = { ...inputs, update: "echo updated:$PULUMI_COMMAND_STDOUT" };
    expect((await plugin.update("remote:Command", old, updating)).stdout).toBe("updated:one");
    const without = { ...updating, addPreviousOutputInEnv: false };
    expect((await plugin.update("remote:Command", old, without)).stdout).toBe("updated:");
  });

  it("sets variables that the server accepts, and says so when it does not", async () => {
    expect((await run("echo $GREETING", { environment: { GREETING: "hello" } })).stdout).toBe("hello");
    await expect(run("true", { environment: { REFUSED: "x" } })).rejects.toThrow(
      /could not set environment variable "REFUSED".*AcceptEnv/s,
    );
    const old = await run("echo to-stderr >&2");
    await plugin.update("remote:Command", old, { connection, create: "true" });
    expect(plugin.log.at(-1)).toMatchObject({
      ephemeral: false,
      message: expect.stringContaining("PULUMI_COMMAND_STDERR"),
    });
  });

  it.each([
    ["stdoutAndStderr", ["one", "two"]],
    ["stdout", ["one"]],
    ["stderr", ["two"]],
    ["none", []],
  ])("with logging %s shows %j", async (logging, shown) => {
    const before = plugin.log.length;
    const state = await run("echo one; sleep 0.1; echo two >&2", { logging });
    expect(plugin.shown.slice(before)).toEqual(shown);
    expect(plugin.log.slice(before).every(({ ephemeral }) => ephemeral)).toBe(true);
    expect(state).toMatchObject({ stdout: "one", stderr: "two" });
  });

  it("previews without running, with outputs unknown", async () => {
    const { id, state } = await plugin.create(
      "remote:Command",
      { connection, create: "touch /tmp/previewed" },
      { preview: true, name: "named" },
    );
    expect(id).toMatch(/^named[0-9a-f]{8}$/);
    expect(state).toMatchObject({ stdout: UNKNOWN, stderr: UNKNOWN });
    await expect(run("test -e /tmp/previewed")).rejects.toThrow("status 1");
  });

  it("keeps inputs as they came, secrets as secrets, and hides output when the command is a secret", async () => {
    const hidden = secret("echo visible");
    const { state } = await plugin.create("remote:Command", {
      connection: secret(connection),
      create: hidden,
      stdin: secret("x"),
    });
    expect(state.connection).toEqual(secret(connection));
    expect(state.create).toEqual(hidden);
    expect(state.stdout).toEqual(secret("visible"));
    expect((await run("echo plain", { stdin: secret("x") })).stdout).toBe("plain");
  });
});

describe("SSH", () => {
  const login = (more: object, create = "whoami") =>
    plugin.create("remote:Command", { connection: { ...base, ...more }, create }).then(({ state }) => state.stdout);

  it("admits by key, by protected key, by password", async () => {
    await expect(login({ privateKey: ssh.privateKey })).resolves.toBe("root");
    await expect(login({ privateKey: ssh.protectedKey, privateKeyPassword: ssh.passphrase })).resolves.toBe("root");
    await expect(login({ password: ssh.password })).resolves.toBe("root");
  });

  it("admits by an agent, named or from the environment", async () => {
    const socket = path.join(ssh.directory, "agent");
    const agent = execFileSync("ssh-agent", ["-a", socket], { encoding: "utf8" });
    const pid = Number(/AGENT_PID=(\d+)/.exec(agent)?.[1]);
    const other = await Plugin.start({ SSH_AUTH_SOCK: socket });
    try {
      execFileSync("ssh-add", ["-q", path.join(ssh.directory, "key")], {
        env: { ...process.env, SSH_AUTH_SOCK: socket },
        stdio: "ignore",
      });
      await expect(login({ agentSocketPath: socket })).resolves.toBe("root");
      const made = await other.create("remote:Command", { connection: base, create: "whoami" });
      expect(made.state.stdout).toBe("root");
    } finally {
      other.stop();
      process.kill(pid);
    }
  });

  it("refuses a server with another key than hostKey says, whichever of its keys that names", async () => {
    const key = { privateKey: ssh.privateKey };
    await expect(login({ ...key, hostKey: ssh.hostKeys.ed25519 })).resolves.toBe("root");
    await expect(login({ ...key, hostKey: ssh.hostKeys.ecdsa })).resolves.toBe("root");
    const foreign = fs.readFileSync(path.join(ssh.directory, "key.pub"), "utf8");
    await expect(login({ ...key, hostKey: foreign })).rejects.toThrow(/[Hh]ost.*denied|verification/);
    await expect(login({ ...key, hostKey: "not a key" })).rejects.toThrow(/connection.hostKey.*cannot be read/);
  });

  it("says that a key cannot be read, without showing it", async () => {
    const broken = ssh.privateKey.replace("OPENSSH", "BROKEN");
    const failure = await login({ privateKey: broken }).catch((error: Error) => error.message);
    expect(failure).toMatch(/connection.privateKey for 127.0.0.1 cannot be read/);
    expect(failure).not.toContain(ssh.privateKey.slice(60, 90));
    await expect(login({ privateKey: ssh.protectedKey })).rejects.toThrow(/privateKeyPassword/);
  });

  it("reaches a machine through a bastion", async () => {
    const proxy = { ...base, privateKey: ssh.privateKey, hostKey: ssh.hostKeys.ecdsa };
    await expect(login({ privateKey: ssh.privateKey, proxy })).resolves.toBe("root");
    const wrong = { ...base, password: "wrong" };
    await expect(login({ privateKey: ssh.privateKey, proxy: wrong })).rejects.toThrow(/^proxy: no SSH connection/);
  });

  it("tries as often as dialErrorLimit allows, and shows that it does", async () => {
    const before = plugin.log.length;
    const unused = await freePort();
    const failure = login({ port: unused, privateKey: ssh.privateKey, dialErrorLimit: 2 });
    await expect(failure).rejects.toThrow(`no SSH connection to 127.0.0.1 port ${unused} after 2 failed attempts`);
    expect(plugin.shown.slice(before)).toEqual(["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"]);
  });

  it("gives up an attempt after perDialTimeout", async () => {
    const net = await import("node:net");
    const silent = net.createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const started = Date.now();
    await expect(login({ port, privateKey: ssh.privateKey, perDialTimeout: 1 })).rejects.toThrow(/Timed out/);
    expect(Date.now() - started).toBeLessThan(3000);
    silent.close();
  });

  it("logs in once for many commands on the same machine, more at a time than sshd allows sessions", async () => {
    const logins = () => fs.readFileSync(ssh.log, "utf8").split("Accepted publickey").length;
    const before = logins();
    const shared = { ...base, privateKey: ssh.privateKey, perDialTimeout: 7 };
    const runs = Array.from({ length: 24 }, (_, index) =>
      plugin.create("remote:Command", { connection: shared, create: `sleep 0.3; echo ${index}` }),
    );
    const states = await Promise.all(runs);
    expect(states.map(({ state }) => state.stdout)).toEqual(Array.from({ length: 24 }, (_, index) => `${index}`));
    expect(logins() - before).toBe(3);
  });

  it("ends commands when the run is cancelled", async () => {
    const other = await Plugin.start();
    try {
      const command = "trap 'touch /tmp/terminated; exit 1' TERM; sleep 30 & wait";
      const running = other.create("remote:Command", { connection, create: command });
      const outcome = expect(running).rejects.toThrow(/cancelled: running/);
      await new Promise((resolve) => setTimeout(resolve, 700));
      const started = Date.now();
      await other.cancel();
      await outcome;
      expect(Date.now() - started).toBeLessThan(4000);
      expect((await run("test -e /tmp/terminated && echo yes")).stdout).toBe("yes");
    } finally {
      other.stop();
    }
  });
});
