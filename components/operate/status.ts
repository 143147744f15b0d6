/** An observation for a terminal: pure. Plain text, or with colours for emphasis only. */
import { describeBytes, leaderServes } from "./health";
import type { MachineObservation, MemberObservation, Observation } from "./observation";
import { isClean, measuredDetails, measuredInWords, type Proof } from "./witness/proof";

export interface StatusStyle {
  /** Emphasis by ANSI colours; default none. */
  readonly colour?: boolean;
  /** What clients saw of the last update that disturbed anything; default: not shown. */
  readonly proof?: Proof | null;
}

type Tone = "good" | "warn" | "bad" | "dim" | "strong";

const CODES: Readonly<Record<Tone, string>> = { good: "32", warn: "33", bad: "31", dim: "2", strong: "1" };

/** Text with its width known apart from its colours. */
interface Cell {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

const cell = (text: string, tone?: Tone): Cell => ({ text, tone });
const nothing = cell("-", "dim");

/** WAL that a replica may lag before it is shown as a warning, in bytes: what takes it out of the read route. */
const LAG_WARNING = 16 * 1024 * 1024;
/** Free space below this share of a disk is a warning; below a third of it, bad. */
const DISK_WARNING = 0.15;
/** WAL that a slot may hold back before it is a warning, in bytes. */
const RETAINED_WARNING = 1024 ** 3;

/** The whole picture: a verdict in one line, then members, poolers, etcd, and whatever needs attention. */
export function renderStatus(seen: Observation, style: StatusStyle = {}): string {
  const paint = (text: string, tone?: Tone) => (style.colour && tone ? `\u001b[${CODES[tone]}m${text}\u001b[0m` : text);
  const attention = attentionOf(seen);
  const lines = [
    `${paint(`cluster ${seen.cluster}`, "strong")}  ${verdict(seen, attention, paint)}`,
    "",
    ...table(
      MEMBER_COLUMNS,
      seen.machines.filter((m) => m.member).map((m) => memberRow(m)),
      paint,
    ),
    "",
    ...table(POOLER_COLUMNS, seen.machines.filter((m) => m.roles.includes("pooler")).map(poolerRow), paint),
    "",
    etcdLine(seen, paint),
    conductorLine(seen, paint),
    ...(style.proof ? proofLines(style.proof, paint) : []),
  ];
  if (attention.length > 0) {
    lines.push("", paint("needs attention", "strong"), ...attention.map((a) => `  ${paint("!", a.tone)} ${a.text}`));
  }
  lines.push("", paint(`seen at ${seen.at} in ${seen.tookMs} ms`, "dim"));
  return `${lines.filter((line, i) => line !== "" || lines[i - 1] !== "").join("\n")}\n`;
}

function verdict(
  seen: Observation,
  attention: readonly Attention[],
  paint: (t: string, tone?: Tone) => string,
): string {
  const serving = leaderServes(seen);
  if (!serving.ok) return paint(`does not serve as it should: ${serving.why}`, "bad");
  if (attention.some((a) => a.tone === "bad")) return paint(`${seen.leader} leads; something is broken`, "warn");
  if (attention.length > 0) return paint(`${seen.leader} leads; see below`, "warn");
  return paint(`healthy, ${seen.leader} leads`, "good");
}

const MEMBER_COLUMNS = ["member", "zone", "role", "state", "tl", "lag", "sync", "conn", "disk free", "version"];

function memberRow(machine: MachineObservation): readonly Cell[] {
  const member = machine.member as MemberObservation;
  if (!machine.reachable) {
    const role = member.role ?? "?";
    return [cell(machine.key), cell(machine.zone), cell(role), cell("machine does not answer", "bad")];
  }
  return [
    cell(machine.key, member.role === "leader" ? "strong" : undefined),
    cell(machine.zone),
    cell(member.role ?? "?", member.role === "leader" ? "good" : undefined),
    stateCell(member),
    cell(String(member.timeline ?? "-")),
    lagCell(member),
    cell(member.role === "leader" ? "-" : (member.sync ?? "?"), member.sync ? undefined : "dim"),
    cell(String(member.connections ?? "-")),
    diskCell(machine),
    cell(member.version ?? "-"),
  ];
}

function stateCell(member: MemberObservation): Cell {
  if (!member.answers) return cell(`${member.state ?? "unknown"} (no answer)`, "bad");
  const good = member.role === "leader" ? member.state === "running" : member.state === "streaming";
  return cell(member.state ?? "unknown", good ? "good" : "warn");
}

function lagCell(member: MemberObservation): Cell {
  if (member.role === "leader") return nothing;
  if (member.replayLagBytes === null) return cell("unknown", "warn");
  const seconds = member.replayLagSeconds ? ` ${formatSeconds(member.replayLagSeconds)}` : "";
  const text = member.replayLagBytes === 0 ? "0" : `${describeBytes(member.replayLagBytes)}${seconds}`;
  return cell(text, member.replayLagBytes > LAG_WARNING ? "warn" : undefined);
}

function diskCell(machine: MachineObservation): Cell {
  const disks = machine.disks ?? [];
  if (disks.length === 0) return nothing;
  const text = disks.map((d) => `${disks.length > 1 ? `${d.use} ` : ""}${describeBytes(d.freeBytes)}`).join(", ");
  const worst = Math.min(...disks.map((d) => d.freeBytes / Math.max(1, d.sizeBytes)));
  return cell(text, worst < DISK_WARNING / 3 ? "bad" : worst < DISK_WARNING ? "warn" : undefined);
}

const POOLER_COLUMNS = ["pooler", "writes to", "reads to", "clients", "waiting", "servers", "state"];

function poolerRow(machine: MachineObservation): readonly Cell[] {
  const pooler = machine.pooler;
  if (!machine.reachable || !pooler) return [cell(machine.key), cell("does not answer", "bad")];
  const sum = (field: "clients" | "waiting" | "servers") => pooler.processes.reduce((total, p) => total + p[field], 0);
  const held = pooler.processes.filter((p) => p.state !== "active");
  const until = pooler.resumesAt ? ` until ${pooler.resumesAt.slice(11, 19)}` : "";
  const state = held.length === 0 ? cell("active", "good") : cell(`${describeHeld(held)}${until}`, "warn");
  const { routes } = pooler;
  const reads = routes && (routes.readsOnLeader ? cell("the leader", "warn") : cell(routes.replicas.join(", ") || "-"));
  return [
    cell(machine.key),
    routes
      ? cell(routes.leader.join(", ") || "nobody", routes.leader.length === 1 ? undefined : "bad")
      : cell("?", "bad"),
    reads ?? cell("?", "bad"),
    cell(String(sum("clients"))),
    cell(String(sum("waiting")), sum("waiting") > 0 ? "warn" : undefined),
    cell(String(sum("servers"))),
    state,
  ];
}

function describeHeld(held: readonly { readonly process: string; readonly state: string }[]): string {
  return held.map((p) => `${p.process} ${p.state}`).join(", ");
}

function etcdLine(seen: Observation, paint: (t: string, tone?: Tone) => string): string {
  const { etcd } = seen;
  if (!etcd) return `etcd     ${paint("could not be asked", "bad")}`;
  const learners = etcd.members.filter((m) => m.learner).map((m) => m.key);
  const parts = etcd.members
    .filter((m) => !m.learner)
    .map((m) => paint(`${m.key}${m.key === etcd.leader ? " (leads)" : ""}`, m.healthy ? undefined : "bad"));
  const tone = !etcd.hasMajority ? "bad" : etcd.healthyVoters < etcd.voters ? "warn" : "good";
  const count = paint(`${etcd.healthyVoters} of ${etcd.voters} voters healthy`, tone);
  return `etcd     ${count}: ${parts.join(", ")}${learners.length > 0 ? `; learners: ${learners.join(", ")}` : ""}`;
}

function conductorLine(seen: Observation, paint: (t: string, tone?: Tone) => string): string {
  const { conductor } = seen;
  if (!conductor) return `changes  ${paint("could not be asked", "warn")}`;
  if (conductor.owner) {
    const doing = conductor.step ? `: ${conductor.step.step}` : "";
    return `changes  ${paint(`process ${conductor.owner.pid} on ${conductor.owner.host} is at work${doing}`, "warn")}`;
  }
  if (conductor.step) return `changes  ${paint(`not finished: ${conductor.step.step} (${conductor.step.at})`, "bad")}`;
  return "changes  none under way";
}

function proofLines(proof: Proof, paint: (t: string, tone?: Tone) => string): string[] {
  const tone = isClean(proof) ? "good" : proof.writesLost ? "bad" : "warn";
  const when = `${proof.at.slice(0, 16).replace("T", " ")} UTC, ${proof.steps} steps in ${formatSeconds(proof.seconds)}`;
  return [
    `proof    ${paint(measuredInWords(proof), tone)} (${when})`,
    ...measuredDetails(proof).map((line) => `         ${line}`),
  ];
}

interface Attention {
  readonly text: string;
  readonly tone: "warn" | "bad";
}

/** Everything that a DBA should know beside the tables, worst first. */
export function attentionOf(seen: Observation): readonly Attention[] {
  const found: Attention[] = [];
  const warn = (text: string) => found.push({ text, tone: "warn" });
  const bad = (text: string) => found.push({ text, tone: "bad" });
  for (const p of seen.problems) bad(p.why.startsWith(`${p.where}: `) ? p.why : `${p.where}: ${p.what}: ${p.why}`);
  if (seen.patroni?.pause) warn("Patroni is in maintenance mode: it fails over nothing (patronictl resume)");
  for (const name of seen.strangers) warn(`Patroni lists ${name}, which the stack does not know`);
  for (const machine of seen.machines) {
    for (const unit of machine.units ?? []) {
      if (unit.active !== "active") bad(`${machine.key}: unit ${unit.unit} is ${unit.active} (${unit.detail})`);
      else if (["disabled", "masked"].includes(unit.enabled))
        warn(`${machine.key}: unit ${unit.unit} is ${unit.enabled}, it will not start at boot`);
    }
    for (const [service, { state, deviating }] of Object.entries(machine.files ?? {})) {
      if (state === "passing") warn(`${machine.key}: files of ${service} are those of a rollout, for a while`);
      if (deviating.length > 0 && state === "declared")
        warn(
          `${machine.key}: not as it was given: ${deviating.map(({ path }) => path).join(", ")} (\`up\` puts it back)`,
        );
    }
    if (machine.member) memberAttention(machine.key, machine.member, machine.key === seen.leader, warn);
    for (const disk of machine.disks ?? []) {
      const free = disk.freeBytes / Math.max(1, disk.sizeBytes);
      const text = `${machine.key}: ${disk.path} has ${describeBytes(disk.freeBytes)} left (${Math.round(free * 100)} %)`;
      if (free < DISK_WARNING / 3) bad(text);
      else if (free < DISK_WARNING) warn(text);
    }
  }
  return [...found.filter((a) => a.tone === "bad"), ...found.filter((a) => a.tone === "warn")];
}

function memberAttention(key: string, member: MemberObservation, leads: boolean, warn: (text: string) => void): void {
  if (member.pendingRestart.length > 0) warn(`${key}: a restart is pending for ${member.pendingRestart.join(", ")}`);
  // Those that wait for a restart, or that the command line wins over, show in the file alone.
  const altered = [
    ...new Set([...member.settings.filter((s) => s.altered).map((s) => s.name), ...Object.keys(member.altered)]),
  ];
  if (altered.length > 0) warn(`${key}: set by hand with ALTER SYSTEM: ${altered.join(", ")}`);
  for (const slot of member.slots) {
    const retained = slot.retainedBytes ?? 0;
    const lost = slot.walStatus === "lost" || slot.walStatus === "unreserved";
    if (lost) warn(`${key}: slot ${slot.name} is ${slot.walStatus}: its reader has to start anew`);
    else if (!slot.active && retained > RETAINED_WARNING) {
      warn(`${key}: slot ${slot.name} has no reader and holds back ${describeBytes(retained)} of WAL`);
    }
  }
  if (!leads) return;
  for (const t of member.longTransactions) {
    warn(
      `${key}: pid ${t.pid} of ${t.user} is in a transaction for ${formatSeconds(t.ageSeconds)} (${t.state}): ${t.query}`,
    );
  }
}

/** "0.3 s", "42 s", "5 min", "3 h". */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function table(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: (text: string, tone?: Tone) => string,
): string[] {
  if (rows.length === 0) return [];
  const all = [columns.map((c) => cell(c, "dim")), ...rows];
  // A last cell of a short row may be as long as it likes: it has no column beside it.
  const widths = columns.map((_, i) =>
    Math.max(...all.filter((r) => r.length > i + 1 || i === 0).map((r) => r[i]?.text.length ?? 0), 0),
  );
  return all.map((row) =>
    row
      .map(
        (c, i) =>
          paint(c.text, c.tone) +
          " ".repeat(i + 1 < row.length ? Math.max(0, (widths[i] ?? 0) - c.text.length) + 2 : 0),
      )
      .join("")
      .trimEnd(),
  );
}
