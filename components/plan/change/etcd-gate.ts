/** What etcd can bear. A majority of all voters, healthy ones or not, has to agree on everything, a change of voters too. */
import type { LivingCluster } from "./cluster-state";
import type { Refusal } from "./refusal";

/** More voters make etcd slower and no safer (etcd's own advice: at most seven). */
export const MOST_VOTERS = 7;

export interface Quorum {
  readonly voters: readonly string[];
  readonly healthy: readonly string[];
}

export function quorumOf(state: LivingCluster): Quorum {
  const voters = state.etcd.members.filter(({ learner }) => !learner);
  return {
    voters: voters.map(({ key }) => key).sort(),
    healthy: voters.filter(({ healthy }) => healthy).map(({ key }) => key),
  };
}

/** Voters that may still be lost: below 0, etcd cannot decide. */
export function mayLose({ voters, healthy }: Quorum): number {
  return healthy.length - majority(voters.length);
}

export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The quorum while etcd on that machine is down. */
export function without({ voters, healthy }: Quorum, key: string): Quorum {
  return { voters, healthy: healthy.filter((voter) => voter !== key) };
}

/** The quorum once that voter is out. */
export function reduced({ voters, healthy }: Quorum, key: string): Quorum {
  return { voters: voters.filter((voter) => voter !== key), healthy: healthy.filter((voter) => voter !== key) };
}

/** Whether etcd on the machine may stop for a while. The only voter may: then no step can avoid it. */
export function refuseStop(state: LivingCluster, key: string, doing: string): Refusal | undefined {
  const quorum = quorumOf(state);
  if (!quorum.voters.includes(key) || quorum.voters.length === 1 || mayLose(without(quorum, key)) >= 0)
    return undefined;
  return lostMajority(quorum, `${doing} stops etcd on ${key}`);
}

/** Whether a voter may be taken out. Taking out a dead one never makes things worse, but a majority has to agree to it. */
export function refuseRemoval(state: LivingCluster, key: string): Refusal | undefined {
  const { voters, healthy } = quorumOf(state);
  if (!voters.includes(key)) return undefined;
  const left = reduced({ voters, healthy }, key);
  if (left.voters.length > 0 && mayLose({ voters, healthy }) >= 0 && mayLose(left) >= 0) return undefined;
  if (left.voters.length === 0)
    return {
      code: "etcd-majority",
      subject: "etcd",
      reason: `${key} is the only voter: etcd would be gone`,
      advice: "declare etcd.voters on another machine first, run that, and then change this one",
    };
  return lostMajority({ voters, healthy }, `taking ${key} out of etcd`);
}

/** Whether one more voter can be added: with its vote it has to be agreed on by a majority of one more. */
export function refuseAddition(state: LivingCluster, key: string): Refusal | undefined {
  const { voters, healthy } = quorumOf(state);
  if (voters.length >= MOST_VOTERS)
    return {
      code: "too-many-voters",
      subject: "etcd.voters",
      reason: `etcd would have ${voters.length + 1} voters on the way, more than ${MOST_VOTERS}`,
      advice: "exchange fewer machines at a time: declare some of the new ones first, then the rest",
    };
  const grown = { voters: [...voters, key], healthy: [...healthy, key] };
  return mayLose(grown) >= 0 ? undefined : lostMajority({ voters, healthy }, `adding ${key} to etcd`);
}

function lostMajority({ voters, healthy }: Quorum, doing: string): Refusal {
  const dead = voters.filter((voter) => !healthy.includes(voter));
  return {
    code: "etcd-majority",
    subject: "etcd",
    reason: `${doing}, and etcd would have no majority: ${healthy.length} of ${voters.length} voters are healthy${dead.length === 0 ? "" : ` (${dead.join(", ")} not)`}`,
    advice:
      dead.length === 0
        ? "declare more voters first"
        : `bring etcd on ${dead.join(", ")} back first, or take ${dead.length === 1 ? "it" : "them"} out of the declaration`,
  };
}
