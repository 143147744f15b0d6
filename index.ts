import * as pulumi from "@pulumi/pulumi";
import { Cluster } from "./components/cluster";
import { previousRun } from "./components/rollout/previous";
import { reviewChange } from "./components/rollout/review";
import { parseCluster } from "./components/spec";
import { loadDeclaration } from "./stacks";

/** The program: what is declared, what the living cluster makes of the change, and then the cluster. */
export = async () => {
  const spec = parseCluster(loadDeclaration(pulumi.getStack()));
  const previous = await previousRun();
  const plan = await reviewChange(previous, spec);
  const cluster = new Cluster(spec, { previous, plan });
  return cluster.outputs();
};
