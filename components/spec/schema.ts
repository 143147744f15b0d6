/**
 * The one schema of a declared cluster. The input type (what a stack file writes) and the parsed type
 * (complete and defaulted) are both inferred from it. The comments on its fields are their documentation: editors show
 * them, and docs/reference/cluster.md is made from them.
 */
import { z } from "zod";
import { allowed } from "./allowed";
import type { Parameters17 } from "./parameters/names-17";
import type { GivenValue } from "./parameters/value";
import { DURATION, SIZE } from "./quantity";
import { softwareSchema } from "./software";

const NAME = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** A name that becomes part of host names: at most 32 lower case letters, digits and hyphens, a letter first. */
const name = z.string().regex(NAME).register(allowed, {
  expected: "up to 32 lower case letters, digits and hyphens, a letter first and no hyphen last",
  advice: "it becomes part of host names",
});

/** A machine's key where another field refers to it. */
const key = z.string().register(allowed, { expected: "the key of a machine" });

/** A quantity of memory or disk in PostgreSQL's own notation (1kB = 1024 bytes): "512MB", "16GB", "2TB". */
const bytes = z.string().regex(SIZE).register(allowed, {
  expected: 'a whole number with its unit MB, GB or TB, such as "512MB" or "16GB"',
});

/** A duration in PostgreSQL's own notation: "500ms", "30s", "15min", "1h", "1d". */
const duration = z.string().regex(DURATION).register(allowed, {
  expected: 'a whole number with its unit ms, s, min, h or d, such as "15min" or "1h"',
});

const port = z.int().min(1).max(65535).register(allowed, { expected: "a port number from 1 to 65535" });

const text = (expected: string, advice?: string) =>
  z
    .string()
    .min(1)
    .register(allowed, advice === undefined ? { expected } : { expected, advice });

const address = z.ipv4().register(allowed, { expected: 'an IPv4 address such as "10.0.1.11"' });

const hostKey = z
  .string()
  .regex(/^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]{40,}={0,3}$/)
  .register(allowed, {
    expected: 'a public host key such as "ssh-ed25519 AAAA…"',
    advice: "take type and key from the output of `ssh-keyscan -t ed25519 <address>`, without the address before them",
  });

const disk = z.strictObject({
  /** Size of the disk: "100GB". It may grow later, online; a smaller one needs a replaced machine. */
  size: bytes,
});

const member = z.strictObject({
  /** May become leader (Patroni's tag `nofailover: false`). Default: true, of a delayed member false. */
  mayLead: z.boolean().optional(),
  /** Serves the read-only endpoint while it is a replica. Default: true, of a delayed member false. */
  takesReads: z.boolean().optional(),
  /** Key of the member that it streams from (cascading replication). Default: the leader, whoever it is. */
  replicatesFrom: key.optional(),
  /**
   * Replays changes that much later than they were committed (`recovery_min_apply_delay`): a window in which a mistake
   * can still be read back. A delayed member never leads and takes no reads.
   */
  delay: duration.optional(),
});

const machine = z.strictObject({
  /** Hardware of the machine. PostgreSQL is tuned by it. */
  size: z.strictObject({
    /** Virtual CPUs. A whole number; in the lab also quarters from 0.25 on. */
    vcpu: z.number().positive().max(1024).register(allowed, { expected: "a number of CPUs greater than 0" }),
    /** Memory: "16GB". At least 512MB with PostgreSQL on it, 256MB without. */
    memory: bytes,
  }),
  /** Its disks. */
  disks: z.strictObject({
    /** Disk of the data directory. */
    data: disk,
    /** Disk of its own for the write-ahead log. Default: the log lies on the data disk. */
    wal: disk.optional(),
  }),
  /** Failure domain: machines of one zone may fail together. Default "a". */
  zone: name.default("a"),
  /** IPv4 address by which the machines reach each other. On `ssh` required; in the lab by default derived from the key. */
  address: address.optional(),
  /** Its PostgreSQL member; `false`: a machine without PostgreSQL (for an etcd voter or a pooler). Default: a member that may lead. */
  member: z
    .union([member, z.literal(false)])
    .register(allowed, { expected: "false, or an object with mayLead, takesReads, replicatesFrom, delay" })
    .prefault({}),
});

