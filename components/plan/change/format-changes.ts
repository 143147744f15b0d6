/** The list of changes as it is printed: what follows from a change stands below it. */
import type { Change, Impact } from "./change";
import { type Painter, wrapped } from "./format-text";

const IMPACT_WORDS: Readonly<Record<Impact, string>> = {
  none: "none",
  reload: "reload",
  "pooler-reload": "pooler reload",
  "pooler-added": "pooler added",
  "pooler-removed": "pooler removed",
  "disk-grown": "disk grown online",
  "voter-added": "etcd voter added",
  "voter-removed": "etcd voter removed",
  "member-added": "member added",
  "machine-added": "machine added",
  "machine-removed": "machine removed",
  "member-removed": "member removed",
  "restart-replicas": "restart of replicas",
  "software-upgraded": "software upgraded",
  restart: "restart with switchover",
  "restart-in-place": "restart in place",
  "machine-resized": "machine resized",
  "machine-replaced": "machine replaced",
  refused: "refused",
};

interface ChangeLine {
  readonly mark: string;
  readonly path: string;
  readonly values: string;
  readonly impact: string;
  readonly below: readonly string[];
  readonly alarming: boolean;
}

/** Declared changes, each with what follows from it below. The same change of several machines is one. */
export function changeBlock(changes: readonly Change[], paint: Painter): string[] {
  const groups = grouped(changes.filter(({ derivedFrom }) => derivedFrom === undefined));
  const lines = groups.flatMap((group) => [
    changeLine(group[0] as Change, groupPath(group), [(group[0] as Change).reason]),
    ...changes.filter((other) => ownerOf(other, groups) === group).map((other) => derivedLine(other, group)),
  ]);
  if (lines.length === 0) return [];
  const width = (part: (line: ChangeLine) => string) => Math.max(...lines.map((line) => part(line).length));
  const [paths, values] = [width(({ path }) => path), width(({ values }) => values)];
  return [
    paint.bold("Changes"),
    ...lines.flatMap((line) => {
      const text = `  ${line.mark} ${line.path.padEnd(paths)}  ${line.values.padEnd(values)}  ${line.impact}`.trimEnd();
      return [line.alarming ? paint.red(text) : text, ...line.below.flatMap((note) => wrapped(note, "      "))];
    }),
  ];
}

type ChangeGroup = readonly Change[];

function grouped(changes: readonly Change[]): ChangeGroup[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const { from, to, impact, reason } = change;
    const id = JSON.stringify([pathOfAny(change), from, to, impact, reason]);
    groups.set(id, [...(groups.get(id) ?? []), change]);
  }
  return [...groups.values()];
}

/** The path without the machine's key, where it has one. */
function pathOfAny({ path }: Change): string {
  return path.replace(/^machines\.[^.]+\./, "machines.*.");
}

function groupPath(group: ChangeGroup): string {
  const [first] = group as [Change];
  if (group.length === 1) return first.path;
  return pathOfAny(first).replace("*", `{${group.map(({ path }) => path.split(".")[1]).join(",")}}`);
}

/** A derived change stands below the first declared one that it follows from. */
function ownerOf(derived: Change, groups: readonly ChangeGroup[]): ChangeGroup | undefined {
  return groups.find((group) => group.some(({ path }) => derived.derivedFrom?.includes(path)));
}

/** Paths of lists of machines: the machine is the value. */
const LISTS: readonly string[] = ["etcd.voters", "poolers.machines"];

function derivedLine(derived: Change, owner: ChangeGroup): ChangeLine {
  const others =
    derived.derivedFrom?.filter((path) => !LISTS.includes(path) && !owner.some((change) => change.path === path)) ?? [];
  const name = derived.path.replace(/^postgresql\.parameters\./, "");
  const where =
    derived.machines === undefined || LISTS.includes(derived.path) ? "" : ` (${derived.machines.join(", ")})`;
  const also = others.length === 0 || others.length > 3 ? [] : [`  follows from ${others.join(", ")} too`];
  return changeLine(derived, `  ${name}${where}`, also);
}

function changeLine(change: Change, path: string, below: readonly string[]): ChangeLine {
  const { from, to, impact } = change;
  return {
    mark: from === undefined ? "+" : to === undefined ? "-" : "~",
    path,
    values: [from, to].filter((value) => value !== undefined).join(" => "),
    impact: IMPACT_WORDS[impact],
    below,
    alarming: impact === "refused" || change.weakensDurability === true,
  };
}
