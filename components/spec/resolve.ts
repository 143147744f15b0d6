/** Fills in the defaults that depend on other fields, and puts everything in an order of its own. */
import { derivedAddress, type Network, parseNetwork } from "./addresses";
import type { Declared, DeclaredMachine } from "./schema";
import type { ClusterSpec, DurabilityMode, MachineSpec, MemberSpec } from "./types";

type DeclaredMember = Exclude<DeclaredMachine["member"], false>;

/** A member with its defaults. A delayed one neither leads nor takes reads: what it shows is old. */
export function resolveMember(member: DeclaredMember): MemberSpec {
  const current = member.delay === undefined;
  const { mayLead = current, takesReads = current, ...others } = member;
  return { mayLead, takesReads, ...others };
}

/** Members that acknowledge commits when they are replicas: those that may lead and stream from the leader itself. */
export function acknowledges(member: MemberSpec): boolean {
  return member.mayLead && member.replicatesFrom === undefined && member.delay === undefined;
}

/** Default of durability.mode: from three members on that can acknowledge, losing one leaves one to acknowledge the other's commits. */
export function defaultMode(acknowledging: number): DurabilityMode {
  return acknowledging >= 3 ? "quorum" : "async";
}

/** Keys of the machines with PostgreSQL, sorted. */
export function memberKeys(machines: Readonly<Record<string, { member?: unknown }>>): string[] {
  return Object.keys(machines)
    .filter((key) => machines[key]?.member !== false)
    .sort();
}

/** Address of a machine: as declared, else in the lab by its key. `network`: the lab's. */
export function resolveAddress(key: string, declared: string | undefined, network: Network | undefined): string {
  if (declared !== undefined) return declared;
  if (network === undefined) throw new Error(`machines.${key}: no address, and no network to take one from`);
  return derivedAddress(network, key);
}

/** The spec of a declaration that has been checked. `parameters`: its PostgreSQL parameters in canonical notation. */
export function resolveCluster(declared: Declared, parameters: Readonly<Record<string, string>>): ClusterSpec {
  const keys = Object.keys(declared.machines).sort();
  const network = declared.platform.kind === "lab" ? parseNetwork(declared.platform.network) : undefined;
  const machines = Object.fromEntries(
    keys.map((key) => [key, resolveMachine(key, declared.machines[key] as DeclaredMachine, network)]),
  );
  const members = memberKeys(machines);
  const acknowledging = members.filter((key) => acknowledges((machines[key] as MachineSpec).member as MemberSpec));
  const { mode, strict, standbys } = declared.durability;
  const keysOf = (which: "members" | string[]) => (which === "members" ? members : [...which].sort());
  // In the order of the schema, so that a spec that is parsed again stays as it is to the letter.
  return deepFreeze({
    name: declared.name,
    platform: resolvePlatform(declared.platform),
    postgresql: { ...declared.postgresql, parameters: sorted(parameters) },
    durability: { mode: mode ?? defaultMode(acknowledging.length), strict, standbys },
    recovery: declared.recovery,
    machines,
    etcd: { voters: keysOf(declared.etcd.voters) },
    poolers: { ...declared.poolers, machines: keysOf(declared.poolers.machines) },
    hba: declared.hba,
    protection: declared.protection ?? declared.platform.kind !== "lab",
    confirm: [...new Set([declared.confirm].flat())].sort(),
    software: declared.software,
  });
}

function resolvePlatform(platform: Declared["platform"]): Declared["platform"] {
  return platform.kind === "ssh" ? { ...platform, hostKeys: sorted(platform.hostKeys) } : platform;
}

function resolveMachine(key: string, machine: DeclaredMachine, network: Network | undefined): MachineSpec {
  const member = machine.member === false ? false : resolveMember(machine.member);
  const { size, disks, zone, address } = machine;
  return { size, disks, zone, address: resolveAddress(key, address, network), member };
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
