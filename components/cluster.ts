import * as pulumi from "@pulumi/pulumi";
import type { ClusterAccess } from "./operate/access";
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
import { createMachines } from "./platform";
import { clusterAccess } from "./rollout/access";
import { Conductor } from "./rollout/conductor";
import { Secrets } from "./secrets";
import { MachineServices } from "./services";
import type { ClusterSpec } from "./spec";

/** An endpoint with a connection string that works in `psql` as it is. */
export interface ConnectedEndpoint extends Endpoint {
  /** libpq URI with user and password. */
  readonly connectionString: string;
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

  constructor(spec: ClusterSpec, opts?: pulumi.ComponentResourceOptions) {
    // The whole spec as inputs: the engine stores it and previews every changed field.
    super("pgkeel:index:Cluster", spec.name, { spec }, opts);
    const plan = planCluster(spec);
    const child = { parent: this };

    const secrets = new Secrets(`${spec.name}-secrets`, plan, child);
    const machines = createMachines(spec.name, plan, child);
    const converged = machines.flatMap(
      (machine) => new MachineServices(`${spec.name}-${machine.key}`, plan, machine, secrets, child).converged,
    );
    this.access = clusterAccess(plan, machines, secrets);
    const conductor = new Conductor(
      `${spec.name}-conductor`,
      { plan, access: this.access, passwords: secrets.cluster.apply(({ passwords }) => passwords) },
      { ...child, dependsOn: converged },
    );

    this.caCertificate = secrets.cluster.apply(({ caCertificate }) => caCertificate);
    this.adminPassword = pulumi.secret(secrets.cluster.apply(({ passwords }) => passwords.admin));
    const caFile = this.keepCertificate(spec.name, conductor);
    this.readWrite = this.connected(plan, READ_WRITE_PORT, caFile);
    this.readOnly = this.connected(plan, READ_ONLY_PORT, caFile);
    this.members = plan.members.map(({ key, address, spec: { zone } }) => ({ key, address, zone }));
    this.readme = stackReadme(plan);
    this.registerOutputs({ readWrite: this.readWrite, readOnly: this.readOnly, members: this.members });
  }

  /** Writes the authority's certificate where `sslrootcert` can name it; returns the absolute path. */
  private keepCertificate(name: string, after: pulumi.Resource): string {
    const path = `.pulumi/ca/${name}.crt`;
    new LocalFile(`${name}-ca-file`, { path, content: this.caCertificate }, { parent: this, dependsOn: [after] });
    return `${process.cwd()}/${path}`;
  }

  private connected(plan: ClusterPlan, port: number, caFile: string): pulumi.Output<ConnectedEndpoint> {
    const target = endpoint(plan, port);
    return this.adminPassword.apply((password) => ({
      ...target,
      connectionString: connectionString(target, password, caFile),
    }));
  }
}
