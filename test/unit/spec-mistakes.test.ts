/** Every rule of a declaration, by the mistake that breaks it: its whole text. */
import { describe, expect, it } from "vitest";
import { parseCluster, SpecError } from "../../components/spec";
import { machine, rightCluster } from "./spec-arbitrary";

function mistakesOf(input: unknown): Record<string, string> {
  try {
    parseCluster(input);
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    return Object.fromEntries(error.mistakes.map(({ path, problem }) => [path, problem]));
  }
  return {};
}

const three = (more: Record<string, unknown> = {}) => ({
  "db-1": machine(),
  "db-2": machine(),
  "db-3": machine(),
  ...more,
});
const HOST_KEY = `ssh-ed25519 ${"A".repeat(68)}`;
const ssh = (more: object = {}, machines: object = { "db-1": machine({ address: "10.0.0.1" }) }) =>
  rightCluster({ platform: { kind: "ssh", hostKeys: { "db-1": HOST_KEY }, ...more }, machines });
const parameters = (values: object, more: object = {}) => rightCluster({ postgresql: { parameters: values }, ...more });

interface Case {
  readonly what: string;
  readonly input: unknown;
  readonly path: string;
  readonly problem: string | RegExp;
}

const structure: Case[] = [
  { what: "no object", input: 7, path: "", problem: /^got 7; expected an object with name, platform/ },
  {
    what: "a missing field",
    input: { ...rightCluster(), name: undefined },
    path: "name",
    problem:
      "is missing; expected up to 32 lower case letters, digits and hyphens, a letter first and no hyphen last (it becomes part of host names)",
  },
  {
    what: "an unknown field that is nearly a known one",
    input: rightCluster({ postgres: {} }),
    path: "postgres",
    problem: /^there is no such field; expected one of name, .*, software \(did you mean postgresql\?\)$/,
  },
  {
    what: "an unknown field of a machine",
    input: rightCluster({ machines: three({ "db-3": machine({ adress: "198.18.0.9" }) }) }),
    path: "machines.db-3.adress",
    problem: "there is no such field; expected one of size, disks, zone, address, member (did you mean address?)",
  },
  {
    what: "an unknown field like no other",
    input: rightCluster({ etcd: { xylophone: 1 } }),
    path: "etcd.xylophone",
    problem: "there is no such field; expected only voters (remove it, or put it where it belongs)",
  },
  {
    what: "an unknown field inside a variant",
    input: rightCluster({ platform: { kind: "lab", netwrok: "x" } }),
    path: "platform.netwrok",
    problem: "there is no such field; expected one of kind, network, image (did you mean network?)",
  },
  {
    what: "an unknown field inside a member",
    input: rightCluster({ machines: three({ "db-3": machine({ member: { mayled: false } }) }) }),
    path: "machines.db-3.member.mayled",
    problem:
      "there is no such field; expected one of mayLead, takesReads, replicatesFrom, delay (did you mean mayLead?)",
  },
  {
    what: "a word that is none of the allowed",
    input: rightCluster({ recovery: "quick" }),
    path: "recovery",
    problem: 'got "quick"; expected one of fast, normal, patient, wide',
  },
  {
    what: "an unknown platform",
    input: rightCluster({ platform: { kind: "moon" } }),
    path: "platform.kind",
    problem: 'got "moon"; expected one of lab, ssh',
  },
  {
    what: "a platform without a kind",
    input: rightCluster({ platform: {} }),
    path: "platform.kind",
    problem: "is missing; expected one of lab, ssh",
  },
  {
    what: "another major version",
    input: rightCluster({ postgresql: { version: 12 } }),
    path: "postgresql.version",
    problem: "got 12; expected 17",
  },
  {
    what: "a size without unit",
    input: rightCluster({ machines: three({ "db-3": machine({ size: { vcpu: 1, memory: "16" } }) }) }),
    path: "machines.db-3.size.memory",
    problem: 'got "16"; expected a whole number with its unit MB, GB or TB, such as "512MB" or "16GB"',
  },
  {
    what: "a number as text",
    input: rightCluster({ machines: three({ "db-3": machine({ size: { vcpu: "2", memory: "4GB" } }) }) }),
    path: "machines.db-3.size.vcpu",
    problem: 'got "2"; expected a number of CPUs greater than 0',
  },
  {
    what: "no CPU",
    input: rightCluster({ machines: three({ "db-3": machine({ size: { vcpu: 0, memory: "4GB" } }) }) }),
    path: "machines.db-3.size.vcpu",
    problem: "got 0; expected a number of CPUs greater than 0",
  },
  {
    what: "a delay without unit",
    input: rightCluster({ machines: three({ "db-3": machine({ member: { delay: "60" } }) }) }),
    path: "machines.db-3.member.delay",
    problem: 'got "60"; expected a whole number with its unit ms, s, min, h or d, such as "15min" or "1h"',
  },
  {
    what: "a key that is no name",
    input: rightCluster({
      machines: three({ "DB 4": machine({ member: { mayLead: false } }) }),
      etcd: { voters: ["db-1"] },
    }),
    path: 'machines["DB 4"]',
    problem: /^got the key "DB 4"; expected up to 32 lower case letters/,
  },
  {
    what: "a member that is neither an object nor false",
    input: rightCluster({ machines: three({ "db-3": machine({ member: true }) }) }),
    path: "machines.db-3.member",
    problem: "got true; expected false, or an object with mayLead, takesReads, replicatesFrom, delay",
  },
  {
    what: "voters that are no keys",
    input: rightCluster({ etcd: { voters: ["db-1", 2] } }),
    path: "etcd.voters[1]",
    problem: "got 2; expected the key of a machine",
  },
  {
    what: "voters by another word",
    input: rightCluster({ etcd: { voters: "all" } }),
    path: "etcd.voters",
    problem: 'got "all"; expected "members", or a list of keys of 1, 3 or 5 machines',
  },
  {
    what: "a confirmation of nothing",
    input: rightCluster({ confirm: ["everything"] }),
    path: "confirm[0]",
    problem: 'got "everything"; expected one of weaker-durability, replace-machines',
  },
  {
    what: "a version that is none of Debian's",
    input: rightCluster({ software: { patroni: "latest" } }),
    path: "software.patroni",
    problem:
      'got "latest"; expected an exact Debian package version such as "4.0.7-3~deb13u1" (`apt-cache policy <package>` on a machine lists the ones to be had)',
  },
];