const hbaRule = z.strictObject({
  /** `hostssl`: only over TLS; `hostnossl`: only without; `host`: both. Default `hostssl`. */
  type: z.enum(["hostssl", "hostnossl", "host"]).default("hostssl"),
  /**
   * Database, or several with commas between them, or `all`, `sameuser`, `samerole`, `replication`. A name with blanks
   * stands by itself. Default `all`.
   */
  database: text("names of databases with commas between them, or all").default("all"),
  /** Role, or several with commas between them; `+name` means all members of a role; or `all`. Default `all`. */
  user: text("names of roles with commas between them, or all").default("all"),
  /**
   * Where the connection to PostgreSQL comes from: "10.0.0.0/16" (CIDR), `samenet`, `samehost` or `all`. For clients of the
   * ports 6432 and 6433 that is the pooler's machine, so for them a rule tells roles and databases apart, not addresses: who
   * reaches those ports is for a firewall to say. By address it judges direct connections to port 5432.
   */
  address: text('a network in CIDR notation such as "10.0.0.0/16", or samenet, samehost, all'),
  /** How the client proves who it is: by password, by client certificate (on port 5432 alone), or not at all. Default `scram-sha-256`. */
  method: z.enum(["scram-sha-256", "cert", "reject"]).default("scram-sha-256"),
});

const lab = z.strictObject({
  /** Machines made on this host by systemd-nspawn. */
  kind: z.literal("lab"),
  /** Network of the lab's bridge, inside 198.18.0.0/24 (RFC 2544). Its first address is the host's. Default "198.18.0.0/25". */
  network: text('a network inside 198.18.0.0/24 such as "198.18.0.0/25"').default("198.18.0.0/25"),
  /** Image that machines are made from. Another name replaces the machines (for rehearsing a change of image). Default "debian-13". */
  image: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,62}$/)
    .register(allowed, { expected: "up to 63 lower case letters, digits, dots and hyphens" })
    .default("debian-13"),
});

const ssh = z.strictObject({
  /** Machines that exist: Debian 13, reached over SSH. */
  kind: z.literal("ssh"),
  /** Login that is root or may `sudo` without a password. Default "root". */
  user: text("a login name").default("root"),
  /** SSH port. Default 22. */
  port: port.default(22),
  /** Path of a private key on the host that runs the program. Default: the keys of the SSH agent. */
  privateKeyFile: text("the path of a private key file").optional(),
  /** Public host key of each machine, by the machine's key, as `ssh-keyscan` prints it: "ssh-ed25519 AAAA…". */
  hostKeys: z.record(z.string(), hostKey).register(allowed, {
    expected: "an object with the public host key of each machine, by the machine's key",
  }),
  /** Machine through which all others are reached. Default: none, they are reached directly. */
  bastion: z
    .strictObject({
      /** Its name or address. */
      host: text("a host name or address"),
      /** SSH port. Default 22. */
      port: port.default(22),
      /** Login. Default "root". */
      user: text("a login name").default("root"),
      /** Its public host key. */
      hostKey,
    })
    .optional(),
});

/** Checked by name against the version's own table (see parameters/); here only typed: the names and their values. */
const parametersSchema = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()]).register(allowed, { expected: "text, a number, true or false" }),
) as z.ZodType<Record<string, GivenValue>, Parameters17>;

const postgresql = z.strictObject({
  /** Major version. Default 17. */
  version: z.literal(17).default(17),
  /**
   * What the cluster is for; PostgreSQL is tuned by it. `oltp`: many short transactions; `olap`: few large queries;
   * `mixed`: both; `small`: machines with little memory. Default `oltp`.
   */
  profile: z.enum(["oltp", "olap", "mixed", "small"]).default("oltp"),
  /** PostgreSQL parameters, by name; each overrides the tuned value. Default: none. */
  parameters: parametersSchema.default({}),
});

const durability = z.strictObject({
  /**
   * `async`: commits wait for no standby, a failover may lose the newest; `sync`: named standbys acknowledge every
   * commit first; `quorum`: any of them. Default: `quorum` from three members on that may lead, else `async`.
   */
  mode: z.enum(["async", "sync", "quorum"]).optional(),
  /** Refuse writes rather than acknowledge them on the leader alone. Default false. */
  strict: z.boolean().default(false),
  /** Standbys that must acknowledge a commit. Default 1. */
  standbys: z.int().min(1).max(100).register(allowed, { expected: "a whole number from 1 on" }).default(1),
});

