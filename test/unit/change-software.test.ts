/** Versions of software: what is brought into force, what is refused, and what the reader is told. */
import { describe, expect, it } from "vitest";
import { parsePolicies } from "../../components/operate/sources";
import { type LivingCluster, type MachineState, renderPlan, rollout } from "../../components/plan/change";
import type { ClusterInput } from "../../components/spec";
import { declare, INSTALLED, living, machines } from "./change-fixtures";

const three = declare();
const pinned = (software: ClusterInput["software"]) => declare({ software });

function withMachines(state: LivingCluster, change: (key: string) => Partial<MachineState>): LivingCluster {
  const changed = Object.entries(state.machines).map(([key, machine]) => [key, { ...machine, ...change(key) }]);
  return { ...state, machines: Object.fromEntries(changed) };
}

const notices = (...[before, after, state]: Parameters<typeof rollout>) =>
  rollout(before, after, state).warnings.map(({ text }) => text);

describe("software that is installed and not at work", () => {
  const wanted = pinned({ patroni: INSTALLED.patroni, haproxy: INSTALLED.haproxy });
  const stale = withMachines(living(wanted), (key) => (key === "db-2" ? { stale: ["postgresql", "patroni"] } : {}));

  it("is brought into force on that machine, where its version is declared", () => {
    const { steps } = rollout(wanted, wanted, stale);
    const upgrades = steps.filter(({ kind }) => kind === "upgrade-software");
    const { patroni } = INSTALLED;
    expect(upgrades).toMatchObject([
      { machine: "db-2", software: [{ software: "patroni", from: patroni, to: patroni }] },
    ]);
    expect(renderPlan(rollout(wanted, wanted, stale))).toContain(`${patroni}, which is installed, comes into force`);
  });

  it("stays as it is where no version is declared", () => {
    expect(
      rollout(
        three,
        three,
        withMachines(living(three), () => ({ stale: ["patroni"] })),
      ).steps,
    ).toEqual([]);
  });
});

describe("a new Patroni", () => {
  it("leaves parameters that wait for a restart of PostgreSQL to a restart of its own", () => {
    const after = declare({
      software: { patroni: "4.0.8-1" },
      postgresql: { parameters: { wal_buffers: "64MB" } },
    });
    const kinds = rollout(three, after, living(three)).steps.map((step) =>
      "machine" in step ? `${step.kind} ${step.machine}` : "member" in step ? `${step.kind} ${step.member}` : step.kind,
    );
    // The old leader restarts as it hands over.
    expect(kinds.filter((kind) => /^(upgrade|restart|switchover)/.test(kind))).toEqual([
      "upgrade-software db-2",
      "restart-member db-2",
      "upgrade-software db-3",
      "restart-member db-3",
      "switchover",
      "upgrade-software db-1",
    ]);
  });
});

describe("a version that is declared", () => {
  const after = pinned({ haproxy: "3.0.11-2" });
  const having = (...versions: string[]) =>
    withMachines(living(three), () => ({ sources: { haproxy: { versions, candidate: versions[0] } } }));

  it("is refused where no package source has it, with those that are to be had", () => {
    const plan = rollout(three, after, having("3.0.11-3", "3.0.11-1"));
    expect(plan).toMatchObject({ executable: false, steps: [] });
    expect(plan.refusals).toMatchObject([{ code: "version-not-available", subject: "software.haproxy" }]);
    expect(plan.refusals[0]?.reason).toMatch(
      /3\.0\.11-2 .*db-1, db-2, db-3 do not have it; they have 3\.0\.11-3, 3\.0\.11-1$/,
    );
  });

  it("is taken where the sources have it, where they were not asked, and where it is installed already", () => {
    expect(rollout(three, after, having("3.0.11-2")).executable).toBe(true);
    expect(rollout(three, after, living(three)).executable).toBe(true);
    const there = withMachines(having("3.0.11-3"), () => ({ versions: { ...INSTALLED, haproxy: "3.0.11-2" } }));
    expect(rollout(three, after, there)).toMatchObject({ executable: true, steps: [] });
  });
});

describe("versions that nobody declares", () => {
  const four = declare({
    machines: machines("db-1", "db-2", "db-3", "db-4"),
    etcd: { voters: ["db-1", "db-2", "db-3"] },
  });
  const offering = (candidate: string) =>
    withMachines(living(three), () => ({ sources: { patroni: { versions: [candidate], candidate } } }));

  it("are named with the pin to write where machines have different ones", () => {
    const mixed = withMachines(living(three), (key) =>
      key === "db-3" ? { versions: { ...INSTALLED, patroni: "4.0.8-1" } } : {},
    );
    expect(notices(three, three, mixed)).toEqual([
      'patroni is 4.0.7-1 on db-1, db-2 and 4.0.8-1 on db-3, and no version is declared; for one everywhere, declare software: { patroni: "4.0.7-1" }',
    ]);
    expect(notices(three, three, living(three))).toEqual([]);
  });

  it("are named before a new machine gets a newer one", () => {
    expect(notices(three, four, offering("4.0.8-1"))).toEqual([
      'db-4 may get patroni 4.0.8-1, the newest to be had, and db-1, db-2, db-3 have 4.0.7-1; to keep that, declare software: { patroni: "4.0.7-1" }',
    ]);
    expect(notices(three, four, offering("4.0.7-1"))).toEqual([]);
  });

  it("do not keep a reader from learning that a pinned one has gone from the archive", () => {
    const pins = { software: { patroni: "4.0.7-1" } };
    const both = [
      declare(pins),
      declare({
        ...pins,
        machines: machines("db-1", "db-2", "db-3", "db-4"),
        etcd: { voters: ["db-1", "db-2", "db-3"] },
      }),
    ] as const;
    expect(notices(both[0], both[1], offering("4.0.8-1"))).toEqual([
      "db-4 can get patroni 4.0.7-1 only where it is installed already: the package sources of db-1, db-2, db-3 have 4.0.8-1",
    ]);
    expect(notices(both[0], both[1], offering("4.0.7-1"))).toEqual([]);
  });
});

describe("apt's words", () => {
  it("tell the versions of each package that a source has, and the one that would be taken", () => {
    const policies = parsePolicies(`haproxy:
  Installed: 3.0.11-1+local
  Candidate: 3.0.11-1+deb13u5
  Version table:
     3.0.11-1+deb13u5 500
        500 http://security.example/debian-security trixie-security/main amd64 Packages
        500 http://mirror.example/debian trixie/main amd64 Packages
 *** 3.0.11-1+local 1001
        100 /var/lib/dpkg/status
     3.0.11-1+deb13u4 -1
       -500 http://mirror.example/debian trixie/main amd64 Packages
patroni:
  Installed: (none)
  Candidate: (none)
  Version table:
`);
    expect([...policies]).toEqual([
      ["haproxy", { candidate: "3.0.11-1+deb13u5", versions: ["3.0.11-1+deb13u5", "3.0.11-1+deb13u4"] }],
      ["patroni", { candidate: undefined, versions: [] }],
    ]);
  });
});
