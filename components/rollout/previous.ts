import * as pulumi from "@pulumi/pulumi";
import { type ClusterAccess, parseAccess } from "../operate/access";
import type { Proof } from "../operate/witness/proof";
import type { ClusterSpec } from "../spec";

/** What the last update that finished left: its declaration, and how its machines are reached. */
export interface PreviousRun {
  readonly spec: ClusterSpec;
  readonly access: ClusterAccess;
  /** Password of the role `admin`. */
  readonly adminPassword: string | undefined;
  /** What was measured during the last update that disturbed anything; undefined: none did yet. */
  readonly proof: Proof | undefined;
}

/**
 * Reads the stack's own outputs; undefined before the first deployment has finished. The program has to know the living
 * cluster before it declares a resource: who leads decides in which order machines are worked on, and what is refused.
 */
export async function previousRun(): Promise<PreviousRun | undefined> {
  const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const stack = new pulumi.StackReference("previous-run", { name: self });
  const output = (name: string) => stack.getOutputDetails(name);
  const [access, declared, password, proof] = await Promise.all(
    ["access", "declared", "adminPassword", "proof"].map(output),
  );
  if (access?.secretValue === undefined || declared?.secretValue === undefined) return undefined;
  return {
    spec: declared.secretValue as ClusterSpec,
    access: parseAccess(access.secretValue),
    adminPassword: password?.secretValue as string | undefined,
    proof: proof?.value as Proof | undefined,
  };
}
