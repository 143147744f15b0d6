/** What was changed by hand, in words. */
import type { ChangedFiles, StoppedUnit } from "./cluster-state";
import type { ParameterSetting, StepAction } from "./step";

const NAMES: Readonly<Record<string, string>> = {
  etcd: "etcd",
  patroni: "Patroni",
  haproxy: "HAProxy",
  pgbouncer: "PgBouncer",
};

const WHAT: Readonly<Record<ChangedFiles["files"][number]["how"], string>> = {
  content: "was changed by hand",
  missing: "was removed by hand",
  mode: "got another owner or mode by hand",
  unapplied: "is in place and not in force",
};

/** "db-2: /etc/haproxy/haproxy.cfg was changed by hand; it is put back, HAProxy reloads". */
export function restoring(step: Extract<StepAction, { kind: "restore-files" }>): string {
  const { machine, service, passing, files, units } = step;
  const name = NAMES[service];
  // Starting it is told with its units.
  const effect = name === undefined || units.some(isIdle) ? "" : `, ${name} reloads`;
  const after = units.length === 0 ? "" : `; ${idleUnits(units)}`;
  if (passing)
    return `${machine}: files of ${name ?? service} that were for a rollout only are still there; the declared ones are put back${effect}${after}`;
  const it = files.length === 1 ? "it is" : "they are";
  const done = files.every(({ how }) => how === "unapplied") ? "taken over" : "put back";
  return `${machine}: ${inWords(files)}; ${it} ${done}${effect}${after}`;
}

/** "/a was changed by hand, /b and /c were removed by hand". */
function inWords(files: ChangedFiles["files"]): string {
  const groups = new Map<string, string[]>();
  for (const { path, how } of files) groups.set(WHAT[how], [...(groups.get(WHAT[how]) ?? []), path]);
  return [...groups]
    .map(([what, paths]) => {
      const words = paths.length === 1 ? what : what.replace(/^was /, "were ").replace(/^is /, "are ");
      return `${listed(paths)} ${words}`;
    })
    .join(", ");
}

/** "patroni was stopped and disabled by hand; it is enabled and started". */
export function idleUnits(units: readonly StoppedUnit[]): string {
  const groups = new Map<string, { sample: StoppedUnit; names: string[] }>();
  for (const unit of units) {
    const id = `${unit.active} ${unit.boot}`;
    const group = groups.get(id) ?? { sample: unit, names: [] };
    group.names.push(unit.unit);
    groups.set(id, group);
  }
  return [...groups.values()]
    .map(({ sample: { active, boot }, names }) => {
      const [was, is] = names.length === 1 ? ["was", "it is"] : ["were", "they are"];
      const failed = names.length === 1 ? "has failed" : "have failed";
      const by = [...(active === "stopped" ? ["stopped"] : []), ...(boot === "enabled" ? [] : [boot])];
      const happened = [
        ...(active === "failed" ? [failed] : []),
        ...(by.length === 0 ? [] : [`${was} ${by.join(" and ")} by hand`]),
      ].join(" and ");
      const done = [
        ...(boot === "enabled" ? [] : ["enabled"]),
        ...(active === "running" ? [] : [boot === "enabled" ? "started again" : "started"]),
      ].join(" and ");
      return `${listed(names)} ${happened}; ${is} ${done}`;
    })
    .join("; ");
}

/** "work_mem was set to 64MB by ALTER SYSTEM; it is reset to 4MB". */
export function resets(parameters: readonly ParameterSetting[]): string {
  return parameters
    .map(({ name, from, to }) => {
      const value = from === undefined ? "" : ` to ${from}`;
      return `${name} was set${value} by ALTER SYSTEM; it is reset${to === undefined ? "" : ` to ${to}`}`;
    })
    .join("; ");
}

function isIdle({ active }: StoppedUnit): boolean {
  return active !== "running";
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
