import type { ClusterPlan, PlannedMachine } from "../plan";
import { DATABASE, READ_ONLY_PORT, READ_WRITE_PORT } from "./endpoints";

/** The stack's README, as Markdown: what the cluster is, how to connect, what runs where. */
export function stackReadme(plan: ClusterPlan): string {
  const { spec } = plan;
  return [
    `# PostgreSQL cluster ${spec.name}`,
    "",
    `PostgreSQL ${spec.postgresql.version}, profile ${spec.postgresql.profile}; ${durabilityInWords(plan)}; recovery preset \`${spec.recovery}\`.`,
    "",
    "```text",
    ...topology(plan),
    "```",
    "",
    "| machine | address | zone | vCPU | memory | data | runs |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...plan.machines.map(machineRow),
    "",
    "## Connect",
    "",
    `Database \`${DATABASE}\`. Writes: port ${READ_WRITE_PORT} of any pooler. Reads that may lag: port ${READ_ONLY_PORT}.`,
    "",
    "```sh",
    `psql "$(pulumi stack output readWrite --show-secrets --json | jq -r .connectionString)"`,
    "```",
    "",
  ].join("\n");
}

function durabilityInWords(plan: ClusterPlan): string {
  const { mode, strict, standbys } = plan.spec.durability;
  const count = standbys === 1 ? "one standby" : `${standbys} standbys`;
  const strictly = strict ? "; writes stop rather than be on the leader alone" : "";
  switch (mode) {
    case "async":
      return "commits do not wait for a standby: a failover may lose the newest ones";
    case "sync":
      return `every commit is acknowledged by ${count} first${strictly}`;
    case "quorum":
      return `every commit is acknowledged by any ${count} first${strictly}`;
  }
}

function topology(plan: ClusterPlan): string[] {
  const box = (title: string, machines: readonly PlannedMachine[]) =>
    `${title.padEnd(28)}${machines.map((machine) => machine.key).join("  ")}`;
  return [
    `clients ──TLS──▶ ${READ_WRITE_PORT} writes, ${READ_ONLY_PORT} reads`,
    "   │",
    "   ▼",
    box("PgBouncer and HAProxy", plan.poolers),
    "   │  HAProxy asks Patroni's REST API who leads",
    "   ▼",
    box("PostgreSQL and Patroni", plan.members),
    "   │  leader key with a time to live",
    "   ▼",
    box("etcd", plan.voters),
  ];
}

function machineRow(machine: PlannedMachine): string {
  const { size, disks, zone } = machine.spec;
  const cells = [machine.key, machine.address, zone, size.vcpu, size.memory, disks.data.size, machine.roles.join(", ")];
  return `| ${cells.join(" | ")} |`;
}
