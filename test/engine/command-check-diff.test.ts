import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secret, UNKNOWN } from "../../toolchain/standins/command/property-values";
import { Plugin } from "./harness/plugin";

let plugin: Plugin;
beforeAll(async () => {
  plugin = await Plugin.start();
});
afterAll(() => plugin.stop());

const mark = "4dabf18193072939515e22adb298388d";
const asset = (path: string, hash: string) => ({ [mark]: "c44067f5952c0a294b673a41bacd8c17", path, hash });

describe("check", () => {
  it("fills in the defaults of a connection and of its bastion, and makes it a secret", async () => {
    const { inputs, failures } = await plugin.check("remote:Command", {
      connection: { host: "db", proxy: { host: "bastion" } },
      create: "true",
    });
    expect(failures).toEqual([]);
    const defaults = { port: 22, user: "root", dialErrorLimit: 10, perDialTimeout: 15 };
    expect(inputs).toEqual({
      create: "true",
      connection: secret({ host: "db", ...defaults, proxy: { host: "bastion", ...defaults } }),
    });
  });

  it("names each mistake by its path, and no value", async () => {
    const { failures } = await plugin.check("remote:Command", {
      connection: secret({ host: "db", privatKey: "SECRET-KEY", port: "SECRET-PORT" }),
      create: ["SECRET-COMMAND"],
      logging: "all",
      stdin: 5,
    });
    expect(failures).toEqual([
      "connection.port: expected a number, got a string",
      expect.stringMatching(/^connection.privatKey: unknown property; known are host, port/),
      "create: expected a string, got an array",
      "logging: expected one of stdout, stderr, stdoutAndStderr, none, got a string",
      "stdin: expected a string, got a number",
    ]);
    expect(failures.join()).not.toContain("SECRET");
    expect((await plugin.check("remote:Command", { create: "true" })).failures).toEqual([
      "connection: missing, and it is required",
    ]);
  });

  it("lets pass what is not known yet", async () => {
    const { failures } = await plugin.check("remote:Command", {
      connection: UNKNOWN,
      create: UNKNOWN,
      triggers: UNKNOWN,
    });
    expect(failures).toEqual([]);
  });

  it("says which sources can be copied", async () => {
    const connection = { host: "db" };
    const check = async (source: object) =>
      (await plugin.check("remote:CopyToRemote", { connection, remotePath: "/x", source })).failures;
    expect(await check(asset("/etc/hosts", "1"))).toEqual([]);
    expect(await check({ [mark]: "c44067f5952c0a294b673a41bacd8c17", uri: "https://x", hash: "1" })).toEqual([
      "source: asset must be a path-based file asset or a text asset",
    ]);
    expect(await check({ [mark]: "0def7320c3a5731c473e5ecbe6d01bc7", assets: {}, hash: "1" })).toEqual([
      "source: archive must be a path to a file or directory",
    ]);
    expect(await check({ path: "/x" })).toEqual(["source: expected an asset or an archive, got an object"]);
  });
});

describe("diff", () => {
  const connection = secret({ host: "db" });
  const old = { connection, create: "make", stdin: "a\nb\n", triggers: ["1", "2"], stdout: "out", stderr: "" };
  const inputs = { connection, create: "make", stdin: "a\nb\n", triggers: ["1", "2"] };

  it("finds none between a state and the inputs that it came from, also with nulls in the state", async () => {
    expect(await plugin.diff("remote:Command", old, inputs)).toEqual({ changes: false, replaces: [], detailed: {} });
    const withNull = { ...old, update: null };
    expect((await plugin.diff("remote:Command", withNull, inputs)).changes).toBe(false);
  });

  it("updates in place for every input but triggers", async () => {
    const next = { ...inputs, stdin: "a\nc\n", connection: secret({ host: "other" }), environment: { "A.B": "1" } };
    expect(await plugin.diff("remote:Command", old, next)).toEqual({
      changes: true,
      replaces: [],
      detailed: { stdin: "UPDATE", connection: "UPDATE", environment: "ADD" },
    });
    const moved = await plugin.diff(
      "local:Command",
      { environment: { "A.B": "1", C: "2" } },
      { environment: { C: "3" } },
    );
    expect(moved.detailed).toEqual({ 'environment["A.B"]': "DELETE", "environment.C": "UPDATE" });
  });

  it("replaces for a changed, added or removed trigger, and for assets by their content", async () => {
    const diff = async (before: unknown[], after: unknown[]) =>
      plugin.diff("remote:Command", { ...old, triggers: before }, { ...inputs, triggers: after });
    expect(await diff(["1", "2"], ["1", "3", "4"])).toEqual({
      changes: true,
      replaces: ["triggers"],
      detailed: { "triggers[1]": "UPDATE_REPLACE", "triggers[2]": "ADD_REPLACE" },
    });
    expect((await diff(["1", "2"], ["1"])).detailed).toEqual({ "triggers[1]": "DELETE_REPLACE" });
    expect((await diff([asset("/a", "1")], [asset("/b", "1")])).changes).toBe(false);
    expect((await diff([asset("/a", "1")], [asset("/a", "2")])).replaces).toEqual(["triggers"]);
  });

  it("takes a value that became a secret for a change", async () => {
    const next = { ...inputs, stdin: secret("a\nb\n") };
    expect((await plugin.diff("remote:Command", old, next)).detailed).toEqual({ stdin: "UPDATE" });
  });

  it("takes a value that is not known yet for a change", async () => {
    expect((await plugin.diff("remote:Command", old, { ...inputs, stdin: UNKNOWN })).detailed).toEqual({
      stdin: "UPDATE",
    });
  });
});