const members: Case[] = [
  {
    what: "no machine",
    input: rightCluster({ machines: {} }),
    path: "machines",
    problem:
      "got no member; expected at least one member that may lead (add a machine, or take mayLead: false and delay from one)",
  },
  {
    what: "no member that may lead",
    input: rightCluster({ machines: { "db-1": machine({ member: { mayLead: false } }) } }),
    path: "machines",
    problem:
      "got db-1, none of which may lead; expected at least one member that may lead (add a machine, or take mayLead: false and delay from one)",
  },
  {
    what: "streaming from itself",
    input: rightCluster({ machines: three({ "db-3": machine({ member: { replicatesFrom: "db-3" } }) }) }),
    path: "machines.db-3.member.replicatesFrom",
    problem:
      'got "db-3", the member itself; expected another member: db-1, db-2 (or remove it: it then streams from the leader)',
  },
  {
    what: "streaming from nobody",
    input: rightCluster({ machines: three({ "db-3": machine({ member: { replicatesFrom: "bd-1" } }) }) }),
    path: "machines.db-3.member.replicatesFrom",
    problem: 'got "bd-1", which is no machine; expected another member: db-1, db-2 (did you mean db-1?)',
  },
  {
    what: "streaming from a machine without PostgreSQL",
    input: rightCluster({
      machines: {
        "db-1": machine(),
        "db-2": machine({ member: { replicatesFrom: "witness" } }),
        witness: machine({ member: false }),
      },
      etcd: { voters: ["db-1", "db-2", "witness"] },
    }),
    path: "machines.db-2.member.replicatesFrom",
    problem: 'got "witness", a machine without PostgreSQL; expected a member: db-1',
  },
  {
    what: "a ring",
    input: rightCluster({
      machines: three({
        "db-2": machine({ member: { replicatesFrom: "db-3" } }),
        "db-3": machine({ member: { replicatesFrom: "db-2" } }),
      }),
    }),
    path: "machines.db-2.member.replicatesFrom",
    problem:
      "got a ring: db-2 from db-3 from db-2; expected a way to the leader (remove replicatesFrom of one of them)",
  },
  {
    what: "a delayed member that may lead",
    input: rightCluster({ machines: three({ "db-3": machine({ member: { delay: "1h", mayLead: true } }) }) }),
    path: "machines.db-3.member.mayLead",
    problem:
      "got true with a delay of 1h; expected false or nothing (a delayed member never leads: remove mayLead or delay)",
  },
  {
    what: "a delayed member that takes reads",
    input: rightCluster({ machines: three({ "db-3": machine({ member: { delay: "1h", takesReads: true } }) }) }),
    path: "machines.db-3.member.takesReads",
    problem:
      "got true with a delay of 1h; expected false or nothing (a delayed member shows old data: remove takesReads or delay)",
  },
];

