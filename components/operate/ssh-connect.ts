/** One SSH login: bounded in time, the host key verified, and words for what went wrong. */
import type { Duplex } from "node:stream";
import { type Algorithms, Client, type ConnectConfig } from "ssh2";
import type { SshAccess } from "./access";
import { bounded, messageOf, OperateError } from "./errors";

/** The host key types that a client must ask for to be shown the key that it knows. */
function keyAlgorithms(hostKey: string): Algorithms["serverHostKey"] {
  const type = hostKey.split(" ")[0] ?? "";
  return (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type]) as Algorithms["serverHostKey"];
}

function isKnownKey(hostKey: string, offered: Buffer): boolean {
  return Buffer.from(hostKey.split(" ")[1] ?? "", "base64").equals(offered);
}

/** Where to log in. `where` names it in errors. */
export interface Target {
  readonly where: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string;
  readonly sock?: Duplex;
}

/** Logs in. @throws OperateError within `timeoutMs`. */
export function connect(target: Target, login: SshAccess["login"], timeoutMs: number): Promise<Client> {
  const client = new Client();
  const address = `${target.host}:${target.port}`;
  let wrongKey = false;
  const config: ConnectConfig = {
    host: target.host,
    port: target.port,
    username: target.user,
    readyTimeout: timeoutMs,
    keepaliveInterval: 2000,
    keepaliveCountMax: 3,
    algorithms: {
      serverHostKey: keyAlgorithms(target.hostKey) ?? [],
      // On processors with AES instructions this is the cheapest; machines and host share them in a lab.
      cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"],
    },
    hostVerifier: (key: Buffer) => {
      wrongKey = !isKnownKey(target.hostKey, key);
      return !wrongKey;
    },
  };
  if (target.sock) config.sock = target.sock;
  if (login.kind === "key") config.privateKey = login.privateKey;
  else config.agent = login.socket ?? process.env.SSH_AUTH_SOCK ?? "";

  const ready = new Promise<Client>((resolve, reject) => {
    // Without it each small message waits 40 ms for a delayed acknowledgement: 90 ms an exec instead of 3 (measured).
    client.once("connect", () => client.setNoDelay(true));
    client.once("ready", () => resolve(client));
    client.on("error", (error) => {
      const step = `connecting to ${address} over SSH`;
      if (wrongKey) {
        const advice =
          "Someone else may be answering there: if the machine was really made anew, give its new host key to the stack";
        reject(new OperateError(target.where, step, "it shows another host key than the known one", advice));
      } else if (/authentication/i.test(error.message)) {
        const advice = `Check that user ${target.user} accepts the configured ${login.kind === "key" ? "private key" : "agent's keys"}`;
        reject(new OperateError(target.where, step, "the login was refused", advice, { cause: error }));
      } else {
        const advice = "Check that the machine is powered on and that its sshd runs";
        reject(new OperateError(target.where, step, messageOf(error), advice, { cause: error }));
      }
    });
    client.once("close", () => {
      const step = `connecting to ${address} over SSH`;
      reject(new OperateError(target.where, step, "the connection was closed", "Check the machine's sshd"));
    });
  });
  try {
    client.connect(config);
  } catch (error) {
    const advice = "Check the private key that the stack gives";
    const reason = messageOf(error);
    return Promise.reject(new OperateError(target.where, "logging in over SSH", reason, advice));
  }
  const late = () =>
    new OperateError(
      target.where,
      `connecting to ${address} over SSH`,
      `no answer within ${timeoutMs / 1000} s`,
      "Check that the machine is powered on and reachable from here",
    );
  return bounded(ready, timeoutMs, late, () => client.destroy()).catch((error) => {
    client.destroy();
    throw error;
  });
}
