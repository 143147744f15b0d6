/** What a rollout makes of what was seen. */
import { describe, expect, it } from "vitest";
import { stateFor } from "../../components/rollout/look";
import { declare, machines } from "./change-fixtures";
import { scene, seen } from "./operate-fixture";

describe("a voter that has joined and not started yet", () => {
  const declared = declare({ machines: machines("db-1", "db-2", "db-3", "db-4", "db-5") });
  const joined = (address: string) => {
    const from = scene();
    for (const report of from.reports.values())
      report.etcdMembers = [
        ...(report.etcdMembers ?? []),
        { id: "b1", name: "", peerUrls: [`https://${address}:2380`], learner: true },
      ];
    const state = stateFor(declared, seen(from));
    if (state.kind !== "living") throw new Error(state.kind);
    return state.etcd.members.filter(({ learner }) => learner).map(({ key }) => key);
  };

  it("is the one that is declared at its address", () => {
    expect(joined(declared.machines["db-4"]?.address as string)).toEqual(["db-4"]);
  });

  it("is a stranger where nobody is declared", () => {
    expect(joined("198.18.0.250")).toEqual(["198.18.0.250"]);
  });
});