const placement: Case[] = [
  {
    what: "members of an even number as voters",
    input: rightCluster({ machines: three({ "db-4": machine() }) }),
    path: "etcd.voters",
    problem:
      'got "members", that is 4 voters (db-1, db-2, db-3 and db-4); expected 1, 3 or 5 (a majority decides: name 3 of them, ["db-1","db-2","db-3"], or add a machine)',
  },
  {
    what: "two voters",
    input: rightCluster({ etcd: { voters: ["db-1", "db-2"] } }),
    path: "etcd.voters",
    problem:
      'got 2 voters (db-1 and db-2); expected 1, 3 or 5 (a majority decides: name 1 of them, ["db-1"], or add a machine)',
  },
  {
    what: "no voter",
    input: rightCluster({ etcd: { voters: [] } }),
    path: "etcd.voters",
    problem: "got 0 voters; expected 1, 3 or 5 (name machines)",
  },
  {
    what: "a voter that is no machine",
    input: rightCluster({ etcd: { voters: ["db-1", "db-2", "db-9"] } }),
    path: "etcd.voters[2]",
    problem: 'got "db-9"; expected the key of a machine: db-1, db-2, db-3 (did you mean db-1?)',
  },
  {
    what: "a voter twice",
    input: rightCluster({ etcd: { voters: ["db-1", "db-2", "db-3", "db-3"] } }),
    path: "etcd.voters[3]",
    problem: 'got "db-3" again; expected each machine once (remove it)',
  },
  {
    what: "a pooler that is no machine",
    input: rightCluster({ poolers: { machines: ["elsewhere"] } }),
    path: "poolers.machines[0]",
    problem:
      'got "elsewhere"; expected the key of a machine: db-1, db-2, db-3 (add the machine, or remove its key here)',
  },
  {
    what: "no pooler",
    input: rightCluster({ poolers: { machines: [] } }),
    path: "poolers.machines",
    problem:
      'got an empty list; expected at least one machine (clients reach PostgreSQL through the poolers alone: name machines, or write "members")',
  },
  {
    what: "a machine on which nothing runs",
    input: rightCluster({ machines: three({ idle: machine({ member: false }) }) }),
    path: "machines.idle",
    problem:
      "nothing runs on it; expected a member, an etcd voter or a pooler (name it in etcd.voters or poolers.machines, or remove it)",
  },
];

