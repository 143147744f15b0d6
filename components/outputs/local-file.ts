import * as pulumi from "@pulumi/pulumi";
import { thinProvider } from "../provider/thin";

/** A file on the host that runs the program, below the project's directory. */
export class LocalFile extends pulumi.dynamic.Resource {
  constructor(name: string, args: { path: string; content: pulumi.Input<string> }, opts: pulumi.CustomResourceOptions) {
    super(thinProvider("components/outputs/providers/local-file"), name, args, opts, "outputs", "LocalFile");
  }
}
