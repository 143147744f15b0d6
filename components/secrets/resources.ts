import type * as pulumi from "@pulumi/pulumi";
import { ThinResource } from "../provider/thin";
import type { MachineNames } from "./certificates";

/** A generated password. Kept for the life of the stack; encrypted in its state. */
export class Password extends ThinResource {
  declare readonly value: pulumi.Output<string>;

  constructor(name: string, opts?: pulumi.CustomResourceOptions) {
    super(
      "components/secrets/providers/password",
      name,
      { value: undefined },
      { ...opts, additionalSecretOutputs: ["value"] },
      "secrets",
      "Password",
    );
  }
}

/** A generated SSH key pair. */
export class SshKey extends ThinResource {
  /** `ssh-ed25519 AAAA… comment`. */
  declare readonly publicKey: pulumi.Output<string>;
  declare readonly privateKey: pulumi.Output<string>;

  constructor(name: string, args: { comment: string }, opts?: pulumi.CustomResourceOptions) {
    super(
      "components/secrets/providers/ssh-key",
      name,
      { ...args, publicKey: undefined, privateKey: undefined },
      { ...opts, additionalSecretOutputs: ["privateKey"] },
      "secrets",
      "SshKey",
    );
  }
}

/** The cluster's own certificate authority. */
export class CertificateAuthority extends ThinResource {
  /** PEM. */
  declare readonly certificate: pulumi.Output<string>;
  declare readonly privateKey: pulumi.Output<string>;
  /** ISO 8601, UTC. */
  declare readonly expires: pulumi.Output<string>;

  constructor(name: string, args: { cluster: string; validityDays: number }, opts?: pulumi.CustomResourceOptions) {
    super(
      "components/secrets/providers/authority",
      name,
      { ...args, certificate: undefined, privateKey: undefined, expires: undefined },
      { ...opts, additionalSecretOutputs: ["privateKey"] },
      "secrets",
      "CertificateAuthority",
    );
  }
}

export interface MachineCertificateArgs {
  readonly machine: MachineNames;
  readonly authority: CertificateAuthority;
  /** How long a new certificate holds, in days. */
  readonly validityDays: number;
  /** An `up` issues it anew when fewer than this many days are left. */
  readonly renewBeforeDays: number;
}

/** The certificate of one machine. */
export class MachineCertificate extends ThinResource {
  /** PEM. */
  declare readonly certificate: pulumi.Output<string>;
  declare readonly privateKey: pulumi.Output<string>;
  /** ISO 8601, UTC. */
  declare readonly expires: pulumi.Output<string>;

  constructor(name: string, args: MachineCertificateArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "components/secrets/providers/machine-certificate",
      name,
      {
        machine: args.machine,
        authorityCertificate: args.authority.certificate,
        authorityPrivateKey: args.authority.privateKey,
        validityDays: args.validityDays,
        renewBeforeDays: args.renewBeforeDays,
        certificate: undefined,
        privateKey: undefined,
        expires: undefined,
      },
      { ...opts, additionalSecretOutputs: ["privateKey", "authorityPrivateKey"] },
      "secrets",
      "MachineCertificate",
    );
  }
}
