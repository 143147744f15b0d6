import type { ClusterPlan, PlannedMachine } from "../../plan";
import { packagesFor, type WantedPackage } from "../../spec";

/** What the services' scripts and programs use on every machine. */
const EVERYWHERE = ["ca-certificates", "curl", "iproute2", "openssl", "procps", "python3"];
/**
 * Patroni's modules for PostgreSQL and etcd's API version 3. Its Debian package is content with any one consensus store,
 * and takes Consul's where nothing else is asked for.
 */
const PATRONI_MODULES = [
  "python3-dateutil",
  "python3-dnspython",
  "python3-etcd",
  "python3-psycopg2",
  "python3-urllib3",
];

/** Debian packages of a machine, sorted: `name`, or `name=version` where the declaration pins a version. */
export function packageList(plan: ClusterPlan, machine: PlannedMachine): readonly string[] {
  const supporting = machine.roles.includes("postgresql") ? [...EVERYWHERE, ...PATRONI_MODULES] : EVERYWHERE;
  return [...supporting, ...wanted(plan, machine).map(argument)].sort();
}

/**
 * Keeps apt, and whoever runs it, from other versions than the pinned ones: a priority above 1000 holds even against a
 * newer version (apt_preferences(5)). Empty where nothing is pinned.
 */
export function pinnedVersions(plan: ClusterPlan, machine: PlannedMachine): string {
  return wanted(plan, machine)
    .filter(({ version }) => version !== undefined)
    .map(({ name, version }) => `Package: ${name}\nPin: version ${version}\nPin-Priority: 1001\n`)
    .join("\n");
}

/**
 * No upgrade by the clock for the cluster's software: a package's own restart would come at any time, on several machines
 * at once.
 */
export function unattendedUpgrades(plan: ClusterPlan, machine: PlannedMachine): string {
  const names = wanted(plan, machine).map(({ name }) => `  "^${name.replaceAll("+", "\\+")}$";`);
  return ["Unattended-Upgrade::Package-Blacklist {", ...names, "};", ""].join("\n");
}

function wanted(plan: ClusterPlan, machine: PlannedMachine): readonly WantedPackage[] {
  return packagesFor(machine.roles, plan.spec.software);
}

function argument({ name, version }: WantedPackage): string {
  return version === undefined ? name : `${name}=${version}`;
}
