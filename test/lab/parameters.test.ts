/** The table that declarations are checked against, held against the server that a declaration makes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withSql } from "../../components/operate/sql";
import { withSsh } from "../../components/operate/ssh";
import { PARAMETERS_QUERY, tableDifferences } from "../../components/spec/parameters/compare";
import type { ParameterInfo } from "../../components/spec/parameters/table";
import type { TestCluster } from "./harness/cluster";
import { sharedCluster } from "./harness/shared";
import type { Outputs } from "./harness/workspace";

let cluster: TestCluster;
let outputs: Outputs;

beforeAll(async () => {
  const shared = await sharedCluster();
  ({ cluster } = shared);
  outputs = await shared.workspace.outputs();
});

afterAll(() => cluster?.close());

describe("the table of PostgreSQL's parameters", () => {
  it("says of every parameter what the running server says", async () => {
    const { leader } = await cluster.settled(60);
    const rows = await withSsh(outputs.access, (pool) =>
      withSql(pool, leader, (session) => session.rows<{ json_agg: ParameterInfo[] }>(PARAMETERS_QUERY)),
    );
    expect(rows[0]?.json_agg.length).toBeGreaterThan(300);
    expect(tableDifferences(17, rows[0]?.json_agg ?? [])).toEqual([]);
  });
});
