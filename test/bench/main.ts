/**
 * `npm run bench`: how long the main jobs take, as ratios and seconds of one run on this host. Nothing is asserted: figures
 * of a busy host are no reason to fail. Uses the part of the lab's range that the tests use; end those first.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type ClusterInput, equalMembers } from "../../components/spec";
import { own } from "../lab/harness/leftovers";
import { SHARED } from "../lab/harness/shared";
import { Workspace } from "../lab/harness/workspace";

const FLOOR = join(__dirname, "../../toolchain/lab/floor.sh");
const PREVIEWED = [3, 30, 100] as const;
const REPEATS = 3;

interface Figure {
  readonly what: string;
  readonly seconds: number;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

/** The least of several: when the replicas look for their leader next, a moment or a loop later, is chance. */
function floor(): Figure {
  const seconds = Array.from({ length: REPEATS }, () => {
    const { status, stdout, stderr } = spawnSync("bash", [FLOOR], { encoding: "utf8" });
    if (status !== 0) throw new Error(`the floor failed:\n${stderr}`);
    return Number(stdout.trim());
  });
  return { what: `floor: the same machines and services by hand, least of ${REPEATS}`, seconds: Math.min(...seconds) };
}

async function cluster(): Promise<Figure[]> {
  const workspace = await Workspace.open({ ...SHARED, name: "t-bench" });
  try {
    const created = await workspace.up();
    const unchanged: number[] = [];
    for (let i = 0; i < REPEATS; i++) unchanged.push((await workspace.up()).seconds);
    workspace.edit((now) => withParameters(now, { work_mem: "8MB" }));
    const reloaded = await workspace.up();
    workspace.edit((now) => withParameters(now, { work_mem: "8MB", max_connections: 120 }));
    const restarted = await workspace.up();
    const pause = /longest write pause ([0-9.]+) s/.exec(restarted.output)?.[1];
    const looks: number[] = [];
    for (let i = 0; i < REPEATS; i++) looks.push((await workspace.preview()).seconds);
    workspace.edit(withReplica);
    const grown = await workspace.up();
    return [
      { what: "pulumi up: the same cluster, declared", seconds: created.seconds },
      { what: "pulumi up with nothing to do", seconds: median(unchanged) },
      { what: "a change that needs a reload", seconds: reloaded.seconds },
      { what: "a change that restarts three members, one switchover", seconds: restarted.seconds },
      { what: "  of which writes paused", seconds: Number(pause) },
      { what: "preview of a living cluster of three", seconds: median(looks) },
      { what: "one more replica, seeded and taking reads", seconds: grown.seconds },
    ];
  } finally {
    await workspace.destroy();
  }
}

function withParameters(declaration: ClusterInput, parameters: NonNullable<ClusterInput["postgresql"]>["parameters"]) {
  return { ...declaration, postgresql: { ...declaration.postgresql, ...(parameters ? { parameters } : {}) } };
}

function withReplica({ machines, ...declaration }: ClusterInput): ClusterInput {
  const keys = Object.keys(machines);
  const [like] = Object.values(machines);
  return {
    ...declaration,
    machines: { ...machines, "db-4": { ...like, zone: "a" } as ClusterInput["machines"][string] },
    etcd: { voters: keys },
  };
}

/** Machines that nobody has: a first preview asks none of them. */
async function previews(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const count of PREVIEWED) {
    const members = equalMembers(count, { size: { vcpu: 4, memory: "16GB" }, disks: { data: { size: "100GB" } } });
    const keys = Object.keys(members);
    const machines = Object.fromEntries(
      keys.map((key, index) => [key, { ...members[key], address: `198.18.0.${index + 1}` }]),
    ) as ClusterInput["machines"];
    const hostKey = `ssh-ed25519 ${"A".repeat(68)}`;
    const workspace = await Workspace.open({
      name: "t-preview",
      platform: {
        kind: "ssh",
        privateKeyFile: __filename,
        hostKeys: Object.fromEntries(keys.map((key) => [key, hostKey])),
      },
      machines,
      etcd: { voters: keys.slice(0, 3) },
    });
    try {
      const runs: number[] = [];
      for (let i = 0; i < REPEATS; i++) runs.push((await workspace.preview()).seconds);
      figures.push({ what: `preview of ${count} machines`, seconds: median(runs) });
    } finally {
      await workspace.remove();
    }
  }
  return figures;
}

async function main(): Promise<void> {
  own();
  const figures = [floor(), ...(await cluster()), ...(await previews())];
  for (const { what, seconds } of figures) console.log(`${what.padEnd(56)} ${seconds.toFixed(2).padStart(7)} s`);
  const [by, declared] = figures as [Figure, Figure];
  console.log(
    `${"pulumi up against the floor".padEnd(56)} ${(declared.seconds / by.seconds).toFixed(2).padStart(7)} times`,
  );
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
