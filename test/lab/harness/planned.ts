/** A change of the declaration that `pulumi up` makes while clients write and read. */
import { expect } from "vitest";
import type { ClusterInput } from "../../../components/spec";
import type { Series } from "./series";
import { CLIENTS, type Outcome } from "./trial";

export interface Expected {
  readonly pauseSeconds: number;
  /** How often the leader may move. */
  readonly leaders: 0 | 1;
  /** Machines with poolers that stop: the plan says that their clients connect again. */
  readonly poolersThatStop?: number;
}

/** No pause at all: 2 s are what a busy host holds a write up for. */
export const FLOW: Expected = { pauseSeconds: 2, leaders: 0 };
/** A pause of writes that is planned is one switchover; a busy host is given twice what it takes. */
export const ONE_SWITCHOVER: Expected = { pauseSeconds: 5, leaders: 1 };

/** What a client sees of a pooler that stops while it has a connection to it. */
const CONNECTION_ENDED =
  /^(Connection terminated|Client has encountered a connection error|read ECONNRESET|connect ECONN)/;

/**
 * Makes the change under load and demands what holds for every planned one: no client gets an error, writes pause no
 * longer than planned, the leader moves no more often than needed, and nothing is left to do.
 */
export async function planned(
  series: Series,
  name: string,
  edit: (now: ClusterInput) => ClusterInput,
  expected: Expected,
): Promise<Outcome> {
  const { workspace, cluster } = series;
  const outcome = await series.survives({
    name,
    boundSeconds: expected.pauseSeconds,
    inject: async () => {
      workspace.edit(edit);
      await workspace.up();
      cluster.refresh(await workspace.outputs());
    },
  });
  const { verdict, before, after, readErrorTexts } = outcome;
  const errors = [
    ...[...verdict.errors].flatMap(([text, count]) => Array<string>(count).fill(text)),
    ...readErrorTexts.map((line) => line.replace(/^\S+ \S+: /, "")),
  ];
  expect(
    errors.filter((text) => !CONNECTION_ENDED.test(text)),
    "errors of clients",
  ).toEqual([]);
  // Each client has one connection, and goes on to the next pooler: it may find that one in its turn as well.
  const connections = CLIENTS.writers + CLIENTS.readers;
  expect(errors.length, "connections that ended").toBeLessThanOrEqual(
    2 * connections * (expected.poolersThatStop ?? 0),
  );
  expect(after.timeline - before.timeline, "changes of leader").toBeLessThanOrEqual(expected.leaders);
  await workspace.up("--expect-no-changes");
  return outcome;
}