const ABLE = (keys: string) => `members that may lead and stream from the leader (${keys})`;
const durability: Case[] = [
  {
    what: "sync with one member",
    input: rightCluster({ machines: { "db-1": machine() }, durability: { mode: "sync" } }),
    path: "durability.mode",
    problem: `got "sync"; expected async, or at least 2, better 3, ${ABLE("there is: db-1")}`,
  },
  {
    what: "a quorum where the others cannot acknowledge",
    input: rightCluster({
      machines: three({
        "db-2": machine({ member: { mayLead: false } }),
        "db-3": machine({ member: { replicatesFrom: "db-1" } }),
      }),
      durability: { mode: "quorum" },
    }),
    path: "durability.mode",
    problem: `got "quorum"; expected async, or at least 2, better 3, ${ABLE("there is: db-1")}`,
  },
  {
    what: "more standbys than there are",
    input: rightCluster({ durability: { mode: "quorum", standbys: 3 } }),
    path: "durability.standbys",
    problem: `got 3; expected at most 2: one less than the ${ABLE("there are: db-1, db-2 and db-3")}`,
  },
  {
    what: "strict with nothing to spare",
    input: rightCluster({ durability: { mode: "sync", standbys: 2, strict: true } }),
    path: "durability.strict",
    problem:
      /^got true with 2 of 2 standbys to acknowledge: losing one machine would stop all writes; expected at least 4 members/,
  },
  {
    what: "strict without waiting for anyone",
    input: rightCluster({ durability: { mode: "async", strict: true } }),
    path: "durability.strict",
    problem:
      "got true, but commits wait for no standby; expected false (the mode is async: set mode to sync or quorum, or remove strict)",
  },
  {
    what: "standbys that nobody waits for",
    input: rightCluster({ durability: { mode: "async", standbys: 2 } }),
    path: "durability.standbys",
    problem:
      "got 2, but commits wait for no standby; expected nothing (the mode is async: set mode to sync or quorum, or remove standbys)",
  },
  {
    what: "commits acknowledged before a standby has them",
    input: parameters({ synchronous_commit: false }),
    path: "postgresql.parameters.synchronous_commit",
    problem:
      /^got "off", with which commits are acknowledged before a standby has them on disk; expected on or remote_apply/,
  },
];

const network: Case[] = [
  {
    what: "a host name that is too long",
    input: rightCluster({
      name: "a".repeat(32),
      machines: three({ ["b".repeat(32)]: machine({ member: { mayLead: false } }) }),
      etcd: { voters: ["db-1"] },
    }),
    path: `machines.${"b".repeat(32)}`,
    problem: /^its host name a{32}-b{32} has 65 characters; expected at most 63/,
  },
  {
    what: "a network that is none",
    input: rightCluster({ platform: { kind: "lab", network: "198.18.0.0" } }),
    path: "platform.network",
    problem: 'got "198.18.0.0"; expected a network inside 198.18.0.0/24 from /24 to /29, such as "198.18.0.0/25"',
  },
  {
    what: "a network elsewhere",
    input: rightCluster({ platform: { kind: "lab", network: "10.0.0.0/25" } }),
    path: "platform.network",
    problem: /^got "10\.0\.0\.0\/25"; expected a network inside 198\.18\.0\.0\/24 .* RFC 2544/,
  },
  {
    what: "a network that is too large",
    input: rightCluster({ platform: { kind: "lab", network: "198.18.0.0/16" } }),
    path: "platform.network",
    problem: /^got "198\.18\.0\.0\/16"; expected a network inside/,
  },
  {
    what: "an address in place of a network",
    input: rightCluster({ platform: { kind: "lab", network: "198.18.0.77/25" } }),
    path: "platform.network",
    problem: 'got "198.18.0.77/25", which is not where a network begins; expected "198.18.0.0/25"',
  },
  {
    what: "more machines than the network has room for",
    input: rightCluster({
      platform: { kind: "lab", network: "198.18.0.0/29" },
      machines: Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`db-${n}`, machine()])),
      etcd: { voters: ["db-1"] },
    }),
    path: "platform.network",
    problem:
      'got "198.18.0.0/29" with room for 5 machines, and 6 machines; expected a larger network inside 198.18.0.0/24',
  },
  {
    what: "an address outside the lab's network",
    input: rightCluster({ machines: three({ "db-3": machine({ address: "198.18.0.200" }) }) }),
    path: "machines.db-3.address",
    problem:
      'got "198.18.0.200"; expected one from 198.18.0.2 to 198.18.0.126 (the network is 198.18.0.0/25), or nothing',
  },
  {
    what: "the bridge's address",
    input: rightCluster({ machines: three({ "db-3": machine({ address: "198.18.0.1" }) }) }),
    path: "machines.db-3.address",
    problem: /the first address is this host's/,
  },
  {
    what: "an address that another machine derives from its key",
    input: rightCluster({ machines: three({ "db-1": machine({ address: "198.18.0.13" }) }) }),
    path: "machines.db-3.address",
    problem:
      "its key gives 198.18.0.13, which is the address of db-1 too; expected one of its own (set address on one of the two)",
  },
  {
    what: "an address twice",
    input: rightCluster({
      machines: three({ "db-2": machine({ address: "198.18.0.50" }), "db-3": machine({ address: "198.18.0.50" }) }),
    }),
    path: "machines.db-3.address",
    problem: 'got "198.18.0.50", which is the address of db-2 too; expected one of its own',
  },
  {
    what: "a machine without address",
    input: ssh({}, { "db-1": machine() }),
    path: "machines.db-1.address",
    problem: "is missing; expected the machine's IPv4 address (on the platform ssh machines exist already)",
  },
  {
    what: "an address at which nobody is reached",
    input: ssh({}, { "db-1": machine({ address: "127.0.0.1" }) }),
    path: "machines.db-1.address",
    problem: 'got "127.0.0.1"; expected an address by which other machines reach it',
  },
  {
    what: "an address that is none",
    input: ssh({}, { "db-1": machine({ address: "db1.example.org" }) }),
    path: "machines.db-1.address",
    problem: 'got "db1.example.org"; expected an IPv4 address such as "10.0.1.11"',
  },
  {
    what: "a machine without host key",
    input: ssh({ hostKeys: {} }),
    path: "platform.hostKeys.db-1",
    problem: /^is missing; expected the public host key of the machine, such as "ssh-ed25519 AAAA…"/,
  },
  {
    what: "a host key of no machine",
    input: ssh({ hostKeys: { "db-1": HOST_KEY, "db-11": HOST_KEY } }),
    path: "platform.hostKeys.db-11",
    problem: "there is no machine of that key; expected one of db-1 (did you mean db-1?)",
  },
  {
    what: "a host key with the address before it",
    input: ssh({ hostKeys: { "db-1": `10.0.0.1 ${HOST_KEY}` } }),
    path: "platform.hostKeys.db-1",
    problem:
      /^got "10\.0\.0\.1 ssh-ed25519 A+…; expected a public host key such as "ssh-ed25519 AAAA…" \(take type and key/,
  },
];

