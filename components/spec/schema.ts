/**
 * The one schema of a declared cluster. The input type (what a stack file writes) and the parsed type
 * (complete and defaulted) are both inferred from it.
 */
import { z } from "zod";

/** A key or name that becomes part of host names: lower case letters, digits and hyphens. */
const name = z.string().regex(/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/);
/** A quantity of memory or disk in PostgreSQL's own notation (1kB = 1024 bytes): "512MB", "16GB", "2TB". */
const bytes = z.string().regex(/^[1-9][0-9]*(MB|GB|TB)$/);
/** A duration in PostgreSQL's own notation: "500ms", "30s", "15min", "1h", "1d". */
const duration = z.string().regex(/^[0-9]+(ms|s|min|h|d)$/);

const disk = z.strictObject({ size: bytes });

const member = z.strictObject({
  /** May become leader (Patroni `nofailover: false`). Default true. */
  mayLead: z.boolean().default(true),
  /** Serves the read-only endpoint while it is a replica. Default true. */
  takesReads: z.boolean().default(true),
  /** Key of the member it streams from; default: the leader. */
  replicatesFrom: name.optional(),
  /** recovery_min_apply_delay; a delayed member never leads and takes no reads. */
  delay: duration.optional(),
});

const machine = z.strictObject({
  size: z.strictObject({ vcpu: z.number(), memory: bytes }),
  disks: z.strictObject({ data: disk, wal: disk.optional() }),
  /** Failure domain; default "a". */
  zone: name.default("a"),
  /** IPv4 address. `ssh`: required. `lab`: default derived from the key. */
  address: z.ipv4().optional(),
  /** Its PostgreSQL member, or false for a machine without PostgreSQL. */
  member: z.union([member, z.literal(false)]).prefault({}),
});

const parameterValue = z.union([z.string(), z.number(), z.boolean()]);

const hbaRule = z.strictObject({
  type: z.enum(["hostssl", "hostnossl", "host"]).default("hostssl"),
  database: z.string().default("all"),
  user: z.string().default("all"),
  /** CIDR, "samenet", "samehost" or "all". */
  address: z.string(),
  method: z.enum(["scram-sha-256", "cert", "reject"]).default("scram-sha-256"),
});

const platform = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("lab"),
    /** Network of the lab's bridge, inside 198.18.0.0/24 (RFC 2544). The first address is the host's. */
    network: z.string().default("198.18.0.0/25"),
    /** Image generation; another number rebuilds nothing but replaces the machines (for rehearsing an image change). */
    image: z.string().default("debian-13"),
  }),
  z.strictObject({
    kind: z.literal("ssh"),
    user: z.string().default("root"),
    port: z.number().int().default(22),
    /** Path of a private key on the host that runs the program; without it the SSH agent is used. */
    privateKeyFile: z.string().optional(),
    /** Public host key of each machine, by machine key, as `ssh-keyscan` prints it ("ssh-ed25519 AAAA…"). */
    hostKeys: z.record(name, z.string()),
    bastion: z
      .strictObject({
        host: z.string(),
        port: z.number().int().default(22),
        user: z.string().default("root"),
        hostKey: z.string(),
      })
      .optional(),
  }),
]);

export const clusterSchema = z.strictObject({
  name,
  platform,
  postgresql: z
    .strictObject({
      /** Major version. */
      version: z.literal(17).default(17),
      profile: z.enum(["oltp", "olap", "mixed", "small"]).default("oltp"),
      /** PostgreSQL parameters that override the tuned ones. */
      parameters: z.record(z.string(), parameterValue).default({}),
    })
    .prefault({}),
  durability: z
    .strictObject({
      /** `async`: a failover may lose the newest commits; `sync`: named standbys acknowledge; `quorum`: any k of them. Default `quorum` from three members on, else `async`. */
      mode: z.enum(["async", "sync", "quorum"]).optional(),
      /** Refuse writes rather than acknowledge them on the leader alone. Default false. */
      strict: z.boolean().default(false),
      /** Standbys that must acknowledge. Default 1. */
      standbys: z.number().int().min(1).default(1),
    })
    .prefault({}),
  /** Preset of Patroni's and HAProxy's coupled timings. Default `normal`. */
  recovery: z.enum(["fast", "normal", "patient", "wide"]).default("normal"),
  machines: z.record(name, machine),
  etcd: z
    .strictObject({
      /** "members", or the keys of the machines that run an etcd voter: 1, 3 or 5 of them. Default "members". */
      voters: z.union([z.literal("members"), z.array(name)]).default("members"),
    })
    .prefault({}),
  poolers: z
    .strictObject({
      /** "members", or the keys of the machines that run PgBouncer and HAProxy. Default "members". */
      machines: z.union([z.literal("members"), z.array(name)]).default("members"),
      /** Client connections that one pooler machine accepts. Default 5000. */
      maxClientConnections: z.number().int().default(5000),
      /** Server connections per user and database. Default: from max_connections and the number of poolers. */
      poolSize: z.number().int().optional(),
    })
    .prefault({}),
  /** Extra rules, put before the ones that the program itself needs. */
  hba: z.array(hbaRule).default([]),
  /** Refuse deletion of members' data and of the cluster. Default: true outside the lab. */
  protection: z.boolean().optional(),
});

export type ClusterInput = z.input<typeof clusterSchema>;
type Parsed = z.output<typeof clusterSchema>;

export type MachineSpec = Readonly<z.output<typeof machine>>;
export type MemberSpec = Readonly<z.output<typeof member>>;
export type HbaRule = Readonly<z.output<typeof hbaRule>>;
export type PlatformSpec = Readonly<z.output<typeof platform>>;
export type DurabilityMode = NonNullable<Parsed["durability"]["mode"]>;
export type RecoveryPreset = Parsed["recovery"];
export type Profile = Parsed["postgresql"]["profile"];

/** The parsed cluster: every default filled in, frozen. "members" is resolved to machine keys, sorted. */
export interface ClusterSpec extends Omit<Parsed, "durability" | "etcd" | "poolers" | "protection"> {
  readonly durability: { readonly mode: DurabilityMode; readonly strict: boolean; readonly standbys: number };
  readonly etcd: { readonly voters: readonly string[] };
  readonly poolers: Omit<Parsed["poolers"], "machines"> & { readonly machines: readonly string[] };
  readonly protection: boolean;
}
