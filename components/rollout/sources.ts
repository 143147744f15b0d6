/**
 * What the machines' package sources have, added to a state on whose plan it depends: a version that is not to be had is
 * refused before anything is disturbed for it.
 */
import { packagePolicies, refreshSources } from "../operate/sources";
import type { SshPool } from "../operate/ssh";
import type { LivingCluster, MachineState, PackageSources, RolloutPlan, Software } from "../plan/change";
import { type ClusterSpec, packagesFor } from "../spec";

/** Software whose declared version some machine has yet to get. */
type Differing = Readonly<Record<string, readonly Software[]>>;

/** The state with the sources of every machine that answers; the state itself where nothing is installed by the plan. */
export async function withSources(
  pool: SshPool,
  after: ClusterSpec,
  state: LivingCluster,
  plan: RolloutPlan,
): Promise<LivingCluster> {
  const differing = differingPins(after, state);
  const comes = plan.steps.some(({ kind }) => kind === "replace-machine");
  const isNew = Object.keys(after.machines).some((key) => state.machines[key] === undefined);
  if (Object.keys(differing).length === 0 && !comes && !isNew) return state;
  const known = pool.access.machines.map(({ key }) => key).filter((key) => state.machines[key]?.reachable === true);
  const machines = await Promise.all(
    known.map(async (key): Promise<[string, MachineState]> => {
      const machine = state.machines[key] as MachineState;
      // A machine that does not tell is asked again by its own converge, which installs.
      const sources = await ask(pool, key, after, differing[key] ?? []).catch(() => undefined);
      return [key, sources === undefined ? machine : { ...machine, sources }];
    }),
  );
  return { ...state, machines: { ...state.machines, ...Object.fromEntries(machines) } };
}

function differingPins(after: ClusterSpec, state: LivingCluster): Differing {
  const found = Object.keys(after.machines).map((key) => {
    const versions = state.machines[key]?.versions ?? {};
    const software = (Object.keys(versions) as Software[]).filter((one) => {
      const wanted = after.software[one];
      return wanted !== undefined && versions[one] !== wanted;
    });
    return [key, software] as const;
  });
  return Object.fromEntries(found.filter(([, software]) => software.length > 0));
}

async function ask(
  pool: SshPool,
  machine: string,
  after: ClusterSpec,
  differing: readonly Software[],
): Promise<NonNullable<MachineState["sources"]>> {
  const first = await sourcesOf(pool, machine);
  const lacks = differing.some((one) => !first[one]?.versions.includes(after.software[one] as string));
  if (!lacks) return first;
  // The lists may be older than the version. A machine that cannot reach its sources cannot get another one either.
  await refreshSources(pool, machine).catch(() => undefined);
  return sourcesOf(pool, machine);
}

async function sourcesOf(pool: SshPool, machine: string): Promise<Partial<Record<Software, PackageSources>>> {
  const packages = packagesFor(["postgresql", "etcd", "pooler"], {});
  const policies = await packagePolicies(
    pool,
    machine,
    packages.map(({ name }) => name),
  );
  const result: Partial<Record<Software, PackageSources>> = {};
  for (const software of new Set(packages.map((one) => one.software))) {
    const [main, ...others] = packages
      .filter((one) => one.software === software)
      .map(({ name }) => policies.get(name) ?? { candidate: undefined, versions: [] });
    if (main === undefined) continue;
    const everywhere = main.versions.filter((version) => others.every(({ versions }) => versions.includes(version)));
    result[software] = { versions: everywhere, candidate: main.candidate };
  }
  return result;
}
