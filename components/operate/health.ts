/** Judgements on an observation: pure. */
import { type MemberObservation, machineIn, membersIn, type Observation } from "./observation";
import { every, fine, notYet, type Verdict } from "./wait";

/** WAL that a replica may still have to replay and count as caught up, in bytes: a segment's worth of a busy leader. */
export const CAUGHT_UP_BYTES = 16 * 1024 * 1024;

/** Exactly one leader, out of recovery, and every pooler's leader route leads to it alone. */
export function leaderServes(observation: Observation): Verdict {
  const { leader } = observation;
  if (leader === null) return notYet("there is no leader");
  const member = observation.machines.find((m) => m.key === leader)?.member;
  if (!member?.answers) return notYet(`PostgreSQL of the leader ${leader} does not answer`);
  if (member.inRecovery !== false) return notYet(`the leader ${leader} is still in recovery`);
  const others = membersIn(observation).filter((m) => m.key !== leader && m.member.inRecovery === false);
  if (others.length > 0)
    return notYet(`${others.map((m) => m.key).join(", ")} takes writes beside the leader ${leader}`);
  return every(observation.machines.map((m) => routeLeadsTo(observation, m.key, leader)));
}

/** The machine's leader route leads to `leader` alone. A machine without a pooler is fine; one that is off as well. */
export function routeLeadsTo(observation: Observation, key: string, leader: string): Verdict {
  const machine = machineIn(observation, key);
  if (!machine.roles.includes("pooler") || !machine.reachable) return fine;
  const routes = machine.pooler?.routes;
  if (!routes) return notYet(`HAProxy of ${key} does not answer`);
  if (routes.leader.length === 1 && routes.leader[0] === leader) return fine;
  return notYet(`writes through ${key} go to ${routes.leader.join(", ") || "nobody"} instead of ${leader}`);
}

/** A replica streams on the leader's timeline, and has replayed all but `bytes`. A delayed one has received all but that. */
export function caughtUp(observation: Observation, key: string, bytes = CAUGHT_UP_BYTES): Verdict {
  const leader = observation.leader === null ? undefined : machineIn(observation, observation.leader).member;
  const machine = machineIn(observation, key);
  const member = machine.member;
  if (!leader) return notYet("there is no leader");
  if (!machine.reachable) return notYet(`${key} does not answer over SSH`);
  if (!member?.answers)
    return notYet(`PostgreSQL of ${key} does not answer (Patroni says: ${member?.state ?? "nothing"})`);
  if (observation.leader === key) return fine;
  if (member.state !== "streaming") return notYet(`${key} is ${member.state}, not streaming`);
  if (member.timeline !== leader.timeline) {
    return notYet(`${key} is on timeline ${member.timeline}, the leader on ${leader.timeline}`);
  }
  const lag = isDelayed(member) ? member.receiveLagBytes : member.replayLagBytes;
  if (lag === null) return notYet(`the lag of ${key} is not known`);
  return lag <= bytes ? fine : notYet(`${key} is ${describeBytes(lag)} behind`);
}

/** The leader serves, and every member but those named is caught up. */
export function allCaughtUp(observation: Observation, except: readonly string[] = []): Verdict {
  const keys = membersIn(observation).map((m) => m.key);
  return every([
    leaderServes(observation),
    ...keys.filter((key) => !except.includes(key)).map((key) => caughtUp(observation, key)),
  ]);
}

/** recovery_min_apply_delay is set: the member lags by intention. */
export function isDelayed(member: MemberObservation): boolean {
  const delay = member.settings.find((s) => s.name === "recovery_min_apply_delay");
  return delay !== undefined && Number(delay.setting) > 0;
}

/** Patroni's tags that keep a member from leading. */
export function mayLead(member: MemberObservation): boolean {
  const { nofailover, failover_priority: priority } = member.tags;
  return nofailover !== true && nofailover !== "true" && priority !== 0 && !isDelayed(member);
}

/** "512 B", "3.2 MB": 1 kB is 1024 bytes, as PostgreSQL counts. */
export function describeBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
