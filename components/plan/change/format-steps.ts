/** Steps as they are printed, in a plan and while they run. */
import type { DurabilityState } from "./cluster-state";
import { idleUnits, resets, restoring } from "./format-deviations";
import { count, type Painter, wrapped } from "./format-text";
import { isDisturbing } from "./health";
import type { ParameterSetting, SoftwareChange, Standing, Step } from "./step";

export function stepBlock(steps: readonly Step[], paint: Painter): string[] {
  if (steps.length === 0) return [];
  const entries = stages(steps).map((stage, index) => ({ stage, number: numberOf(steps, stages(steps), index) }));
  const digits = Math.max(...entries.map(({ number }) => number.length));
  const indent = " ".repeat(digits + 3);
  const lines = entries.flatMap(({ stage, number }) => {
    const [first = "", ...more] = wrapped(stageText(stage), indent);
    const below = [
      ...stage.flatMap(detail),
      ...(stage.some(isDisturbing) ? [describeStanding(worst(stage))] : []),
      ...new Set(stage.flatMap(({ standing }) => standing.notes)),
    ].flatMap((line) => wrapped(line, `${indent}  `));
    const numbered = `  ${number.padStart(digits)} ${first.trimStart()}`;
    const alarming = stage.some((step) => step.kind === "durability-change" && step.to.mode === "async");
    return [alarming ? paint.red(numbered) : numbered, ...more, ...below];
  });
  return [paint.bold("Steps"), ...lines];
}

/** "3." or "4-8.": the steps of a stage by their places in the plan. */
function numberOf(steps: readonly Step[], all: readonly Stage[], index: number): string {
  const stage = all[index] as Stage;
  const first = steps.indexOf(stage[0] as Step) + 1;
  return stage.length === 1 ? `${first}.` : `${first}-${first + stage.length - 1}.`;
}

/** Steps that follow each other and bring one machine in or out are read as one. */
type Stage = readonly Step[];

function stages(steps: readonly Step[]): Stage[] {
  const result: Step[][] = [];
  for (const step of steps) {
    const last = result.at(-1);
    const machine = passage(step)?.machine;
    if (last !== undefined && machine !== undefined && passage(last[0] as Step)?.machine === machine) last.push(step);
    else result.push([step]);
  }
  return result;
}

function stageText(stage: Stage): string {
  const [first] = stage as readonly [Step];
  if (stage.length === 1) return describeStep(first);
  return `${passage(first)?.machine} ${stage.map((step) => passage(step)?.does).join("; ")}`;
}

/** What a step of a machine's way in or out is, after the machine's name. undefined: it is no such step. */
function passage(step: Step): { readonly machine: string; readonly does: string } | undefined {
  switch (step.kind) {
    case "add-voter":
      return { machine: step.machine, does: "joins etcd as a learner" };
    case "promote-voter":
      return { machine: step.machine, does: "gets its vote in etcd" };
    case "remove-voter":
      return step.stranger ? undefined : { machine: step.machine, does: "leaves etcd" };
    case "seed-member":
      return { machine: step.member, does: `is seeded from ${step.from} and catches up` };
    case "admit-to-reads":
      return { machine: step.member, does: "takes reads" };
    case "leave-read-route":
      return { machine: step.member, does: "gets no more reads" };
    case "leave-patroni":
      return { machine: step.member, does: `${step.dead ? "(dead) " : ""}leaves Patroni` };
    case "drop-slot":
      return { machine: step.member, does: "its replication slot is dropped" };
    case "replace-machine":
      return { machine: step.machine, does: `is made anew (${step.why.join(", ")})` };
    case "delete-machine":
      return { machine: step.machine, does: "is deleted" };
    case "pooler-change":
      return step.change === "drained"
        ? { machine: step.machines[0] as string, does: "its pooler takes no more clients and stops" }
        : undefined;
    default:
      return undefined;
  }
}

/** The least that stands during any of the steps. */
function worst(stage: Stage): Standing {
  return stage
    .map(({ standing }) => standing)
    .reduce((a, b) => ({
      writes:
        b.writes.kind === "pause" && (a.writes.kind === "flow" || b.writes.seconds > a.writes.seconds)
          ? b.writes
          : a.writes,
      readReplicas: {
        during: Math.min(a.readReplicas.during, b.readReplicas.during),
        of: Math.max(a.readReplicas.of, b.readReplicas.of),
      },
      etcdMayLose: Math.min(a.etcdMayLose, b.etcdMayLose),
      standIns: Math.min(a.standIns, b.standIns),
      acknowledging:
        a.acknowledging.during - a.acknowledging.needed <= b.acknowledging.during - b.acknowledging.needed
          ? a.acknowledging
          : b.acknowledging,
      notes: [],
    }));
}

