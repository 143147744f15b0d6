import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { PlannedMachine } from "../../plan";
import type { Connection } from "../../remote";
import type { PlatformSpec } from "../../spec";
import type { Platform } from "../types";

type SshPlatform = Extract<PlatformSpec, { kind: "ssh" }>;

/** Machines that exist already and are reached by SSH: nothing is made or removed. */
export function sshPlatform(platform: SshPlatform): Platform {
  const credentials = login(platform);
  return (machine) => ({
    key: machine.key,
    user: platform.user,
    connection: pulumi.secret(connection(machine, platform, credentials)),
    dependsOn: [],
  });
}

type Credentials = Pick<Connection, "privateKey" | "agentSocketPath">;

function login(platform: SshPlatform): Credentials {
  if (platform.privateKeyFile !== undefined) return { privateKey: readKey(platform.privateKeyFile) };
  const agentSocketPath = process.env.SSH_AUTH_SOCK;
  if (agentSocketPath === undefined)
    throw new Error(
      "platform: no privateKeyFile is given and no SSH agent runs (SSH_AUTH_SOCK is not set); " +
        "set platform.privateKeyFile, or start ssh-agent and add the key",
    );
  return { agentSocketPath };
}

function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`platform.privateKeyFile: cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function connection(machine: PlannedMachine, platform: SshPlatform, credentials: Credentials): Connection {
  const hostKey = platform.hostKeys[machine.key];
  if (hostKey === undefined)
    throw new Error(`platform.hostKeys.${machine.key}: the parser let a missing host key pass`);
  const base = { host: machine.address, port: platform.port, user: platform.user, hostKey, ...credentials };
  return platform.bastion === undefined ? base : { ...base, proxy: { ...platform.bastion, ...credentials } };
}
