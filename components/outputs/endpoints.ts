import type { ClusterPlan } from "../plan";

/** Where applications connect. */
export interface Endpoint {
  /** Addresses of the poolers; each of them serves the whole cluster. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly database: string;
}

/** Port of the poolers that leads to the leader. */
export const READ_WRITE_PORT = 6432;
/** Port of the poolers that spreads over the replicas, and leads to the leader when no replica is fit. */
export const READ_ONLY_PORT = 6433;
/** The database that exists from the start, owned by the role `admin`. */
export const DATABASE = "app";
/** The DBA's role. */
export const ADMIN_ROLE = "admin";
/**
 * Seconds libpq tries one pooler before it goes on to the next; a machine without power does not answer at all.
 */
const CONNECT_TIMEOUT_SECONDS = 5;

export function endpoint(plan: ClusterPlan, port: number): Endpoint {
  return { hosts: plan.poolers.map((machine) => machine.address), port, database: DATABASE };
}

/** A libpq URI that names every pooler, so that clients survive the loss of one. */
export function connectionString(target: Endpoint, password: string, caFile: string): string {
  const hosts = target.hosts.map((host) => `${host}:${target.port}`).join(",");
  const query = new URLSearchParams({
    sslmode: "verify-full",
    sslrootcert: caFile,
    connect_timeout: String(CONNECT_TIMEOUT_SECONDS),
  });
  // libpq decodes percent escapes and takes "+" literally, so a space must not become one.
  const encoded = query.toString().replaceAll("+", "%20");
  return `postgresql://${ADMIN_ROLE}:${encodeURIComponent(password)}@${hosts}/${target.database}?${encoded}`;
}
