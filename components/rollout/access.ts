import * as pulumi from "@pulumi/pulumi";
import type { AccessMachine, ClusterAccess, SshAccess } from "../operate/access";
import { type ClusterPlan, type PlannedMachine, planCluster } from "../plan";
import type { Connection, ReachableMachine } from "../remote";
import type { Secrets } from "../secrets";
import type { ClusterSpec } from "../spec";

/** Everything that live work on the cluster needs, as one secret document. */
export function clusterAccess(
  plan: ClusterPlan,
  machines: readonly ReachableMachine[],
  secrets: Secrets,
): pulumi.Output<ClusterAccess> {
  const connections = pulumi.all(machines.map((machine) => machine.connection));
  return pulumi.secret(
    pulumi.all([connections, secrets.cluster]).apply(([reached, plain]) => {
      const byKey = new Map(machines.map((machine, index) => [machine.key, reached[index] as Connection]));
      const first = reached[0] as Connection;
      return {
        cluster: plan.spec.name,
        machines: plan.machines.map((planned) => accessOf(planned, (byKey.get(planned.key) as Connection).hostKey)),
        ssh: sshAccess(first),
        secrets: {
          superuserPassword: plain.passwords.superuser,
          patroniApiPassword: plain.passwords.patroniApi,
          caCertificate: plain.caCertificate,
        },
      };
    }),
  );
}

/** One machine of it. */
export function accessOf({ key, hostname, address, roles, spec }: PlannedMachine, hostKey: string): AccessMachine {
  return { key, hostname, address, zone: spec.zone, roles: [...roles], hostKey };
}

/**
 * The machines of one access document with all that another declaration puts on them as well: what a machine has yet to
 * get, or has yet to give up, is looked at like everything else.
 */
export function withRolesOf(access: ClusterAccess, spec: ClusterSpec): ClusterAccess {
  const more = new Map(planCluster(spec).machines.map(({ key, roles }) => [key, roles]));
  const machines = access.machines.map((machine) => ({
    ...machine,
    roles: [...new Set([...machine.roles, ...(more.get(machine.key) ?? [])])],
  }));
  return { ...access, machines };
}

/** All machines of a platform are reached in the same way, so one connection tells it for all. */
function sshAccess({ user, port, privateKey, agentSocketPath, proxy }: Connection): SshAccess {
  return {
    user,
    port,
    login:
      privateKey === undefined
        ? { kind: "agent", ...(agentSocketPath === undefined ? {} : { socket: agentSocketPath }) }
        : { kind: "key", privateKey },
    ...(proxy === undefined
      ? {}
      : { bastion: { host: proxy.host, port: proxy.port, user: proxy.user, hostKey: proxy.hostKey } }),
  };
}
