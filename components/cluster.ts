import * as pulumi from "@pulumi/pulumi";
import type { ClusterAccess } from "./operate/access";
import type { Proof } from "./operate/witness/proof";
import {
  connectionString,
  type Endpoint,
  endpoint,
  LocalFile,
  READ_ONLY_PORT,
  READ_WRITE_PORT,
  stackReadme,
} from "./outputs";
import { type ClusterPlan, planCluster } from "./plan";
import type { RolloutPlan } from "./plan/change";
import { openPlatform } from "./platform";
import type { ReachableMachine } from "./remote";
import { accessOf, clusterAccess } from "./rollout/access";
import { Conductor } from "./rollout/conductor";
import { Gates } from "./rollout/gates";
import type { PreviousRun } from "./rollout/previous";
import { conductorSteps } from "./rollout/review";
import type { Witness } from "./rollout/witness/witness";
import { Secrets } from "./secrets";
import { MachineServices } from "./services";
import type { ClusterSpec } from "./spec";

/** An endpoint with a connection string that works in `psql` as it is. */
export interface ConnectedEndpoint extends Endpoint {
  /** libpq URI with user and password. */
  readonly connectionString: string;
}

/** The change that a run makes: where it starts, and the plan that was reviewed. */
export interface ClusterChange {
  readonly previous: PreviousRun | undefined;
  readonly plan: RolloutPlan;
  /** Clients at work while the cluster changes; undefined: nothing disturbs it. */
  readonly witness: Witness | undefined;
}

function incarnations(machines: readonly ReachableMachine[]): pulumi.Output<Record<string, string>> {
  const all = pulumi.all(machines.map(({ incarnation }) => incarnation));
  const keys = machines.map(({ key }) => key);
  return all.apply((made) =>
    Object.fromEntries(keys.flatMap((key, i) => (made[i] === undefined ? [] : [[key, made[i] as string]]))),
  );
}

/** One PostgreSQL cluster: everything from its machines to its endpoints. */
export class Cluster extends pulumi.ComponentResource {
  /** For writes and for reads that must see them: leads to whoever is leader. */
  readonly readWrite: pulumi.Output<ConnectedEndpoint>;
  /** For reads that may lag. */
  readonly readOnly: pulumi.Output<ConnectedEndpoint>;
  /** The members: key, address, zone. Who leads is not a fact of the declaration: `npm run cluster -- status` tells. */
  readonly members: { key: string; address: string; zone: string }[];
  /** PEM of the cluster's authority. */
  readonly caCertificate: pulumi.Output<string>;
  /** Password of the role `admin`. */
  readonly adminPassword: pulumi.Output<string>;
  /** What `npm run cluster` needs to reach the machines; secret. */
  readonly access: pulumi.Output<ClusterAccess>;
  /** The stack's README, Markdown. */
  readonly readme: string;
  /** The parsed declaration: what the next update compares with. Secret only to keep previews short. */
  readonly declared: pulumi.Output<ClusterSpec>;
  /** What clients saw of the last update that disturbed anything; undefined: none did yet. */
  readonly proof: pulumi.Output<Proof | undefined>;

  /** @param change What is known of the change that this run makes to a running cluster. */
  constructor(spec: ClusterSpec, change: ClusterChange, opts?: pulumi.ComponentResourceOptions) {
    // The whole spec as inputs: the engine stores it and previews every changed field.
    super("pgkeel:index:Cluster", spec.name, { spec }, opts);
    const plan = planCluster(spec);
    const { witness } = change;
    const watch = witness && {
      ready: witness.ready,
      failed: () => witness.prove(this),
      onFailure: witness.onFailure(spec.name, this),
    };
    const gates = new Gates(change.plan, change.previous, spec, watch);
    const child = { parent: this };

    const secrets = new Secrets(`${spec.name}-secrets`, plan, child);
    const { machines, converged, standing } = this.makeMachines(plan, secrets, gates, witness);
    this.access = clusterAccess(plan, machines, secrets);
    const conductor = new Conductor(
      `${spec.name}-conductor`,
      {
        plan,
        steps: conductorSteps(change.plan),
        incarnations: incarnations(machines),
        access: witness?.whenReady(this.access) ?? this.access,
        passwords: secrets.cluster.apply(({ passwords }) => passwords),
      },
      {
        ...child,
        dependsOn: converged,
        ...(watch && { hooks: { onError: [watch.onFailure] } }),
      },
    );
    const poolers = standing.flatMap((services) => services.addPooler([conductor]) ?? []);

    this.caCertificate = secrets.cluster.apply(({ caCertificate }) => caCertificate);
    this.adminPassword = pulumi.secret(secrets.cluster.apply(({ passwords }) => passwords.admin));
    const caFile = this.keepCertificate(spec.name, [conductor, ...poolers]);
    this.readWrite = this.connected(plan, READ_WRITE_PORT, caFile);
    this.readOnly = this.connected(plan, READ_ONLY_PORT, caFile);
    this.members = plan.members.map(({ key, address, spec: { zone } }) => ({ key, address, zone }));
    this.readme = stackReadme(plan);
    // Known when all is done: after a failed update, the outputs of the last finished one stay.
    const done = pulumi.all([conductor, ...poolers].map(({ id }) => id));
    this.declared = pulumi.secret(done.apply(() => spec));
    this.proof = this.proven(change, done);
    this.registerOutputs({ readWrite: this.readWrite, readOnly: this.readOnly, members: this.members });
  }

