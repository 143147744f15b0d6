/**
 * `npm run lab`: brings the cluster of stacks/lab.ts up on this host, or changes it to what the file says now, and prints how to reach it.
 * Further arguments go to `pulumi up`.
 */
import { askPulumi, LAB, runPulumi } from "./cli";
import { recoverStack } from "./recover";
import { summary } from "./summary";

async function up(): Promise<number> {
  await recoverStack(LAB);
  const started = Date.now();
  const status = await runPulumi("up", "--yes", "--skip-preview", "--stack", LAB, ...process.argv.slice(2));
  if (status !== 0) {
    process.stderr.write("\nThe lab is not up. `npm run lab` goes on from here; `npm run lab:down` removes it.\n");
    return status;
  }
  const [outputs, [last]] = await Promise.all([
    askPulumi(["stack", "output", "--json", "--show-secrets", "--stack", LAB]).then(JSON.parse),
    askPulumi(["stack", "history", "--json", "--page-size", "1", "--stack", LAB]).then(JSON.parse),
  ]);
  const changed = Object.entries<number>(last?.resourceChanges ?? {}).some(
    ([kind, count]) => !["same", "read"].includes(kind) && count > 0,
  );
  process.stdout.write(
    summary(outputs, { changed, seconds: (Date.now() - started) / 1000, started, showPassword: !process.env.CI }),
  );
  return 0;
}

void up().then((status) => {
  process.exitCode = status;
});
