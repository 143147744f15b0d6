/** What is allowed in a declaration and still worth a second thought. */
import { listed } from "./mistake";
import { acknowledges, memberKeys } from "./resolve";
import type { ClusterSpec, MemberSpec } from "./types";

export interface Warning {
  readonly path: string;
  /** What it means and what would be better, in one sentence. */
  readonly text: string;
}

/** Weak points of a cluster that the declaration allows, in the order of their paths. */
export function warnings(spec: ClusterSpec): readonly Warning[] {
  const members = memberKeys(spec.machines).map((key) => [key, spec.machines[key]?.member as MemberSpec] as const);
  const able = members.filter(([, member]) => acknowledges(member)).map(([key]) => key);
  const zones = new Set(able.map((key) => spec.machines[key]?.zone));
  const all: (Warning | false)[] = [
    spec.durability.mode !== "async" &&
      able.length === 2 && {
        path: "durability.mode",
        text: `only ${listed(able, "and")} can acknowledge commits: when one is lost the other goes on alone, without a second copy; three members keep two copies`,
      },
    spec.etcd.voters.length === 1 &&
      members.length > 1 && {
        path: "etcd.voters",
        text: `${spec.etcd.voters[0]} is the only voter: when it is lost no other member can take over; three voters bear the loss of one`,
      },
    able.length > 1 &&
      zones.size === 1 &&
      spec.platform.kind !== "lab" && {
        path: "machines",
        text: `all members that may lead are in the zone ${[...zones][0]}: its failure takes all of them; spread them over zones`,
      },
    members.length > 1 &&
      !members.some(([, { takesReads }]) => takesReads) && {
        path: "machines",
        text: "no member takes reads: the read-only endpoint leads to the leader",
      },
    spec.poolers.machines.length === 1 &&
      members.length > 1 && {
        path: "poolers.machines",
        text: `${spec.poolers.machines[0]} is the only pooler: when it is lost no client reaches the cluster; name two or more`,
      },
  ];
  return all.filter((warning) => warning !== false);
}
