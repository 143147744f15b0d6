/**
 * What live work on a cluster needs to reach it. Plain and JSON-serialisable: it travels through the inputs of a
 * Pulumi resource and through the stack output `access` (a secret, for it holds a private key and passwords).
 */
import { z } from "zod";

const role = z.enum(["postgresql", "etcd", "pooler"]);

const machine = z.object({
  /** The user's key; the member's name in Patroni and in etcd. */
  key: z.string().min(1),
  /** Host name; one of the names in the machine's certificate. */
  hostname: z.string().min(1),
  /** IPv4 address on the cluster's network. */
  address: z.string().min(1),
  /** Failure domain. */
  zone: z.string(),
  roles: z.array(role).readonly(),
  /** Public host key as `ssh-keyscan` prints it: "ssh-ed25519 AAAA…". Always verified. */
  hostKey: z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+/),
});

const bastion = z.object({
  host: z.string().min(1),
  port: z.number().int().positive(),
  user: z.string().min(1),
  hostKey: z.string().min(1),
});

const ssh = z.object({
  user: z.string().min(1),
  port: z.number().int().positive(),
  /** A private key in PEM or OpenSSH form; or the running SSH agent (its socket: `SSH_AUTH_SOCK` when not given). */
  login: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("key"), privateKey: z.string().min(1) }),
    z.object({ kind: z.literal("agent"), socket: z.string().min(1).optional() }),
  ]),
  bastion: bastion.optional(),
});

const secrets = z.object({
  /** Password of the PostgreSQL role `postgres`. */
  superuserPassword: z.string(),
  /** Password of the user `patroni` of Patroni's REST API. */
  patroniApiPassword: z.string(),
  /** PEM certificate of the cluster's CA (not secret). */
  caCertificate: z.string(),
});

const accessSchema = z.object({
  /** Cluster name: Patroni's scope. */
  cluster: z.string().min(1),
  machines: z.array(machine).readonly(),
  ssh,
  secrets,
});

export type ClusterAccess = Readonly<z.output<typeof accessSchema>>;
export type AccessMachine = Readonly<z.output<typeof machine>>;
export type SshAccess = Readonly<z.output<typeof ssh>>;
export type Bastion = Readonly<z.output<typeof bastion>>;
export type LiveSecrets = Readonly<z.output<typeof secrets>>;
export type MachineRole = z.output<typeof role>;

/**
 * Reads an access document (an object, or JSON text).
 * @throws Error that names every wrong field, never a value (values are secret).
 */
export function parseAccess(document: unknown): ClusterAccess {
  let value = document;
  if (typeof document === "string") {
    try {
      value = JSON.parse(document);
    } catch {
      throw new Error("access: not JSON; expected the stack output `access`, see `pulumi stack output access`");
    }
  }
  const parsed = accessSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map((issue) => `access.${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`The access document cannot be used:\n  ${mistakes.join("\n  ")}`);
}

/** The machine with this key. @throws Error that lists the known keys. */
export function machineOf(access: ClusterAccess, key: string): AccessMachine {
  const machine = access.machines.find((m) => m.key === key);
  if (machine) return machine;
  const known = access.machines.map((m) => m.key).join(", ");
  throw new Error(`machine "${key}" is not part of cluster ${access.cluster}; its machines are: ${known}`);
}

/** Machines with a role, in the order of the access document (sorted by key). */
export function machinesWith(access: ClusterAccess, wanted: MachineRole): readonly AccessMachine[] {
  return access.machines.filter((m) => m.roles.includes(wanted));
}
