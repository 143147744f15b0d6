import type * as pulumi from "@pulumi/pulumi";
import { ThinResource } from "../provider/thin";

/** A file on the host that runs the program, below the project's directory. */
export class LocalFile extends ThinResource {
  constructor(name: string, args: { path: string; content: pulumi.Input<string> }, opts: pulumi.CustomResourceOptions) {
    super("components/outputs/providers/local-file", name, args, opts, "outputs", "LocalFile");
  }
}
