import * as pulumi from "@pulumi/pulumi";
import { type ClusterAccess, parseAccess } from "../operate/access";
import type { ClusterSpec } from "../spec";

/** What the last update that finished left: its declaration, and how its machines are reached. */
export interface PreviousRun {
  readonly spec: ClusterSpec;
  readonly access: ClusterAccess;
}

/**
 * Reads the stack's own outputs; undefined before the first deployment has finished. The program has to know the living
 * cluster before it declares a resource: who leads decides in which order machines are worked on, and what is refused.
 */
export async function previousRun(): Promise<PreviousRun | undefined> {
  const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const stack = new pulumi.StackReference("previous-run", { name: self });
  const [access, declared] = await Promise.all([stack.getOutputDetails("access"), stack.getOutputDetails("declared")]);
  if (access.secretValue === undefined || declared.secretValue === undefined) return undefined;
  return { spec: declared.secretValue as ClusterSpec, access: parseAccess(access.secretValue) };
}
