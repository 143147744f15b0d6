/** What a change of each field of the spec does: one rule for each field. Parameters of PostgreSQL have their own. */
import type { ClusterSpec, HbaRule, MachineSpec } from "../../spec";
import type { Change, Impact } from "./change";
import type { Software } from "./cluster-state";
import { confirmed } from "./confirmation";
import { bytesOf, type FieldChange, sameJson, shown } from "./fields";

export interface Declarations {
  readonly before: ClusterSpec;
  readonly after: ClusterSpec;
}

interface Verdict {
  readonly impact: Impact;
  readonly reason: string;
  readonly weakensDurability?: true;
  readonly machines?: readonly string[];
}

/** How a field is judged. `parameter`: by PostgreSQL's own table. A function may give several changes (lists do). */
type Rule = "parameter" | ((field: FieldChange, specs: Declarations) => Verdict | readonly Change[]);

const none =
  (reason: string): Rule =>
  () => ({ impact: "none", reason });
const refused =
  (reason: string): Rule =>
  () => ({ impact: "refused", reason });

const REACHED = "Only the way in which this program reaches the machines; nothing on the cluster moves.";

/** By pattern of the path; `*` stands for a key of the user's. A test holds this table against the schema. */
export const FIELD_RULES: Readonly<Record<string, Rule>> = {
  name: refused(
    "The name is part of host names, certificates and the DCS's keys; declare a new cluster and move the data there.",
  ),
  "platform.kind": refused(
    "A running cluster does not change its platform; declare a new cluster and move the data there.",
  ),
  "platform.network": refused("All addresses would change at once; declare a new cluster in the other network."),
  "platform.image": (_, specs) => replaced(Object.keys(specs.after.machines).sort(), "another image", specs),
  "platform.user": none(REACHED),
  "platform.port": none(REACHED),
  "platform.privateKeyFile": none(REACHED),
  "platform.hostKeys.*": none(REACHED),
  "platform.bastion": none(REACHED),
  "platform.bastion.host": none(REACHED),
  "platform.bastion.port": none(REACHED),
  "platform.bastion.user": none(REACHED),
  "platform.bastion.hostKey": none(REACHED),
  "postgresql.version": refused(
    "Another major version is an upgrade with stages of its own, not a change of the running cluster.",
  ),
  "postgresql.profile": none("Another set of tuned parameters; what changes with it is listed below."),
  "postgresql.parameters.*": "parameter",
  "durability.mode": (field, specs) => durability(field, specs),
  "durability.strict": (field, specs) => durability(field, specs),
  "durability.standbys": (field, specs) => durability(field, specs),
  recovery: () => ({
    impact: "reload",
    reason: "Patroni takes the timings over within one loop, HAProxy with a reload; no connection is closed.",
  }),
  "machines.*": wholeMachine,
  "machines.*.size.vcpu": resized,
  "machines.*.size.memory": resized,
  "machines.*.disks.data.size": diskSize,
  "machines.*.disks.wal": walDisk,
  "machines.*.disks.wal.size": diskSize,
  "machines.*.zone": (field, specs) =>
    specs.after.platform.kind === "ssh"
      ? { impact: "none", reason: "A label here: it only counts when the next leader is chosen.", machines: field.keys }
      : replaced(field.keys, "another zone", specs),
  "machines.*.address": (field) => ({
    impact: "refused",
    reason: "Another address is another machine: declare it under a key of its own, and remove this one afterwards.",
    machines: field.keys,
  }),
  "machines.*.member": memberToggled,
  "machines.*.member.mayLead": (field) => ({
    impact: "reload",
    reason: field.to
      ? "It may become leader from now on."
      : "It no longer becomes leader; if it leads at the moment it hands over first, with a pause of writes.",
    machines: field.keys,
  }),
  "machines.*.member.takesReads": (field) => ({
    impact: "reload",
    reason: field.to ? "The read route sends it reads." : "The read route stops sending it reads; running ones finish.",
    machines: field.keys,
  }),
  "machines.*.member.replicatesFrom": (field) => ({
    impact: "reload",
    reason: `It streams from ${field.to ?? "the leader"} instead; reads on it go on.`,
    machines: field.keys,
  }),
  "machines.*.member.delay": (field) => ({
    impact: "reload",
    reason:
      field.to === undefined
        ? "It replays at once again, and may lead and take reads once it has caught up."
        : "It replays that much later; it takes no reads and never leads.",
    machines: field.keys,
  }),
  "etcd.voters": (field) =>
    listed(field, (key, comes) => ({
      impact: comes ? "voter-added" : "voter-removed",
      reason: comes
        ? "It joins etcd as a learner, and gets its vote when it has caught up."
        : "It gives up its vote in etcd; the others go on deciding.",
      machines: [key],
    })),
  "poolers.machines": (field) =>
    listed(field, (key, comes) => ({
      impact: comes ? "pooler-added" : "pooler-removed",
      reason: comes
        ? "Clients may connect there as soon as it is up."
        : "Its clients are disconnected and need another host in their connection string.",
      machines: [key],
    })),
  "poolers.maxClientConnections": () => ({
    impact: "pooler-reload",
    reason: "PgBouncer and HAProxy reload; connections that are open stay open.",
  }),
  "poolers.poolSize": () => ({
    impact: "pooler-reload",
    reason: "PgBouncer reloads; surplus server connections are closed when they fall idle.",
  }),
  hba: hbaRules,
  protection: none("Says what this program may delete; nothing on the cluster moves."),
  confirm: none("Says what this program may do; nothing on the cluster moves."),
  "software.*": software,
};