/** One step in one line: "db-3 restarts". Also what a run announces. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "bootstrap":
      return `etcd is formed on ${step.voters.join(", ")}; one of ${step.members.join(", ")} is initialised, the others are seeded from it`;
    case "preflight":
      return `Check: ${step.checks.join("; ")}`;
    case "resume-poolers":
      return `Poolers left paused are resumed on ${step.machines.join(", ")}`;
    case "restore-files":
      return restoring(step);
    case "start-units":
      return `${step.machine}: ${idleUnits(step.units)}`;
    case "reset-parameter":
      return `${step.member}: ${resets(step.parameters)}`;
    case "hba":
      return `New pg_hba rules are loaded on ${step.members.join(", ")}`;
    case "reload":
      return `${step.what.join(", ")} reloaded on ${step.members.join(", ")}`;
    case "pooler-change":
      return poolerStep(step);
    case "config-apply":
      return step.held.length > 0
        ? "Patroni's configuration, first pass: what rises"
        : "Patroni's configuration is written";
    case "durability-change":
      return `Durability ${durability(step.from)} to ${durability(step.to)}${step.until === undefined ? "" : ` until ${step.until}`}`;
    case "grow-disk":
      return `${step.machine}: ${step.disk === "wal" ? "WAL" : "data"} disk grows from ${step.from} to ${step.to}`;
    case "add-voter":
      return `${step.machine} joins etcd as a learner`;
    case "promote-voter":
      return `${step.machine} gets its vote in etcd`;
    case "remove-voter":
      return step.stranger
        ? `${step.machine}, a member of etcd that nobody declares, is taken out`
        : `${step.machine}${step.dead ? " (dead)" : ""} leaves etcd`;
    case "seed-member":
      return `${step.member} is seeded from ${step.from} and catches up`;
    case "admit-to-reads":
      return `${step.member} takes reads`;
    case "restart-member":
      return `${step.member} restarts${step.role === "leader" ? " where it is, as leader," : ""}${forNames(step.parameters)}`;
    case "switchover":
      return `Switchover ${step.from} to ${step.to}: ${step.from} ${step.why}`;
    case "power-cycle":
      return `${step.machine} is resized by a power cycle: ${step.from} to ${step.to}`;
    case "upgrade-software":
      return `${step.machine} is upgraded: ${software(step.software)}`;
    case "leave-read-route":
      return `${step.member} gets no more reads`;
    case "leave-patroni":
      return `${step.member}${step.dead ? " (dead)" : ""} leaves Patroni`;
    case "drop-slot":
      return `${step.member}'s replication slot is dropped`;
    case "replace-machine":
      return `${step.machine} is made anew: ${step.why.join(", ")}`;
    case "delete-machine":
      return `${step.machine} is deleted`;
    case "verify":
      return `Verify: ${step.checks.join("; ")}`;
  }
}

function poolerStep(step: Extract<Step, { kind: "pooler-change" }>): string {
  const machines = step.machines.join(", ");
  switch (step.change) {
    case "added":
      return `Pooler set up on ${machines}`;
    case "reload":
      return `Poolers reload on ${machines}: ${step.what.join(", ")}`;
    case "drained":
      return `Pooler on ${machines} takes no more clients and stops`;
  }
}

/** What a step carries with it, one line each. */
function detail(step: Step): string[] {
  switch (step.kind) {
    case "config-apply":
      return [
        [...step.timings, ...step.parameters].map(setting).join(", "),
        ...(step.held.length > 0 ? [`held until the replicas have restarted: ${step.held.join(", ")}`] : []),
      ];
    case "power-cycle":
      return [
        ...(step.software.length === 0 ? [] : [`with ${software(step.software)}`]),
        ...(step.picksUp.length === 0 ? [] : [`picks up ${step.picksUp.join(", ")}`]),
      ];
    case "upgrade-software":
      return step.picksUp.length === 0 ? [] : [`picks up ${step.picksUp.join(", ")}`];
    case "switchover":
      return step.picksUp.length === 0
        ? []
        : [`${step.from} restarts as it becomes a replica${forNames(step.picksUp)}`];
    default:
      return [];
  }
}

/** " for a, b, c and 2 more". */
function forNames(names: readonly string[]): string {
  if (names.length === 0) return "";
  if (names.length <= 4) return ` for ${names.join(", ")}`;
  return ` for ${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

function setting({ name, from, to }: ParameterSetting): string {
  if (to === undefined) return `${name} ${from} removed`;
  return from === undefined ? `${name} ${to} added` : `${name} ${from} => ${to}`;
}

export function software(changes: readonly SoftwareChange[]): string {
  return changes
    .map(({ software: name, from, to }) => {
      // Another run has installed it and was stopped then.
      if (from === to) return `${name} ${to}, which is installed, comes into force`;
      return `${name} ${from === undefined ? to : `${from} to ${to}`}`;
    })
    .join(", ");
}

export function durability({ mode, strict, standbys }: DurabilityState): string {
  return mode === "async" ? "async" : `${mode}${strict ? " strict" : ""} of ${count(standbys, "standby")}`;
}

/** "writes go on · reads on 1 of 2 replicas · stand-ins 1 · sync standbys 1 of 1 · etcd spares 1". */
export function describeStanding(standing: Standing): string {
  const { writes, readReplicas, standIns, acknowledging, etcdMayLose } = standing;
  const parts = [writes.kind === "flow" ? "writes go on" : `writes pause about ${writes.seconds} s`];
  if (readReplicas.of > 0)
    parts.push(
      readReplicas.during === 0
        ? "reads on the leader"
        : `reads on ${readReplicas.during} of ${count(readReplicas.of, "replica")}`,
    );
  parts.push(`stand-ins ${standIns === 0 ? "none" : standIns}`);
  if (acknowledging.needed > 0) parts.push(`sync standbys ${acknowledging.during} of ${acknowledging.needed}`);
  parts.push(etcdMayLose < 0 ? "etcd cannot decide" : `etcd spares ${etcdMayLose === 0 ? "none" : etcdMayLose}`);
  return parts.join(" · ");
}
