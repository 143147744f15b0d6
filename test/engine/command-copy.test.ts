import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { Plugin } from "./harness/plugin";

const ssh = inject("ssh");
const connection = { host: "127.0.0.1", port: ssh.port, user: "root", privateKey: ssh.privateKey, dialErrorLimit: 0 };
const mark = "4dabf18193072939515e22adb298388d";
const file = (from: string) => ({ [mark]: "c44067f5952c0a294b673a41bacd8c17", path: from, hash: from });
const text = (content: string) => ({ [mark]: "c44067f5952c0a294b673a41bacd8c17", text: content, hash: content });
const archive = (from: string) => ({ [mark]: "0def7320c3a5731c473e5ecbe6d01bc7", path: from, hash: from });

let plugin: Plugin;
let local: string;
beforeAll(async () => {
  local = fs.mkdtempSync(path.join(os.tmpdir(), "pgkeel-copy-"));
  fs.mkdirSync(path.join(local, "tree/deep"), { recursive: true });
  fs.writeFileSync(path.join(local, "one"), "content of one");
  fs.writeFileSync(path.join(local, "tree/a"), "a");
  fs.writeFileSync(path.join(local, "tree/deep/b"), Buffer.alloc(300_000, "b"));
  plugin = await Plugin.start();
});
afterAll(() => {
  plugin.stop();
  fs.rmSync(local, { recursive: true });
});

async function remote(create: string): Promise<unknown> {
  return (await plugin.create("remote:Command", { connection, create, logging: "none" })).state.stdout;
}

beforeEach(async () => {
  await remote("rm -rf /tmp/copy && mkdir -p /tmp/copy/dir && echo old > /tmp/copy/file");
});

const copy = (source: object, remotePath: string) =>
  plugin.create("remote:CopyToRemote", { connection, source, remotePath });
const found = () => remote("cd /tmp/copy && find . -type f | sort | xargs stat -c '%n %s'");

describe("remote.CopyToRemote", () => {
  it("puts a file at the path, over a file, or into a directory", async () => {
    const one = file(path.join(local, "one"));
    await copy(one, "/tmp/copy/new");
    await copy(one, "/tmp/copy/file");
    const { id, state } = await copy(one, "/tmp/copy/dir");
    expect(await found()).toBe("./dir/one 14\n./file 14\n./new 14");
    expect(id).toMatch(/^[0-9a-f]{8}$/);
    expect(state).toEqual({ connection, source: one, remotePath: "/tmp/copy/dir" });
  });

  it("puts a directory into one that exists or is made, its content alone with a slash at the end", async () => {
    const tree = path.join(local, "tree");
    await copy(archive(tree), "/tmp/copy/dir");
    await copy(archive(`${tree}/`), "/tmp/copy/made");
    expect(await found()).toBe("./dir/tree/a 1\n./dir/tree/deep/b 300000\n./file 4\n./made/a 1\n./made/deep/b 300000");
  });

  it("writes a text to a file, and not to a directory", async () => {
    await copy(text("ünï\n"), "/tmp/copy/text");
    expect(await remote("cat /tmp/copy/text")).toBe("ünï");
    await expect(copy(text("x"), "/tmp/copy/dir")).rejects.toThrow(/is a directory; when using a text asset/);
  });

  it("names the file when it cannot be written or read", async () => {
    await expect(copy(file(path.join(local, "one")), "/tmp/copy/no/such/place")).rejects.toThrow(
      /failed to copy file .*one to remote path \/tmp\/copy\/no\/such\/place/,
    );
    await expect(copy(file(path.join(local, "missing")), "/tmp/copy/x")).rejects.toThrow(/ENOENT.*missing/);
  });

  it("copies again only when the content or the place changed", async () => {
    const before = { connection, source: file(path.join(local, "one")), remotePath: "/tmp/copy/target" };
    await plugin.update("remote:CopyToRemote", before, { ...before, triggers: ["x"] });
    expect(await found()).toBe("./file 4");
    await plugin.update("remote:CopyToRemote", { ...before, source: { ...before.source, hash: "other" } }, before);
    expect(await found()).toBe("./file 4\n./target 14");
  });
});
