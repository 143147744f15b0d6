/** Patroni's dynamic configuration on its way to what is declared. */
import { describe, expect, it } from "vitest";
import { withRolesOf } from "../../components/rollout/access";
import { documentInTheEnd, documentThatAdmits, keptSlots } from "../../components/rollout/document";
import { declare, machines } from "./change-fixtures";
import { access } from "./operate-fixture";

const three = declare();
const four = declare({
  machines: machines("db-1", "db-2", "db-3", "db-4"),
  etcd: { voters: ["db-1", "db-2", "db-3"] },
});
/** As it stands when an update has arrived. */
const arrived = (spec: typeof three) => documentInTheEnd(spec, {}) as NonNullable<ReturnType<typeof documentInTheEnd>>;
const rules = (document: ReturnType<typeof documentThatAdmits>) => {
  if (document === undefined) throw new Error("nothing is to be written");
  return (document.postgresql as { pg_hba: string[] }).pg_hba;
};

describe("the document that lets newcomers in", () => {
  it("admits the machines of both declarations, and changes nothing else", () => {
    const from = three.machines["db-3"]?.address as string;
    const to = four.machines["db-4"]?.address as string;
    const admitting = documentThatAdmits(three, four, arrived(three));
    for (const address of [from, to])
      expect(
        rules(admitting).some((rule) => rule.includes(`${address}/32`)),
        address,
      ).toBe(true);
    expect({ ...admitting, postgresql: undefined }).toEqual({ ...arrived(three), postgresql: undefined });
  });

  it("is not written again where it stands already", () => {
    const admitting = documentThatAdmits(three, four, arrived(three));
    expect(documentThatAdmits(three, four, admitting ?? {})).toBeUndefined();
  });

  it("keeps the slots of absent members again, which a run that was stopped had let go", () => {
    const stopped = { ...arrived(three), member_slots_ttl: "0" };
    expect(documentThatAdmits(three, three, stopped)).toMatchObject({ member_slots_ttl: keptSlots(three) });
  });
});

describe("the document in the end", () => {
  it("is the declared one, without what nobody declares", () => {
    expect(documentInTheEnd(three, { ...arrived(three), loop_wait: 1, foreign: true })).toEqual(arrived(three));
    expect(documentInTheEnd(three, arrived(three))).toBeUndefined();
  });
});

describe("who is asked for what", () => {
  it("is what both declarations put on a machine, for the machines that can be reached", () => {
    const now = access(["db-1", "db-2"]);
    const votes = { ...now, machines: now.machines.map((machine) => ({ ...machine, roles: ["etcd" as const] })) };
    const asked = withRolesOf(votes, declare({ poolers: { machines: ["db-2", "db-3"] } }));
    expect(asked.machines.map(({ key, roles }) => `${key}: ${[...roles].sort().join(" ")}`)).toEqual([
      "db-1: etcd postgresql",
      "db-2: etcd pooler postgresql",
    ]);
  });
});
