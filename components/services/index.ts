import * as pulumi from "@pulumi/pulumi";
import type { ClusterPlan, PlannedMachine } from "../plan";
import { convergeService, installConverge, type ReachableMachine } from "../remote";
import type { Secrets } from "../secrets";
import { baseBundle } from "./base";
import { etcdBundle, etcdSecrets } from "./etcd";
import { haproxyBundle, haproxySecrets } from "./haproxy";
import { patroniBundle, patroniSecrets } from "./patroni";
import { pgbouncerBundle, pgbouncerSecrets } from "./pgbouncer";
import type { ClusterSecrets, MachineIdentity, ServiceBundle, ServiceFile } from "./types";

interface Service {
  readonly bundle: (plan: ClusterPlan, machine: PlannedMachine) => ServiceBundle;
  readonly secrets: (
    plan: ClusterPlan,
    machine: PlannedMachine,
    secrets: ClusterSecrets,
    identity: MachineIdentity,
  ) => readonly ServiceFile[];
}

const ETCD: Service = { bundle: etcdBundle, secrets: etcdSecrets };
const PATRONI: Service = { bundle: patroniBundle, secrets: patroniSecrets };
const HAPROXY: Service = { bundle: haproxyBundle, secrets: haproxySecrets };
const PGBOUNCER: Service = { bundle: pgbouncerBundle, secrets: pgbouncerSecrets };

/**
 * The services of one machine. etcd comes before Patroni, which needs it; the pooler's services come up beside them and
 * wait for a leader by themselves.
 *
 * `voterGate` stands before etcd: a running cluster has to know of a new voter before that starts.
 */
export class MachineServices extends pulumi.ComponentResource {
  /** The last resources of the machine without its pooler: whoever needs its services depends on them. */
  readonly converged: readonly pulumi.Resource[];
  private readonly addServices: (after: readonly pulumi.Resource[]) => pulumi.CustomResource | undefined;

  constructor(
    name: string,
    plan: ClusterPlan,
    reachable: ReachableMachine,
    secrets: Secrets,
    voterGate: pulumi.ResourceHookBinding,
    opts: pulumi.ComponentResourceOptions,
  ) {
    const machine = plan.machines.find(({ key }) => key === reachable.key);
    const identity = secrets.identities.get(reachable.key);
    if (machine === undefined || identity === undefined) throw new Error(`machine ${reachable.key} is not in the plan`);
    super("pgkeel:services:Machine", name, { roles: machine.roles }, opts);

    const child = (...after: pulumi.Resource[]) => ({ parent: this, dependsOn: after });
    const converge = (
      { bundle, secrets: files }: Service,
      after: readonly pulumi.Resource[],
      hooks: pulumi.ResourceHookBinding = {},
    ): pulumi.CustomResource =>
      convergeService(
        `${name}-${bundle(plan, machine).service}`,
        {
          machine: reachable,
          bundle: bundle(plan, machine),
          secrets: pulumi.all([secrets.cluster, identity]).apply(([plain, own]) => files(plan, machine, plain, own)),
        },
        { ...child(...after), hooks },
      );

    const program = installConverge(`${name}-converge`, reachable, { parent: this });
    const base = convergeService(
      `${name}-base`,
      { machine: reachable, bundle: baseBundle(plan, machine) },
      child(program),
    );
    const etcd = machine.roles.includes("etcd") ? converge(ETCD, [base], voterGate) : base;
    const member = machine.roles.includes("postgresql") ? converge(PATRONI, [etcd]) : etcd;
    this.converged = [member];
    this.addServices = (after) =>
      machine.roles.includes("pooler") ? converge(PGBOUNCER, [converge(HAPROXY, [base, ...after])]) : undefined;
    this.registerOutputs({});
  }

  /**
   * Declares the machine's pooler, if it has one; its last resource is returned.
   * @param after What it waits for. A pooler that clients use must not lose a route before the cluster has let go of it.
   */
  addPooler(after: readonly pulumi.Resource[]): pulumi.CustomResource | undefined {
    return this.addServices(after);
  }
}
