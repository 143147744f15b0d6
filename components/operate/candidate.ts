/** Who takes over in a planned switchover: pure. */
import { caughtUp, describeBytes, mayLead } from "./health";
import { type MachineObservation, type MemberObservation, machineIn, membersIn, type Observation } from "./observation";

/** A member and why it may not take over; `undefined`: it may. */
export interface Judged {
  readonly key: string;
  readonly refusal: string | undefined;
}

export type Choice =
  | { readonly kind: "chosen"; readonly candidate: string; readonly why: string }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/** WAL that a candidate may still have to replay, in bytes: writes stay paused while it does. */
export const CANDIDATE_LAG_BYTES = 16 * 1024 * 1024;

/** Why this member cannot take over now; undefined: it can. */
export function refusalOf(observation: Observation, key: string): string | undefined {
  const machine = machineIn(observation, key);
  const { member } = machine;
  if (!member) return `${key} has no PostgreSQL`;
  if (key === observation.leader) return `${key} is the leader already`;
  if (!member.patroniAnswers) return `Patroni of ${key} does not answer`;
  if (!mayLead(member)) return `${key} is declared to never lead`;
  const ready = caughtUp(observation, key, CANDIDATE_LAG_BYTES);
  if (!ready.ok) return ready.why;
  if (needsSync(observation) && member.sync === "async") {
    return `${key} does not acknowledge commits, and the cluster is synchronous`;
  }
  if (member.streamsFrom !== null && !streamsFromLeader(observation, member)) {
    return `${key} streams from another replica (${member.streamsFrom}), not from the leader`;
  }
  return undefined;
}

/**
 * Members that could acknowledge commits and do not yet: Patroni takes a standby in some loops after it began to stream.
 * A switchover before that makes the first writes wait for the old leader's restart. Only in quorum mode, where all count.
 */
export function notYetAcknowledging(observation: Observation): readonly string[] {
  if (observation.configuration?.synchronous_mode !== "quorum") return [];
  return membersIn(observation)
    .filter(({ key, member }) => key !== observation.leader && member.state === "streaming" && member.sync === "async")
    .filter(({ member }) => member.tags.nosync !== true && streamsFromLeader(observation, member))
    .map(({ key }) => key);
}

function needsSync(observation: Observation): boolean {
  const mode = observation.configuration?.synchronous_mode;
  // In `on`, Patroni switches over to synchronous standbys only; in quorum mode the others have no vote.
  const synchronous = mode === true || mode === "on" || mode === "true" || mode === "quorum";
  return synchronous && membersIn(observation).some((m) => m.member.sync === "sync" || m.member.sync === "quorum");
}

function streamsFromLeader(observation: Observation, member: MemberObservation): boolean {
  if (observation.leader === null) return false;
  const leader = machineIn(observation, observation.leader);
  return member.streamsFrom === leader.address || member.streamsFrom === leader.hostname;
}

/**
 * Chooses who takes over: a healthy replica that may lead, synchronous where the cluster is, in the leader's zone rather
 * than in another, and of those the one with the least to replay; equals by key, so that the choice can be told in
 * advance.
 * @param wanted Take this one or none.
 * @param avoid Members that are not to lead, such as those that leave or are restarted next.
 */
export function chooseCandidate(
  observation: Observation,
  options: { readonly wanted?: string; readonly avoid?: readonly string[] } = {},
): Choice {
  const { leader } = observation;
  if (leader === null) return { kind: "refused", reasons: ["there is no leader to switch over from"] };
  if (options.wanted !== undefined) {
    const refusal = observation.machines.some((m) => m.key === options.wanted)
      ? refusalOf(observation, options.wanted)
      : `${options.wanted} is not a machine of this cluster`;
    return refusal === undefined
      ? { kind: "chosen", candidate: options.wanted, why: "it was asked for" }
      : { kind: "refused", reasons: [refusal] };
  }
  const judged = membersIn(observation)
    .filter((m) => m.key !== leader)
    .map((m): Judged => {
      const refusal = options.avoid?.includes(m.key) ? `${m.key} is not to lead now` : refusalOf(observation, m.key);
      return { key: m.key, refusal };
    });
  const fit = judged.filter((j) => j.refusal === undefined).map((j) => machineIn(observation, j.key));
  const zone = machineIn(observation, leader).zone;
  const [best] = [...fit].sort((a, b) => rank(a, zone) - rank(b, zone) || noticeable(a) - noticeable(b) || byKey(a, b));
  if (!best) {
    const reasons = judged.map((j) => j.refusal ?? "");
    return { kind: "refused", reasons: reasons.length > 0 ? reasons : ["the leader is the only member"] };
  }
  const where = best.zone === zone ? "in the leader's zone" : `in zone ${best.zone}, for none in ${zone} is fit`;
  return { kind: "chosen", candidate: best.key, why: `${where}, ${describeBytes(lagOf(best))} behind` };
}

function rank(machine: MachineObservation, zone: string): number {
  return machine.zone === zone ? 0 : 1;
}

function lagOf(machine: MachineObservation): number {
  return machine.member?.replayLagBytes ?? Number.MAX_SAFE_INTEGER;
}

/** Lag in steps of 1 MB: what is replayed in a few ms decides nothing. */
function noticeable(machine: MachineObservation): number {
  return Math.floor(lagOf(machine) / (1024 * 1024));
}

function byKey(a: MachineObservation, b: MachineObservation): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
