import * as pulumi from "@pulumi/pulumi";
import { Cluster } from "./components/cluster";
import { OperateError } from "./components/operate/errors";
import { previousRun } from "./components/rollout/previous";
import { reviewChange } from "./components/rollout/review";
import { Witness } from "./components/rollout/witness/witness";
import { parseCluster, SpecError } from "./components/spec";
import { loadDeclaration } from "./stacks";

/** The program: what is declared, what the living cluster makes of the change, and then the cluster. */
export = async () => {
  try {
    const spec = parseCluster(loadDeclaration(pulumi.getStack()));
    const previous = await previousRun();
    const plan = await reviewChange(previous, spec);
    const witness = Witness.start(previous, plan);
    const cluster = new Cluster(spec, { previous, plan, witness });
    return cluster.outputs();
  } catch (error) {
    throw isForTheReader(error) ? withoutFrames(error) : error;
  }
};

/** Errors that say what to do about them; any other one is a mistake in this program. */
function isForTheReader(error: unknown): error is Error {
  return error instanceof SpecError || error instanceof OperateError || pulumi.RunError.isInstance(error);
}

/** Pulumi reads an error's stack even where it does not show it, and mapping its frames to TypeScript takes seconds. */
function withoutFrames({ message }: Error): Error {
  const told = new pulumi.RunError(message);
  told.stack = message;
  return told;
}