function durability(field: FieldChange, { before, after }: Declarations): Verdict {
  const weaker = weakens(field, before, after);
  return {
    impact: "reload",
    reason: weaker ? weakerReason(field) : "Patroni tells the leader which standbys must acknowledge; writes go on.",
    ...(weaker ? { weakensDurability: true as const } : {}),
  };
}

/** Whether this one field of the durability asks for less than before. */
function weakens(field: FieldChange, before: ClusterSpec, after: ClusterSpec): boolean {
  if (before.durability.mode === "async") return false;
  if (field.path === "durability.mode") return after.durability.mode === "async";
  if (field.path === "durability.strict") return before.durability.strict && !after.durability.strict;
  return after.durability.standbys < before.durability.standbys;
}

function weakerReason(field: FieldChange): string {
  switch (field.path) {
    case "durability.mode":
      return "Commits are acknowledged before any standby has them: a failover may lose the newest.";
    case "durability.strict":
      return "When no standby is there, writes are acknowledged on the leader alone.";
    default:
      return "Fewer standbys hold a commit when it is acknowledged.";
  }
}

function wholeMachine(field: FieldChange): Verdict {
  const [key] = field.keys as [string];
  const machine = (field.to ?? field.from) as MachineSpec;
  const isMember = machine.member !== false;
  if (field.from === undefined)
    return {
      impact: isMember ? "member-added" : "machine-added",
      reason: isMember
        ? "It is seeded from a running member, catches up, and takes reads only then."
        : "A machine without PostgreSQL; clients notice nothing.",
      machines: [key],
    };
  return {
    impact: isMember ? "member-removed" : "machine-removed",
    reason: isMember
      ? "It leaves the read route, Patroni, its slot and etcd, in that order; then the machine and its data go."
      : "It gives up what runs on it; then the machine goes.",
    machines: [key],
  };
}

function memberToggled(field: FieldChange): Verdict {
  return field.from === false
    ? { impact: "member-added", reason: "PostgreSQL is seeded on it from a running member.", machines: field.keys }
    : {
        impact: "member-removed",
        reason: "It leaves the read route, Patroni and its slot; the machine stays.",
        machines: field.keys,
      };
}

function resized(field: FieldChange, { after }: Declarations): Verdict {
  if (after.platform.kind === "ssh")
    return {
      impact: "none",
      reason: "The machine is yours to resize; parameters that follow from it are listed below.",
      machines: field.keys,
    };
  return {
    impact: "machine-resized",
    reason: "A power cycle, one machine at a time; a leader hands over first.",
    machines: field.keys,
  };
}

function diskSize(field: FieldChange, specs: Declarations): Verdict {
  if (bytesOf(field.to as string) < bytesOf(field.from as string)) return smaller(field, specs);
  const reason =
    specs.after.platform.kind === "ssh"
      ? "The disk is yours to grow; parameters that follow from it are listed below."
      : "Grows while it is in use.";
  return { impact: specs.after.platform.kind === "ssh" ? "none" : "disk-grown", reason, machines: field.keys };
}

function smaller(field: FieldChange, specs: Declarations): Verdict {
  if (specs.after.platform.kind === "ssh")
    return {
      impact: "none",
      reason: "The disk is yours; parameters that follow from it are listed below.",
      machines: field.keys,
    };
  if (confirmed(specs.after, "replace-machines")) return replaced(field.keys, "a smaller disk", specs);
  return {
    impact: "refused",
    reason:
      'A disk does not shrink in place; with `confirm: "replace-machines"` the machine is replaced and seeded anew.',
    machines: field.keys,
  };
}

