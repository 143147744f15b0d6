/**
 * `npm test` and its parts: test/main.ts all|unit|engine|lab [ARGUMENT...]; further arguments go to vitest.
 *
 * Every stage runs, also after one that failed, and the counts of all are in test-report/summary.json. Lint and the type check count as one
 * test each.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { lint, typeCheck } from "./checks";

const REPORT = path.resolve(__dirname, "../../test-report");

/** How many tests ended in which way. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

type Suite = "unit" | "engine" | "lab";

const SUITES: readonly Suite[] = ["unit", "engine", "lab"];

interface Stage {
  readonly name: string;
  readonly run: () => Counts;
}

function check(passes: () => boolean): () => Counts {
  return () => (passes() ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 });
}

/** Runs one suite by vitest. A suite that breaks down without a report counts as one failure. */
function runSuite(suite: Suite, args: readonly string[]): Counts {
  const file = path.join(REPORT, `${suite}.json`);
  fs.rmSync(file, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const ended = spawnSync("vitest", ["run", "--project", suite, "--passWithNoTests", ...reporters, ...args], {
    stdio: "inherit",
  });
  if (!fs.existsSync(file)) return { passed: 0, failed: ended.status === 0 ? 0 : 1, skipped: 0 };
  const report = JSON.parse(fs.readFileSync(file, "utf8"));
  const counts = {
    passed: report.numPassedTests as number,
    failed: report.numFailedTests as number,
    skipped: (report.numPendingTests as number) + (report.numTodoTests as number),
  };
  // A file that cannot be loaded, or a hook that fails, fails no test and still the run.
  return ended.status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function stages(what: string, args: readonly string[]): readonly Stage[] {
  const suites = (what === "all" ? SUITES : SUITES.filter((suite) => suite === what)).map((suite) => ({
    name: suite,
    run: () => runSuite(suite, args),
  }));
  if (what !== "all") return suites;
  return [{ name: "lint", run: check(() => lint([])) }, { name: "types", run: check(typeCheck) }, ...suites];
}

function main(): void {
  const [what = "all", ...args] = process.argv.slice(2);
  fs.mkdirSync(REPORT, { recursive: true });
  const summaryFile = path.join(REPORT, "summary.json");
  fs.rmSync(summaryFile, { force: true });
  const results = stages(what, args).map(({ name, run }) => {
    const started = Date.now();
    const counts = run();
    return { name, ...counts, seconds: (Date.now() - started) / 1000 };
  });
  const total = results.reduce<Counts>(
    (sum, { passed, failed, skipped }) => ({
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
  fs.writeFileSync(summaryFile, `${JSON.stringify({ ...total, stages: results }, null, 2)}\n`);
  process.stdout.write("\n");
  for (const { name, passed, failed, skipped, seconds } of results) {
    process.stdout.write(
      `${name.padEnd(7)} ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds.toFixed(1)} s)\n`,
    );
  }
  process.exitCode = total.failed > 0 ? 1 : 0;
}

main();
