/** Changes by hand on a cluster, for the tests of plans. */
import type { ChangedFiles, LivingCluster, MachineState, StoppedUnit } from "../../components/plan/change";
import type { ClusterSpec } from "../../components/spec";
import { withMember } from "./change-fixtures";

export function onMachine(state: LivingCluster, key: string, change: Partial<MachineState>): LivingCluster {
  return { ...state, machines: { ...state.machines, [key]: { ...(state.machines[key] as MachineState), ...change } } };
}

export function changedFile(service: string, path: string, passing = false): ChangedFiles {
  return { service, passing, files: [{ path, how: "content" }] };
}

export function stopped(unit: string, service = unit): StoppedUnit {
  return { unit, service, active: "stopped", boot: "enabled" };
}

/** Its Patroni was stopped, and PostgreSQL with it: Patroni has forgotten it, its slot and its machine are there. */
export function patroniStopped(state: LivingCluster, key: string): LivingCluster {
  const { [key]: _, ...members } = state.members;
  return withUnit({ ...state, members }, key, stopped("patroni"));
}

export function etcdStopped(state: LivingCluster, key: string): LivingCluster {
  const members = state.etcd.members.map((voter) => (voter.key === key ? { ...voter, healthy: false } : voter));
  return withUnit({ ...state, etcd: { members } }, key, stopped("etcd"));
}

export function poolerStopped(state: LivingCluster, key: string): LivingCluster {
  const next = onMachine(state, key, { pooler: "stopped" });
  return withUnit(next, key, stopped("pgbouncer-rw@1", "pgbouncer"));
}

function withUnit(state: LivingCluster, key: string, unit: StoppedUnit): LivingCluster {
  return onMachine(state, key, { units: [...(state.machines[key]?.units ?? []), unit] });
}

/** ALTER SYSTEM has set it; `running`: and the member was restarted with it. */
export function altered(
  state: LivingCluster,
  key: string,
  name: string,
  value: string,
  { running = false } = {},
): LivingCluster {
  const member = state.members[key];
  if (!member?.reachable) return state;
  return withMember(state, key, {
    altered: { ...member.altered, [name]: value },
    ...(running ? { parameters: { ...member.parameters, [name]: value } } : {}),
  });
}

/**
 * A few changes by hand, told by the numbers, that leave the cluster a leader and etcd its majority. ALTER SYSTEM only on
 * members that stay: on one that leaves, nobody resets it any more.
 */
export function changedByHand(start: LivingCluster, numbers: readonly number[], after: ClusterSpec): LivingCluster {
  let state = start;
  let spare = Math.floor((start.etcd.members.length - 1) / 2);
  Object.keys(start.machines)
    .sort()
    .forEach((key, index) => {
      const dice = (sides: number, salt: number) => ((numbers[(index + salt) % numbers.length] ?? 0) + salt) % sides;
      const isMember = start.members[key] !== undefined;
      const voter = start.etcd.members.some((member) => member.key === key);
      const services = ["base", ...(voter ? ["etcd"] : []), ...(isMember ? ["patroni"] : [])];
      if (start.machines[key]?.pooler === "running") services.push("haproxy", "pgbouncer");
      if (dice(2, 0) === 0) {
        const service = services[dice(services.length, 1)] as string;
        state = onMachine(state, key, { files: [changedFile(service, `/etc/${service}`, dice(4, 2) === 0)] });
      }
      const stays = isMember && after.machines[key] !== undefined && after.machines[key].member !== false;
      if (stays && dice(3, 3) === 0) state = altered(state, key, "work_mem", "77MB");
      if (stays && dice(5, 4) === 0)
        state = altered(state, key, "shared_buffers", "123MB", { running: dice(2, 5) === 0 });
      if (stays && dice(5, 1) === 0) state = altered(state, key, "max_connections", "55");
      if (services.includes("pgbouncer") && dice(4, 2) === 0) state = poolerStopped(state, key);
      if (isMember && key !== start.leader && dice(4, 5) === 0) state = patroniStopped(state, key);
      if (voter && spare > 0 && dice(4, 4) === 0) {
        state = etcdStopped(state, key);
        spare -= 1;
      }
    });
  return state;
}