const hardware: Case[] = [
  {
    what: "too little memory for PostgreSQL",
    input: rightCluster({ machines: three({ "db-3": machine({ size: { vcpu: 1, memory: "256MB" } }) }) }),
    path: "machines.db-3.size.memory",
    problem: 'got "256MB"; expected at least 512MB (PostgreSQL and what runs beside it need it)',
  },
  {
    what: "too little memory for anything",
    input: rightCluster({
      machines: three({ w: machine({ member: false, size: { vcpu: 1, memory: "128MB" } }) }),
      etcd: { voters: ["db-1", "db-2", "w"] },
    }),
    path: "machines.w.size.memory",
    problem: 'got "128MB"; expected at least 256MB (etcd and the poolers need it)',
  },
  {
    what: "a part of a CPU that the lab does not give",
    input: rightCluster({ machines: three({ "db-3": machine({ size: { vcpu: 0.3, memory: "1GB" } }) }) }),
    path: "machines.db-3.size.vcpu",
    problem: "got 0.3; expected a multiple of 0.25",
  },
  {
    what: "half a CPU of a real machine",
    input: ssh({}, { "db-1": machine({ address: "10.0.0.1", size: { vcpu: 0.5, memory: "1GB" } }) }),
    path: "machines.db-1.size.vcpu",
    problem: "got 0.5; expected a whole number: the CPUs that the machine has",
  },
  {
    what: "a small data disk",
    input: rightCluster({ machines: three({ "db-3": machine({ disks: { data: { size: "512MB" } } }) }) }),
    path: "machines.db-3.disks.data.size",
    problem: 'got "512MB"; expected at least 1GB',
  },
  {
    what: "a small disk of the log",
    input: rightCluster({
      machines: three({ "db-3": machine({ disks: { data: { size: "5GB" }, wal: { size: "512MB" } } }) }),
    }),
    path: "machines.db-3.disks.wal.size",
    problem: 'got "512MB"; expected at least 1GB',
  },
];