function walDisk(field: FieldChange, specs: Declarations): Verdict {
  return replaced(field.keys, field.to === undefined ? "no WAL disk any more" : "a WAL disk of its own", specs);
}

function replaced(machines: readonly string[], why: string, { after }: Declarations): Verdict {
  if (after.platform.kind === "ssh")
    return {
      impact: "refused",
      reason: `Needs the machine made anew (${why}): declare the new host under a key of its own, then remove this one.`,
      machines,
    };
  return {
    impact: "machine-replaced",
    reason: `Made anew with ${why}, one machine at a time, and seeded from a running member; a leader hands over first.`,
    machines,
  };
}

function software(field: FieldChange): Verdict {
  if (field.to === undefined)
    return { impact: "none", reason: "No longer pinned: it stays as it is until another version is declared." };
  const reason = {
    postgresql: "One member at a time: it restarts with the new version; replicas first, then one switchover.",
    patroni: "One member at a time: Patroni restarts and PostgreSQL runs on; replicas first, then one switchover.",
    etcd: "One voter at a time restarts; the others go on deciding.",
    haproxy: "One pooler at a time: a reload brings it into force, and no session is cut.",
    pgbouncer:
      "One pooler at a time, process by process: each client's connection ends once, between two transactions, and a new one is taken at once.",
    pgbackrest: "Installed one machine at a time; nothing restarts.",
  }[field.keys[0] as Software];
  return { impact: "software-upgraded", reason: `${reason} Nothing happens where that version is already installed.` };
}

/** A list of machine keys: one change for each key that comes or goes. */
function listed(field: FieldChange, judge: (key: string, comes: boolean) => Verdict): readonly Change[] {
  const [from, to] = [field.from as readonly string[], field.to as readonly string[]];
  const keys = [...new Set([...from, ...to])].sort().filter((key) => from.includes(key) !== to.includes(key));
  return keys.map((key) => {
    const comes = to.includes(key);
    return { path: field.path, from: comes ? undefined : key, to: comes ? key : undefined, ...judge(key, comes) };
  });
}

const HBA_RELOAD = "New logins are judged by it after a reload; sessions that are open stay open.";

/** Rules that come and go one by one; where the same rules stand in another order, that is the change. */
function hbaRules(field: FieldChange): readonly Change[] {
  const [from, to] = [field.from as readonly HbaRule[], field.to as readonly HbaRule[]];
  const gone = from.filter((rule) => !to.some((other) => sameJson(rule, other)));
  const come = to.filter((rule) => !from.some((other) => sameJson(rule, other)));
  const change = { path: field.path, impact: "reload", reason: HBA_RELOAD } as const;
  if (gone.length === 0 && come.length === 0) return [{ ...change, from: "the same rules", to: "in another order" }];
  return [
    ...gone.map((rule) => ({ ...change, from: hbaLine(rule), to: undefined })),
    ...come.map((rule) => ({ ...change, from: undefined, to: hbaLine(rule) })),
  ];
}

function hbaLine(rule: HbaRule): string {
  return `${rule.type} ${rule.database} ${rule.user} ${rule.address} ${rule.method}`;
}

/** Judges one field. A field that this table does not know is refused: nobody has thought about what it does. */
export function judgeField(field: FieldChange, specs: Declarations): readonly Change[] | "parameter" {
  const rule = Object.hasOwn(FIELD_RULES, field.pattern) ? FIELD_RULES[field.pattern] : undefined;
  if (rule === "parameter") return rule;
  const verdict =
    rule === undefined
      ? { impact: "refused" as const, reason: "What a change of this field does to a running cluster is not known." }
      : rule(field, specs);
  if ("length" in verdict) return verdict;
  const [from, to] = [field.from, field.to].map((value) => shownField(field.pattern, value));
  return [{ path: field.path, from, to, ...verdict }];
}

function shownField(pattern: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (pattern === "machines.*") return machineLine(value as MachineSpec);
  if (pattern === "machines.*.member") return value === false ? "no member" : "a member";
  return shown(value);
}

/** "4 vCPU, 16GB, data 200GB, zone b". */
function machineLine({ size, disks, zone }: MachineSpec): string {
  const wal = disks.wal === undefined ? [] : [`WAL ${disks.wal.size}`];
  return [`${size.vcpu} vCPU`, size.memory, `data ${disks.data.size}`, ...wal, `zone ${zone}`].join(", ");
}
