import type { ClusterPlan } from "../../plan";

/** TLS with a client certificate; the API needs a user and a password besides. */
export const CLIENT_PORT = 2379;
/** Between voters: TLS with certificates on both sides. */
export const PEER_PORT = 2380;
/** Plain HTTP on the loopback address alone: `/metrics` and `/health`, which hold no data. */
export const METRICS_PORT = 2381;

/** etcd's own administrator: adds users and members. Its password stays on the voters, readable by root. */
export const ROOT_USER = "root";

/** On a voter: `etcdctl` as {@link ROOT_USER}, with endpoints, certificate and password filled in. */
export const ETCDCTL = "/usr/local/lib/pgkeel/etcdctl";

/** Directory of everything that Patroni keeps in etcd; Patroni adds the cluster's name. */
export const NAMESPACE = "/pgkeel/";

/** The user that Patroni logs in as, and all that it may read and write. */
export function patroniUser(plan: ClusterPlan): {
  readonly name: string;
  readonly role: string;
  readonly prefix: string;
} {
  return { name: "patroni", role: "patroni", prefix: `${NAMESPACE}${plan.spec.name}/` };
}
