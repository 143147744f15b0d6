/** A private SSH server for the tests: real, on a loopback port, with keys of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";

/** How to reach the server, and what to check it by. Plain data: it is handed to the tests' own processes. */
export interface SshTarget {
  readonly port: number;
  /** Private key that the server admits for root. */
  readonly privateKey: string;
  /** The same key, protected by `passphrase`. */
  readonly protectedKey: string;
  readonly passphrase: string;
  readonly password: string;
  /** The server's public keys, as lines of authorized_keys. */
  readonly hostKeys: { readonly ed25519: string; readonly ecdsa: string };
  /** Where the keys are, for programs that want files. */
  readonly directory: string;
  /** What the server has logged. */
  readonly log: string;
}

export interface RunningSshd {
  readonly target: SshTarget;
  stop(): Promise<void>;
}

const ROOT = path.resolve(__dirname, "../../..");

/** Longest time until the server listens; it is there within 0.2 s on an idle machine. */
const START_MILLISECONDS = 20_000;

function image(): string {
  return execFileSync(path.join(ROOT, "toolchain/lab/image.sh"), ["path"], { encoding: "utf8" }).trim();
}

export async function startSshd(): Promise<RunningSshd> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pgkeel-sshd-"));
  const settings = path.join(directory, "settings");
  fs.mkdirSync(settings);
  const passphrase = "correct horse";
  const password = "battery staple";
  keygen("ed25519", path.join(settings, "host_ed25519"));
  keygen("ecdsa", path.join(settings, "host_ecdsa"));
  keygen("ed25519", path.join(directory, "key"));
  fs.copyFileSync(path.join(directory, "key"), path.join(directory, "protected"));
  fs.chmodSync(path.join(directory, "protected"), 0o600);
  execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", path.join(directory, "protected")]);
  fs.copyFileSync(path.join(directory, "key.pub"), path.join(settings, "authorized_keys"));
  fs.writeFileSync(path.join(settings, "password"), password);
  const port = await freePort();
  const log = path.join(directory, "log");
  const output = fs.openSync(log, "w");
  const namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"];
  const server = spawn("unshare", [...namespaces, path.join(__dirname, "sshd.sh"), image(), settings, `${port}`], {
    stdio: ["ignore", output, output],
  });
  const read = (name: string) => fs.readFileSync(path.join(directory, name), "utf8");
  try {
    await listening(server, port);
  } catch (error) {
    const reason = `${error instanceof Error ? error.message : error}:\n${read("log")}`;
    server.kill("SIGKILL");
    fs.rmSync(directory, { recursive: true });
    throw new Error(reason);
  }
  return {
    target: {
      port,
      privateKey: read("key"),
      protectedKey: read("protected"),
      passphrase,
      password,
      hostKeys: {
        ed25519: read("settings/host_ed25519.pub").trim(),
        ecdsa: read("settings/host_ecdsa.pub").trim(),
      },
      directory,
      log,
    },
    stop: () =>
      new Promise((resolve) => {
        server.once("close", () => {
          fs.rmSync(directory, { recursive: true });
          resolve();
        });
        server.kill("SIGKILL");
      }),
  };
}

function keygen(type: string, file: string): void {
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "test", "-f", file]);
}

/** A port that nothing listens on just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function listening(server: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + START_MILLISECONDS;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`sshd did not start (status ${server.exitCode})`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (open) return;
    if (Date.now() > deadline) throw new Error("sshd does not listen");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
