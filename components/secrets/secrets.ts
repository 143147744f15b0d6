import * as pulumi from "@pulumi/pulumi";
import type { ClusterPlan } from "../plan";
import type { ClusterPasswords, ClusterSecrets, MachineIdentity } from "../services/types";
import { CertificateAuthority, MachineCertificate, Password } from "./resources";

/** Ten years: replacing an authority means trusting two for a while, which is work for a runbook, not for an `up`. */
const AUTHORITY_VALIDITY_DAYS = 3650;
/** 13 months, the longest that public authorities may issue; renewed by any `up` in the last two of them. */
const CERTIFICATE_VALIDITY_DAYS = 398;
const RENEW_BEFORE_DAYS = 60;

const PASSWORDS = {
  superuser: "superuser",
  replication: "replication",
  rewind: "rewind",
  admin: "admin",
  pgbouncer: "pgbouncer",
  patroniApi: "patroni-api",
  etcdRoot: "etcd-root",
  etcdPatroni: "etcd-patroni",
} as const satisfies Record<keyof ClusterPasswords, string>;

/** Everything secret of one cluster: generated once, kept encrypted in the stack's state. */
export class Secrets extends pulumi.ComponentResource {
  readonly cluster: pulumi.Output<ClusterSecrets>;
  readonly identities: ReadonlyMap<string, pulumi.Output<MachineIdentity>>;

  constructor(name: string, plan: ClusterPlan, opts: pulumi.ComponentResourceOptions) {
    super("pgkeel:secrets:Secrets", name, {}, opts);
    const child = { parent: this };

    const passwords = Object.fromEntries(
      Object.entries(PASSWORDS).map(([key, suffix]) => [key, new Password(`${name}-${suffix}`, child).value]),
    ) as Record<keyof ClusterPasswords, pulumi.Output<string>>;

    const authority = new CertificateAuthority(
      `${name}-ca`,
      { cluster: plan.spec.name, validityDays: AUTHORITY_VALIDITY_DAYS },
      child,
    );
    this.cluster = pulumi.all([authority.certificate, pulumi.output(passwords)]).apply(([caCertificate, plain]) => ({
      caCertificate,
      passwords: plain,
    }));

    this.identities = new Map(
      plan.machines.map((machine) => {
        const issued = new MachineCertificate(
          `${name}-${machine.key}-certificate`,
          {
            machine: { hostname: machine.hostname, key: machine.key, address: machine.address },
            authority,
            validityDays: CERTIFICATE_VALIDITY_DAYS,
            renewBeforeDays: RENEW_BEFORE_DAYS,
          },
          child,
        );
        const identity = pulumi.all([issued.certificate, issued.privateKey]);
        return [machine.key, identity.apply(([certificate, privateKey]) => ({ certificate, privateKey }))];
      }),
    );
    this.registerOutputs({});
  }
}
