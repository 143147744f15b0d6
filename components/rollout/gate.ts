import type * as pulumi from "@pulumi/pulumi";
import { ThinResource } from "../provider/thin";

/**
 * Stands in front of a machine: what a hook in front of its update does is done before the machine is touched. A resource of
 * its own, because a machine that is made anew is deleted first, and hooks of a deletion are those of the run that made
 * it; they would also have to be there whenever a stack is destroyed.
 */
export class Gate extends ThinResource {
  /** @param args.opensFor The work that waits behind it, in words; empty: none. */
  constructor(name: string, args: { readonly opensFor: string }, opts: pulumi.CustomResourceOptions) {
    super("components/rollout/providers/gate", name, args, opts, "rollout", "Gate");
  }
}
