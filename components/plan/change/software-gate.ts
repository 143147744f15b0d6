/** Versions of software: which cannot be had, and which differ between machines without anybody having said so. */
import type { LivingCluster, Software } from "./cluster-state";
import type { Goal } from "./goal";
import type { Refusal } from "./refusal";
import type { Step } from "./step";
import { softwareOf, workOn } from "./work";

/** Pinned versions that a machine has yet to get and its package sources do not have. */
export function versionsNotToBeHad(goal: Goal, state: LivingCluster): Refusal[] {
  const lacking = new Map<Software, string[]>();
  for (const key of Object.keys(goal.after.machines).sort()) {
    for (const { software, from, to } of workOn(goal, state, key).software) {
      const sources = state.machines[key]?.sources?.[software];
      if (from === to || sources === undefined || sources.versions.includes(to)) continue;
      lacking.set(software, [...(lacking.get(software) ?? []), key]);
    }
  }
  return [...lacking].map(([software, keys]) => {
    const to = goal.after.software[software];
    return {
      code: "version-not-available",
      subject: `software.${software}`,
      reason: `${to} is declared, and the package sources of ${keys.join(", ")} do not have it; they have ${offered(state, software, keys)}`,
      advice: `declare one of these, or take the pin out; or give the machines a package source that has ${to}`,
    };
  });
}

function offered(state: LivingCluster, software: Software, keys: readonly string[]): string {
  const versions = new Set(keys.flatMap((key) => state.machines[key]?.sources?.[software]?.versions ?? []));
  return versions.size === 0 ? "no version of it" : [...versions].join(", ");
}

/** What a reader should know of versions that nobody declares, and of pinned ones that a new machine may not get. */
export function softwareNotices(goal: Goal, state: LivingCluster, steps: readonly Step[]): string[] {
  const comes = newcomers(goal, state, steps);
  const all = new Set(Object.keys(goal.after.machines).flatMap((key) => softwareOf(goal, key)));
  return [...all].sort().flatMap((software) => {
    const pin = goal.after.software[software];
    const theirs = comes.filter((key) => softwareOf(goal, key).includes(software));
    if (pin === undefined) return unpinned(goal, state, software, theirs);
    return theirs.length === 0 ? [] : pinnedAndGone(state, software, pin, theirs);
  });
}

function newcomers(goal: Goal, state: LivingCluster, steps: readonly Step[]): string[] {
  const remade = steps.flatMap((step) => (step.kind === "replace-machine" ? [step.machine] : []));
  const made = Object.keys(goal.after.machines).filter((key) => state.machines[key] === undefined);
  return [...new Set([...made, ...remade])].sort();
}

function unpinned(goal: Goal, state: LivingCluster, software: Software, comes: readonly string[]): string[] {
  const staying = Object.keys(goal.after.machines)
    .filter((key) => !comes.includes(key) && softwareOf(goal, key).includes(software))
    .sort();
  const byVersion = new Map<string, string[]>();
  for (const key of staying) {
    const version = state.machines[key]?.versions[software];
    if (version !== undefined) byVersion.set(version, [...(byVersion.get(version) ?? []), key]);
  }
  const [version] = [...byVersion.keys()];
  if (version === undefined) return [];
  const pin = (one: string) => `software: { ${software}: "${one}" }`;
  if (byVersion.size > 1) {
    const who = [...byVersion].map(([one, keys]) => `${one} on ${keys.join(", ")}`).join(" and ");
    return [`${software} is ${who}, and no version is declared; for one everywhere, declare ${pin(version)}`];
  }
  const candidates = Object.values(state.machines).map((machine) => machine.sources?.[software]?.candidate);
  const newest = candidates.find((one) => one !== undefined && one !== version);
  if (comes.length === 0 || newest === undefined) return [];
  return [
    `${comes.join(", ")} may get ${software} ${newest}, the newest to be had, and ${staying.join(", ")} have ${version}; to keep that, declare ${pin(version)}`,
  ];
}

/** Archives drop what a newer version replaces; only an image may still have it. */
function pinnedAndGone(state: LivingCluster, software: Software, pin: string, comes: readonly string[]): string[] {
  const asked = Object.entries(state.machines).filter(([, machine]) => machine.sources?.[software] !== undefined);
  if (asked.length === 0 || asked.some(([, machine]) => machine.sources?.[software]?.versions.includes(pin))) return [];
  const keys = asked.map(([key]) => key);
  return [
    `${comes.join(", ")} can get ${software} ${pin} only where it is installed already: the package sources of ${keys.join(", ")} have ${offered(state, software, keys)}`,
  ];
}