const hba = (rule: object) => rightCluster({ hba: [{ address: "all" }, { address: "10.0.0.0/8", ...rule }] });
const accessRules: Case[] = [
  {
    what: "an address without prefix",
    input: hba({ address: "10.1.2.3" }),
    path: "hba[1].address",
    problem: /^got "10\.1\.2\.3"; expected a network in CIDR notation/,
  },
  {
    what: "bits after the prefix",
    input: hba({ address: "10.1.2.3/8" }),
    path: "hba[1].address",
    problem:
      'got "10.1.2.3/8", which has bits set after its prefix; expected "10.0.0.0/8" for the network, or "10.1.2.3/32" for the one address',
  },
  {
    what: "a prefix that is too long",
    input: hba({ address: "10.0.0.0/33" }),
    path: "hba[1].address",
    problem: /^got "10\.0\.0\.0\/33"/,
  },
  {
    what: "no IPv6 network",
    input: hba({ address: "2001:db8:::1/64" }),
    path: "hba[1].address",
    problem: /expected an IPv6 network in CIDR notation/,
  },
  {
    what: "a blank in a list",
    input: hba({ database: "shop, my db" }),
    path: "hba[1].database",
    problem:
      'got " my db"; expected names of databases with commas and no blanks between them, or all, sameuser, samerole or replication (a name with blanks stands by itself)',
  },
  {
    what: "a role that begins a comment",
    input: hba({ user: "a,#b" }),
    path: "hba[1].user",
    problem: /^got "#b"; expected names of roles/,
  },
  { what: "a line break", input: hba({ user: "a\nb" }), path: "hba[1].user", problem: /^got "a\\nb"/ },
  { what: "a hole in a list", input: hba({ user: "a,,b" }), path: "hba[1].user", problem: /^got ""; expected names/ },
  { what: "a file to include", input: hba({ user: "@staff" }), path: "hba[1].user", problem: /^got "@staff"/ },
  { what: "a pattern", input: hba({ database: "/^shop" }), path: "hba[1].database", problem: /^got "\/\^shop"/ },
  {
    what: "all beside a name",
    input: hba({ database: "shop,all" }),
    path: "hba[1].database",
    problem: 'got "shop,all"; expected all by itself (it covers every other name)',
  },
  {
    what: "a certificate without TLS",
    input: hba({ type: "host", method: "cert" }),
    path: "hba[1].method",
    problem: 'got "cert" with type "host"; expected type "hostssl" (a client shows its certificate over TLS)',
  },
  {
    what: "a method that is not offered",
    input: hba({ method: "trust" }),
    path: "hba[1].method",
    problem: 'got "trust"; expected one of scram-sha-256, cert, reject',
  },
];

const betweenParameters: Case[] = [
  {
    what: "fewer connections than the poolers need",
    input: parameters({ max_connections: 40 }),
    path: "postgresql.parameters.max_connections",
    problem: /^got 40; expected at least 80: 20 for each pooler \(3\)/,
  },
  {
    what: "fewer senders than members",
    input: parameters({ max_wal_senders: 5 }),
    path: "postgresql.parameters.max_wal_senders",
    problem: "got 5; expected at least 6: one for each member, and 3 for base backups and tools",
  },
  {
    what: "fewer slots than members",
    input: parameters({ max_replication_slots: 5 }),
    path: "postgresql.parameters.max_replication_slots",
    problem: /^got 5; expected at least 6/,
  },
  {
    what: "more shared buffers than memory bears",
    input: parameters({ shared_buffers: "3500MB" }),
    path: "postgresql.parameters.shared_buffers",
    problem:
      /^got "3500MB"; expected at most 75% of the memory of every member's machine, which it is not on db-1 \(4GB\)/,
  },
  {
    what: "more log than its disk bears",
    input: parameters({ max_wal_size: "45GB" }),
    path: "postgresql.parameters.max_wal_size",
    problem: /^got "45GB"; expected at most 80% of the disk that the log is on, which it is not on db-1 \(50GB\)/,
  },
  {
    what: "a least size of the log above the most",
    input: parameters({ min_wal_size: "4GB", max_wal_size: "2GB" }),
    path: "postgresql.parameters.min_wal_size",
    problem: 'got "4GB"; expected no more than max_wal_size, 2GB',
  },
];

const groups = { structure, members, placement, durability, network, hardware, pg_hba: accessRules, betweenParameters };

describe.each(Object.entries(groups))("%s: a mistake is reported", (_, cases) => {
  it.each(cases)("$what", ({ input, path, problem }) => {
    const mistakes = mistakesOf(input);
    expect(Object.keys(mistakes)).toContain(path);
    if (typeof problem === "string") expect(mistakes[path]).toBe(problem);
    else expect(mistakes[path]).toMatch(problem);
  });
});

