/** The trials of one test file on its cluster: what holds after every one of them, and the reports that are kept of them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { ClusterInput } from "../../../components/spec";
import { createLedgerTable } from "./clients";
import type { TestCluster } from "./cluster";
import { REPORTS } from "./leftovers";
import { clusterOf } from "./shared";
import { type Outcome, report, type Trial, table, underLoad } from "./trial";
import type { Workspace } from "./workspace";

export class Series {
  private readonly outcomes: Outcome[] = [];

  /** @param name Of the reports: `<name>.md` and `<name>-<machine>.journal`. */
  private constructor(
    private readonly name: string,
    readonly workspace: Workspace,
    readonly cluster: TestCluster,
  ) {}

  /** Makes the cluster, or takes the one that this test run has made, ready for clients. */
  static async on(name: string, declaration: ClusterInput): Promise<Series> {
    const { workspace, cluster } = await clusterOf(declaration);
    await createLedgerTable(cluster.target);
    return new Series(name, workspace, cluster);
  }

  /** Carries the trial out and demands what holds whatever happens: nothing lost, no two leaders, writes back in time. */
  async survives(trial: Trial): Promise<Outcome> {
    const outcome = await underLoad(this.cluster, trial);
    this.outcomes.push(outcome);
    const { verdict } = outcome;
    expect(verdict.lost, "acknowledged writes that are gone").toEqual([]);
    expect(verdict.conflicts, "signs of two leaders at once").toEqual([]);
    expect(verdict.foreign, "rows that no client wrote").toEqual([]);
    expect(outcome.pauseSeconds, "longest write pause in seconds").toBeLessThanOrEqual(trial.boundSeconds);
    return outcome;
  }

  /** The reports; then the cluster goes. */
  async end(): Promise<void> {
    await this.report();
    await this.workspace.remove();
  }

  /** Prints the table, keeps it with the machines' journals, and logs out. */
  async report(): Promise<void> {
    mkdirSync(REPORTS, { recursive: true });
    if (this.outcomes.length > 0) {
      console.log(`\n${table(this.outcomes)}\n`);
      writeFileSync(join(REPORTS, `${this.name}.md`), report(this.outcomes));
    }
    for (const key of this.cluster.keys)
      writeFileSync(
        join(REPORTS, `${this.name}-${key}.journal`),
        await this.cluster.journal(key).catch((error) => `not to be had: ${error}\n`),
      );
    this.cluster.close();
  }
}
