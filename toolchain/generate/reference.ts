/**
 * Writes docs/reference from the schema and from what is known of PostgreSQL's parameters (`npm run docs`).
 * The text of a field is the comment on it in components/spec/schema.ts.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlled } from "../../components/spec/parameters/controlled";
import { type ParameterInfo, parameterTable } from "../../components/spec/parameters/table";
import { recoveryBounds, recoveryTimings } from "../../components/spec/recovery";
import { clusterSchema } from "../../components/spec/schema";
import { allowedAt } from "../../components/spec/structure";
import { type DocumentedField, documentedFields } from "./schema-docs";

const ROOT = join(__dirname, "..", "..");
const GENERATED = "<!-- Made by `npm run docs`: do not edit. -->";

/** The pages by their path from the repository's root. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    "docs/reference/README.md": overview(),
    "docs/reference/cluster.md": clusterPage(schemaFields()),
    "docs/reference/parameters.md": parametersPage(),
    "docs/reference/recovery.md": recoveryPage(),
  };
}

/** The fields of a declaration with their documentation. */
export function schemaFields(): readonly DocumentedField[] {
  return documentedFields(join(ROOT, "components/spec/schema.ts"), "clusterSchema");
}

function page(...lines: readonly string[]): string {
  return `${[GENERATED, "", ...lines].join("\n")}\n`;
}

function overview(): string {
  return page(
    "# Reference",
    "",
    "- [Cluster](cluster.md): every field of a declaration.",
    "- [PostgreSQL parameters](parameters.md): which may be set, when a change comes into force, and which may not.",
    "- [Recovery presets](recovery.md): timings, and how long a fault may take.",
    "- [Tuning](../tuning.md): where the values of parameters come from that a declaration does not set.",
  );
}

function clusterPage(fields: readonly DocumentedField[]): string {
  const tops = fields.filter(({ path }) => !path.includes("."));
  return page(
    "# Cluster",
    "",
    "A declaration is the default export of `stacks/<stack>.ts`: `export default declareCluster({ … })`. An editor completes",
    "and checks it. `<key>` stands for a key of your own, `[]` for each place in a list. Sizes count in PostgreSQL's units:",
    "1kB is 1024 bytes.",
    "",
    ...fieldTable(tops),
    ...sections(fields).flatMap(({ title, rows }) => ["", `## ${title}`, "", ...fieldTable(rows)]),
  );
}

interface Section {
  readonly title: string;
  readonly rows: readonly DocumentedField[];
}

/** One for each top-level field that has fields of its own; one for each variant of it. */
function sections(fields: readonly DocumentedField[]): readonly Section[] {
  const found = new Map<string, DocumentedField[]>();
  for (const field of fields) {
    const top = field.path.split(/[.[]/)[0] as string;
    if (field.path === top) continue;
    const title = field.variant === undefined ? top : `${top}: ${field.variant}`;
    found.set(title, [...(found.get(title) ?? []), field]);
  }
  return [...found].map(([title, rows]) => ({ title, rows }));
}

function fieldTable(fields: readonly DocumentedField[]): readonly string[] {
  return [
    "| field | value | meaning |",
    "| --- | --- | --- |",
    ...fields.map(({ path, doc, variant }) =>
      row(code(path.replaceAll("*", "<key>")), whatMayStand(path, variant), doc),
    ),
  ];
}

/** What may stand there, in the words of the mistakes. */
function whatMayStand(path: string, variant: string | undefined): string {
  const steps = path.split(".").flatMap((step) => (step.endsWith("[]") ? [step.slice(0, -2), 0] : [step]));
  const { expected } = allowedAt(clusterSchema, variant === undefined ? {} : { platform: { kind: variant } }, steps);
  // Its fields have rows of their own.
  return expected.replace(/^an object with (?=[a-z]+(, [a-zA-Z]+)*$).*/, "an object");
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll(/(?<!`[^`]*)<key>/g, "`<key>`")).join(" | ")} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}

const VERSION = 17;

function parametersPage(): string {
  const all = [...parameterTable(VERSION).values()];
  const open = all.filter((info) => controlled(info) === undefined);
  const closed = all.filter((info) => info.context !== "internal" && controlled(info) !== undefined);
  return page(
    `# Parameters of PostgreSQL ${VERSION}`,
    "",
    `\`postgresql.parameters\` sets any of the ${open.length} parameters below, and any parameter of an extension or an application (with a`,
    "dot in its name). Values are checked as the server does; quantities may have a unit. What is not set is",
    "[tuned](../tuning.md) or PostgreSQL's default. Comes into force: `restart`, `reload`, or `reload` for new connections only.",
    "",
    "| parameter | value | default | comes into force |",
    "| --- | --- | --- | --- |",
    ...open.map((info) => row(code(info.name), parameterValue(info), boot(info), comesIntoForce(info))),
    "",
    "## Not to be set",
    "",
    "| parameter | reason | instead |",
    "| --- | --- | --- |",
    ...closed.map((info) => {
      const { reason, advice } = controlled(info) ?? { reason: "", advice: "" };
      return row(code(info.name), reason, advice);
    }),
  );
}

function parameterValue({ vartype, enumvals, unit, min, max }: ParameterInfo): string {
  switch (vartype) {
    case "bool":
      return "on, off";
    case "enum":
      return (enumvals ?? []).join(", ");
    case "string":
      return "text";
    case "integer":
    case "real":
      return `${min} to ${max}${unit === undefined ? "" : ` × ${unit}`}`;
  }
}

function boot({ boot: value, unit }: ParameterInfo): string {
  if (value === undefined || value === "") return "";
  return unit === undefined || Number(value) <= 0
    ? code(value)
    : code(/^\d/.test(unit) ? `${value} × ${unit}` : value + unit);
}

function comesIntoForce({ context }: ParameterInfo): string {
  switch (context) {
    case "postmaster":
      return "restart";
    case "backend":
    case "superuser-backend":
      return "reload, new connections";
    default:
      return "reload";
  }
}

function recoveryPage(): string {
  const presets = ["fast", "normal", "patient", "wide"] as const;
  return page(
    "# Recovery presets",
    "",
    "How long a lost leader goes unnoticed, against how much trouble on the network is borne. Seconds; HAProxy's in milliseconds.",
    "",
    "| preset | ttl | loop_wait | retry_timeout | primary_start_timeout | inter / fastinter / downinter | rise / fall | check timeout |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...presets.map((preset) => {
      const { ttl, loopWait, retryTimeout, primaryStartTimeout, haproxy } = recoveryTimings(preset);
      const inter = `${haproxy.interMs} / ${haproxy.fastinterMs} / ${haproxy.downinterMs}`;
      const counts = `${haproxy.rise} / ${haproxy.fall}`;
      const cells = [ttl, loopWait, retryTimeout, primaryStartTimeout, inter, counts, haproxy.checkTimeoutMs];
      return row(code(preset), ...cells.map(String));
    }),
    "",
    "Worst case, in seconds, until writes flow again. These are bounds, reckoned from the timings; usual times are shorter.",
    "",
    "| preset | the leader's machine or network is lost | PostgreSQL on the leader crashed |",
    "| --- | --- | --- |",
    ...presets.map((preset) => {
      const { machineLost, postgresqlCrashed } = recoveryBounds(preset);
      return row(code(preset), String(machineLost), String(postgresqlCrashed));
    }),
  );
}

if (require.main === module)
  for (const [path, text] of Object.entries(referencePages())) {
    mkdirSync(join(ROOT, "docs", "reference"), { recursive: true });
    writeFileSync(join(ROOT, path), text);
    console.log(path);
  }
