/**
 * `npm run lab:down`: destroys the lab's cluster, and then removes whatever of its machines is still on this host. So it works after killed
 * runs too, and when the state is lost.
 */
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { askPulumi, LAB, runPulumi } from "./cli";
import { Deployment } from "./deployment";
import { recoverStack } from "./recover";

const root = path.resolve(__dirname, "../..");

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The cluster's name, which its machines carry. It need not be the stack's. */
function clusterName(): string {
  try {
    const declaration: { default?: { name?: unknown } } = require(path.join(root, "stacks", `${LAB}.ts`));
    if (typeof declaration.default?.name === "string") return declaration.default.name;
  } catch (error) {
    say(
      `stacks/${LAB}.ts cannot be read (${error instanceof Error ? error.message : error}); taking ${LAB} as the name`,
    );
  }
  return LAB;
}

function sweep(): boolean {
  const swept = spawnSync(path.join(root, "toolchain/lab/sweep.sh"), [clusterName()], { stdio: "inherit" });
  if (swept.error) say(`toolchain/lab/sweep.sh: ${swept.error.message}`);
  return swept.status === 0;
}

async function down(): Promise<number> {
  if (!(await recoverStack(LAB))) {
    say("Another run of this stack is under way on this host or another; wait for its end.");
    return 1;
  }
  const deployment = await Deployment.read(LAB);
  if (deployment && deployment.resourceCount > 0) {
    const status = await runPulumi("destroy", "--yes", "--skip-preview", "--stack", LAB);
    if (status === 130) return status;
    if (status !== 0) {
      // Its machines are removed below in any case: a state that still holds them would be wrong.
      say("Destroying by the program failed; the machines are removed from this host and the stack is forgotten.");
      await askPulumi(["stack", "rm", LAB, "--yes", "--force", "--preserve-config"]);
    }
  }
  return sweep() ? 0 : 1;
}

void down().then((status) => {
  process.exitCode = status;
});