const machinesByKey = (which: string) =>
  z
    .union([z.literal("members"), z.array(key)])
    .register(allowed, { expected: `"members", or a list of keys of ${which}` });

const etcd = z.strictObject({
  /** `"members"`: every member's machine; or the keys of the machines that run an etcd voter. 1, 3 or 5 of them. Default "members". */
  voters: machinesByKey("1, 3 or 5 machines").default("members"),
});

const poolers = z.strictObject({
  /** `"members"`: every member's machine; or the keys of the machines that run PgBouncer and HAProxy. Default "members". */
  machines: machinesByKey("machines").default("members"),
  /** Client connections that one pooler machine accepts. Default 5000. */
  maxClientConnections: z
    .int()
    .min(10)
    .max(100_000)
    .register(allowed, { expected: "a whole number from 10 to 100000" })
    .default(5000),
  /** Server connections of one pooler machine for each pair of user and database. Default: by max_connections and the number of poolers. */
  poolSize: z.int().min(1).max(10_000).register(allowed, { expected: "a whole number from 1 on" }).optional(),
});

const CONFIRMATIONS = ["weaker-durability", "replace-machines"] as const;
const confirmation = z.enum(CONFIRMATIONS);

export const clusterSchema = z.strictObject({
  /** Name of the cluster: Patroni's scope, and the first part of every host name. Cannot be changed later. */
  name,
  /** Where the machines come from. */
  platform: z.discriminatedUnion("kind", [lab, ssh]).register(allowed, {
    expected: '{ kind: "lab" } for machines made on this host, or { kind: "ssh", … } for machines that exist',
  }),
  /** PostgreSQL itself. Default: version 17, profile `oltp`. */
  postgresql: postgresql.prefault({}),
  /** What an acknowledged commit is worth. Default: see `durability.mode`. */
  durability: durability.prefault({}),
  /**
   * Preset of Patroni's and HAProxy's coupled timings: how long a lost leader goes unnoticed against how much trouble on
   * the network is borne. `fast`: one site; `normal`; `patient`: several sites; `wide`: several regions. Default `normal`.
   */
  recovery: z.enum(["fast", "normal", "patient", "wide"]).default("normal"),
  /** The machines by key. The key is a machine's identity: renaming one adds a machine and removes another. */
  machines: z.record(name, machine).register(allowed, { expected: "an object with one machine for each key" }),
  /** The etcd cluster, where Patroni keeps who leads. */
  etcd: etcd.prefault({}),
  /** PgBouncer and HAProxy, in front of PostgreSQL. */
  poolers: poolers.prefault({}),
  /**
   * Extra rules of pg_hba, in this order. They come after the rules by which the cluster itself lives, which they cannot
   * break, and before the last one, which lets everyone in with a password over TLS. Default: none.
   */
  hba: z.array(hbaRule).register(allowed, { expected: "a list of rules" }).default([]),
  /**
   * Refuse updates that remove a member, or make a machine anew without `confirm: "replace-machines"`. It does not stop
   * `pulumi destroy`, which deletes lab machines with their data, and on `ssh` only forgets the cluster. Default: true, in
   * the lab false.
   */
  protection: z.boolean().optional(),
  /**
   * Says that a change is meant which the program otherwise refuses. `weaker-durability`: commits may be lost that could
   * not be lost before; `replace-machines`: machines are made anew, and their data is seeded from other members. One word,
   * or a list. Write it for the update that needs it, and remove it afterwards. Default: none.
   */
  confirm: z
    .union([confirmation, z.array(confirmation)])
    .register(allowed, { expected: `${CONFIRMATIONS.join(" or ")}, or a list of these` })
    .default([]),
  /** Exact Debian package versions. Default: what is installed at first; nothing is upgraded by itself. */
  software: softwareSchema.prefault({}),
});

export type Declared = z.output<typeof clusterSchema>;
export type DeclaredMachine = z.output<typeof machine>;