describe("a declaration with many mistakes", () => {
  const all = rightCluster({
    name: "Main",
    colour: "red",
    platform: { kind: "lab", network: "10.0.0.0/25" },
    postgresql: { profile: "olpt", parameters: { shared_buffer: "1GB" } },
    durability: { mode: "sync", standbys: 5 },
    machines: three({
      "db-3": machine({ size: { vcpu: 2, memory: "64MB" }, zone: 7, member: { replicatesFrom: "db-3" } }),
      "db-4": 12,
    }),
    etcd: { voters: ["db-1", "db-7"] },
    hba: [{ address: "nowhere" }],
  });

  it("is told all of them at once, in structure and between fields", () => {
    expect(Object.keys(mistakesOf(all))).toEqual([
      "colour",
      "etcd.voters",
      "etcd.voters[1]",
      "hba[0].address",
      "machines.db-3.member.replicatesFrom",
      "machines.db-3.size.memory",
      "machines.db-3.zone",
      "machines.db-4",
      "name",
      "platform.network",
      "postgresql.parameters.shared_buffer",
      "postgresql.profile",
    ]);
  });

  it("is told in one message, a line each", () => {
    try {
      parseCluster(all);
      expect.unreachable();
    } catch (error) {
      const lines = (error as SpecError).message.split("\n");
      expect(lines[0]).toBe("The declaration has 12 mistakes:");
      expect(lines).toHaveLength(13);
      expect(lines[4]).toBe(
        '  hba[0].address: got "nowhere"; expected a network in CIDR notation such as "10.0.0.0/16", one address such as "10.0.0.5/32", or samenet, samehost, all',
      );
    }
  });

  it("is told nothing that follows only from what could not be read", () => {
    const unreadable = rightCluster({
      machines: { "db-1": machine({ member: 1 }), "db-2": machine({ address: "x" }), "db-3": 3 },
      etcd: { voters: ["db-1", "db-3", 4] },
    });
    expect(Object.keys(mistakesOf(unreadable))).toEqual([
      "etcd.voters[2]",
      "machines.db-1.member",
      "machines.db-2.address",
      "machines.db-3",
    ]);
  });
});

describe("what is allowed is not reported", () => {
  it.each([
    ["five voters of five members", rightCluster({ machines: three({ "db-4": machine(), "db-5": machine() }) })],
    ["one member alone", rightCluster({ machines: { "db-1": machine() } })],
    [
      "two members and a witness",
      rightCluster({
        machines: { "db-1": machine(), "db-2": machine(), w: machine({ member: false }) },
        etcd: { voters: ["db-1", "db-2", "w"] },
      }),
    ],
    [
      "a chain of replicas",
      rightCluster({
        machines: three({
          "db-2": machine({ member: { replicatesFrom: "db-1" } }),
          "db-3": machine({ member: { replicatesFrom: "db-2" } }),
        }),
      }),
    ],
    [
      "sync with two members",
      rightCluster({
        machines: { "db-1": machine(), "db-2": machine() },
        etcd: { voters: ["db-1"] },
        durability: { mode: "sync" },
      }),
    ],
    ["strict with one to spare", rightCluster({ durability: { strict: true } })],
    ["commits that wait for replay", parameters({ synchronous_commit: "remote_apply" })],
    [
      "commits that wait for nothing, in async mode",
      parameters({ synchronous_commit: "off" }, { durability: { mode: "async" } }),
    ],
    [
      "rules of access",
      rightCluster({
        hba: [
          { type: "host", database: "shop,stock", user: "+staff,carl", address: "10.1.0.0/16", method: "reject" },
          { address: "2001:db8::/32", database: "my db" },
          { address: "::1/128" },
          { address: "samenet" },
          { address: "0.0.0.0/0", method: "cert" },
        ],
      }),
    ],
    [
      "addresses of the machines' own",
      rightCluster({ machines: three({ "db-3": machine({ address: "198.18.0.126" }) }) }),
    ],
    [
      "a quarter of a CPU",
      rightCluster({ machines: three({ "db-3": machine({ size: { vcpu: 0.25, memory: "512MB" } }) }) }),
    ],
  ])("%s", (_, input) => {
    expect(mistakesOf(input)).toEqual({});
  });
});