  /**
   * Machines with their services: all at once, but for those that a running cluster can spare only one at a time. These
   * stand in a chain behind all others, in the order of the plan, each behind the services of the one before: whoever
   * leads may hand over to a newcomer.
   *
   * `standing`: services of machines whose poolers clients use already; these change when the cluster has.
   */
  private makeMachines(plan: ClusterPlan, secrets: Secrets, gates: Gates, witness: Witness | undefined) {
    const platform = openPlatform(plan.spec.name, plan, { parent: this });
    const inTurn = [...plan.machines].sort((a, b) => gates.order.indexOf(a.key) - gates.order.indexOf(b.key));
    const machines: ReachableMachine[] = [];
    const converged: pulumi.Resource[] = [];
    const standing: MachineServices[] = [];
    let ahead: readonly pulumi.Resource[] = [];
    for (const planned of inTurn) {
      const { key } = planned;
      const waits = gates.order.includes(key);
      const gate = gates.before(key, { parent: this, dependsOn: waits ? [...ahead] : [] });
      const machine = platform(planned, { dependsOn: [gate], hooks: gates.machine(key) });
      const services = new MachineServices(`${plan.spec.name}-${key}`, plan, machine, secrets, gates.voter(key), {
        parent: this,
      });
      const all = [...services.converged];
      if (gates.hasStandingPooler(key)) standing.push(services);
      else all.push(...[services.addPooler([])].filter((pooler) => pooler !== undefined));
      ahead = waits ? all : [...ahead, ...all];
      machine.connection.apply(({ hostKey }) => {
        const reached = accessOf(planned, hostKey);
        gates.reach(reached);
        witness?.reach(reached);
      });
      machines.push(machine);
      converged.push(...all);
    }
    return { machines: machines.sort((a, b) => (a.key < b.key ? -1 : 1)), converged, standing };
  }

  /** Measured when all is done. An update that disturbed nothing, or could not be measured, leaves the last proof. */
  private proven({ witness, previous }: ClusterChange, done: pulumi.Output<unknown>): pulumi.Output<Proof | undefined> {
    const last = previous?.proof;
    if (witness === undefined) return pulumi.output(last);
    const measured = pulumi.all([this.access, done]).apply(([access]) => witness.prove(this, access));
    return pulumi.unsecret(measured.apply((proof) => (proof ?? last) as Proof | undefined));
  }

  /** Writes the authority's certificate where `sslrootcert` can name it; returns the absolute path. */
  private keepCertificate(name: string, after: readonly pulumi.Resource[]): string {
    const path = `.pulumi/ca/${name}.crt`;
    new LocalFile(`${name}-ca-file`, { path, content: this.caCertificate }, { parent: this, dependsOn: [...after] });
    return `${process.cwd()}/${path}`;
  }

  /** The stack's outputs. */
  outputs() {
    const { readWrite, readOnly, members, caCertificate, adminPassword, access, readme, declared, proof } = this;
    return { readWrite, readOnly, members, caCertificate, adminPassword, readme, access, declared, proof };
  }

  private connected(plan: ClusterPlan, port: number, caFile: string): pulumi.Output<ConnectedEndpoint> {
    const target = endpoint(plan, port);
    return this.adminPassword.apply((password) => ({
      ...target,
      connectionString: connectionString(target, password, caFile),
    }));
  }
}
