/** What machines report of changes by hand, as the plan gets it. */
import { describe, expect, it } from "vitest";
import type { ServiceFiles, UnitState } from "../../components/operate/observation";
import { obstacles } from "../../components/operate/preflight";
import { clusterState } from "../../components/operate/state";
import { type Report, type Scene, scene, seen } from "./operate-fixture";

function living(from: Scene) {
  const state = clusterState(seen(from));
  if (state.kind !== "living") throw new Error(state.kind);
  return state;
}

const declared: ServiceFiles = { state: "declared", deviating: [] };
const unit = (name: string, change: Partial<UnitState> = {}): UnitState => ({
  unit: name,
  active: "active",
  detail: "running",
  enabled: "enabled",
  restarts: 0,
  ...change,
});

/** The second machine, with its files and units as given. */
function second(files: Record<string, ServiceFiles>, ...units: UnitState[]): { from: Scene; report: Report } {
  const from = scene();
  const report = from.reports.get("db-2") as Report;
  report.files = files;
  report.units = units;
  return { from, report };
}

describe("units", () => {
  const found = (files: Record<string, ServiceFiles>, ...units: UnitState[]) =>
    living(second(files, ...units).from).machines["db-2"]?.units;

  it("that stand still or would not start at boot are told, by service", () => {
    const units = [
      unit("patroni", { active: "inactive", enabled: "disabled" }),
      unit("haproxy", { active: "failed" }),
      unit("pgbouncer.target", { enabled: "masked-runtime" }),
      unit("pgbouncer-rw@1", { active: "inactive", enabled: "static" }),
      unit("pgbouncer-ro@1", { enabled: "static" }),
      unit("etcd"),
    ];
    const files = Object.fromEntries(["patroni", "haproxy", "pgbouncer", "etcd"].map((name) => [name, declared]));
    expect(found(files, ...units)).toEqual([
      { unit: "patroni", service: "patroni", active: "stopped", boot: "disabled" },
      { unit: "haproxy", service: "haproxy", active: "failed", boot: "enabled" },
      { unit: "pgbouncer.target", service: "pgbouncer", active: "running", boot: "masked" },
      { unit: "pgbouncer-rw@1", service: "pgbouncer", active: "stopped", boot: "enabled" },
    ]);
  });

  it("that are on their way, or belong to a service that is not there yet or is being converged, are not", () => {
    const idle = { active: "inactive" };
    expect(found({ patroni: declared }, unit("patroni", { active: "activating" }))).toEqual([]);
    expect(found({ patroni: declared }, unit("patroni", { ...idle, queued: true }))).toEqual([]);
    expect(found({ patroni: { ...declared, state: "busy" } }, unit("patroni", idle))).toEqual([]);
    expect(found({}, unit("patroni", idle))).toEqual([]);
  });

  it("explain what is not told: a stopped Patroni, not a dead machine", () => {
    const { from, report } = second(
      { patroni: declared, etcd: declared },
      unit("patroni", { active: "inactive" }),
      unit("etcd"),
    );
    for (const part of ["postgresql", "patroni", "cluster", "configuration"] as const) delete report[part];
    report.problems = { postgresql: "refused", patroni: "refused", cluster: "refused", configuration: "refused" };
    expect(living(from).unknown).toEqual([]);
    expect(living(from).members["db-2"]).toMatchObject({ reachable: false });
    report.problems = { ...report.problems, etcdHealth: "no answer" };
    expect(living(from).unknown).toMatchObject([{ what: "health of etcd of db-2" }]);
  });

  it("explain what is not told: a pooler that the machine has yet to be given", () => {
    const { from, report } = second({ patroni: declared, etcd: declared }, unit("patroni"), unit("etcd"));
    report.problems = { pooler: "no such program", routes: "no such program" };
    delete report.pooler;
    delete report.routes;
    expect(living(from).unknown).toEqual([]);
    expect(living(from).machines["db-2"]?.pooler).toBe("stopped");
    expect(obstacles(seen(from))).toEqual([]);
  });

  it("do not hide that one process of a pooler that holds clients has failed", () => {
    const services = { patroni: declared, etcd: declared, haproxy: declared, pgbouncer: declared };
    const failed = unit("pgbouncer-ro@1", { active: "failed" });
    const { from, report } = second(services, unit("pgbouncer.target"), unit("pgbouncer-rw@1"), failed);
    const [process] = report.pooler?.processes ?? [];
    if (process === undefined) throw new Error("fixture");
    report.pooler = { processes: [process, { ...process, process: "ro-1", state: "unreachable" }], resumesAt: null };
    expect(obstacles(seen(from))).toEqual(["PgBouncer ro-1 of db-2 does not answer"]);
  });
});

describe("files and parameters", () => {
  it("are told as the machine found them", () => {
    const deviating = [{ path: "/etc/haproxy/haproxy.cfg", how: "content" }] as const;
    const { from, report } = second({
      base: declared,
      haproxy: { state: "declared", deviating },
      pgbouncer: { state: "passing", deviating: [] },
      etcd: { state: "busy", deviating: [] },
    });
    if (report.postgresql) report.postgresql.altered = { work_mem: "64MB" };
    const state = living(from);
    expect(state.machines["db-2"]?.files).toEqual([
      { service: "haproxy", passing: false, files: deviating },
      { service: "pgbouncer", passing: true, files: [] },
    ]);
    expect(state.members["db-2"]).toMatchObject({ altered: { work_mem: "64MB" } });
  });
});

describe("strangers", () => {
  it("of Patroni are told with what Patroni says of them", () => {
    const from = scene();
    for (const report of from.reports.values())
      if (report.cluster)
        report.cluster = {
          ...report.cluster,
          members: [
            ...report.cluster.members,
            { name: "ghost", role: "replica", state: "streaming", host: "10.0.0.9" },
          ],
        } as typeof report.cluster;
    expect(living(from).members.ghost).toEqual({
      reachable: false,
      why: "Patroni lists it as streaming, at 10.0.0.9",
      stranger: true,
    });
  });

  it("of etcd without a name are called by their address", () => {
    const from = scene();
    for (const report of from.reports.values())
      report.etcdMembers = [
        ...(report.etcdMembers ?? []),
        { id: "ff", name: "", peerUrls: ["https://10.0.0.9:2380"], learner: true },
      ];
    expect(living(from).etcd.members).toContainEqual({ key: "10.0.0.9", healthy: false, learner: true });
  });
});
