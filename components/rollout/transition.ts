/**
 * Poolers between two declarations. While a rollout is at work, clients need the routes of both: to a leader that is yet
 * to hand over, and to members that have just come. And server connections must fit the smaller of both max_connections.
 */
import type { SshPool } from "../operate/ssh";
import { type ClusterPlan, planCluster } from "../plan";
import { type ClusterState, type LivingCluster, leavingPassing } from "../plan/change";
import { haproxyBundle } from "../services/haproxy";
import { pgbouncerBundle } from "../services/pgbouncer";
import type { ServiceBundle } from "../services/types";
import type { ClusterSpec } from "../spec";
import { deliver } from "./deliver";
import { transitionalSpec } from "./transitional-spec";

/** Services that a pooler machine is made of, as one declaration has them; none for a machine that it has no pooler on. */
function poolerBundles(plan: ClusterPlan, key: string): readonly ServiceBundle[] {
  const machine = plan.poolers.find((pooler) => pooler.key === key);
  return machine === undefined ? [] : [haproxyBundle(plan, machine), pgbouncerBundle(plan, machine)];
}

/** Bundles of a pooler that stand in for those of another declaration. Pure. */
function differing(wanted: readonly ServiceBundle[], present: readonly ServiceBundle[]): ServiceBundle[] {
  const text = (bundle: ServiceBundle | undefined) => JSON.stringify(bundle?.files);
  return wanted.filter(
    ({ service }, index) => text(wanted[index]) !== text(present.find((b) => b.service === service)),
  );
}

/** What has to be delivered for the time of the rollout, by machine. Pure. */
export function transition(before: ClusterSpec, after: ClusterSpec): ReadonlyMap<string, readonly ServiceBundle[]> {
  const [old, next, between] = [before, after, transitionalSpec(before, after)].map(planCluster) as [
    ClusterPlan,
    ClusterPlan,
    ClusterPlan,
  ];
  const changes = between.poolers.map(({ key }) => {
    const standing = poolerBundles(old, key);
    // A pooler that comes is made as declared, and is in use by nobody yet.
    const present = standing.length > 0 ? standing : poolerBundles(next, key);
    return [key, differing(poolerBundles(between, key), present)] as const;
  });
  return new Map(changes.filter(([, bundles]) => bundles.length > 0));
}

/** Brings the poolers that stand to what both declarations need. Repeating it changes nothing. */
export async function enterTransition(
  pool: SshPool,
  before: ClusterSpec,
  after: ClusterSpec,
  state: LivingCluster,
): Promise<void> {
  const work = [...transition(before, after)].filter(([key]) => stands(state, key));
  await Promise.all(work.map(([key, bundles]) => deliverAll(pool, key, bundles, { passing: true })));
}

/**
 * The state without what the transition itself has put in place: it is not for the plan to take back. Files of another
 * rollout, one that was given up, are.
 */
export function besideTransition(
  before: ClusterSpec | undefined,
  after: ClusterSpec,
  state: ClusterState,
): ClusterState {
  if (before === undefined || state.kind !== "living") return state;
  const mine = transition(before, after);
  return leavingPassing(state, (key, service) => mine.get(key)?.some((bundle) => bundle.service === service) === true);
}

/** The rollout has arrived: the poolers that stay get what is declared. */
export async function leaveTransition(
  pool: SshPool,
  before: ClusterSpec,
  after: ClusterSpec,
  state: LivingCluster,
): Promise<void> {
  const plan = planCluster(after);
  const work = [...transition(before, after)]
    .filter(([key]) => stands(state, key))
    .map(([key, passing]) => {
      const services = new Set(passing.map(({ service }) => service));
      return [key, poolerBundles(plan, key).filter(({ service }) => services.has(service))] as const;
    });
  await Promise.all(work.map(([key, bundles]) => deliverAll(pool, key, bundles)));
}

/** In the order in which they stand on a machine: PgBouncer's connections go through HAProxy. */
async function deliverAll(
  pool: SshPool,
  key: string,
  bundles: readonly ServiceBundle[],
  delivery?: { readonly passing: boolean },
): Promise<void> {
  for (const bundle of bundles) await deliver(pool, key, bundle, delivery);
}

function stands(state: LivingCluster, key: string): boolean {
  const machine = state.machines[key];
  return machine?.reachable === true && machine.pooler !== "none" && machine.pooler !== "stopped";
}
