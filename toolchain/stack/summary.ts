/** What `npm run lab` prints at its end. */
import { type Proof, updateReport } from "../../components/operate/witness/proof";

/** The outputs of the program, as `pulumi stack output --json` gives them. */
export interface StackOutputs {
  readonly readWrite?: StackEndpoint;
  readonly readOnly?: StackEndpoint;
  readonly members?: readonly StackMember[];
  /** What clients saw of the last update that disturbed anything. */
  readonly proof?: Proof;
}

interface StackMember {
  readonly key: string;
  readonly address: string;
  readonly zone: string;
}

interface StackEndpoint {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly database: string;
  readonly connectionString: string;
}

export interface SummaryOptions {
  /** Whether the run has changed anything. */
  readonly changed: boolean;
  readonly seconds: number;
  /** When the run began, in ms since the epoch: a proof that is older is of an earlier run. */
  readonly started: number;
  /** Whether connection strings are printed with the password; otherwise with `***` in its place. */
  readonly showPassword: boolean;
}

/** The text, with a line break at its end. */
export function summary(outputs: StackOutputs, { changed, seconds, started, showPassword }: SummaryOptions): string {
  const lines = ["", changed ? `Done in ${seconds.toFixed(1)} s.` : `No changes (${seconds.toFixed(1)} s).`];
  const { proof } = outputs;
  if (changed && proof !== undefined && Date.parse(proof.at) >= started) lines.push("", ...updateReport(proof));
  const members = memberLines(outputs.members ?? []);
  if (members.length > 0) lines.push("", "Members", ...members.map((line) => `  ${line}`));
  for (const [title, endpoint] of [
    ["Read-write", outputs.readWrite],
    ["Read-only", outputs.readOnly],
  ] as const) {
    if (!endpoint) continue;
    const uri = showPassword ? endpoint.connectionString : withoutPassword(endpoint.connectionString);
    lines.push("", `${title}: ${endpoint.hosts.join(", ")} port ${endpoint.port}`, `  psql '${uri}'`);
  }
  if (!showPassword) {
    lines.push("", "With the password: npm run pulumi -- stack output --show-secrets -s lab");
  }
  return `${lines.join("\n")}\n`;
}

/** A URI with `***` in place of the password. */
export function withoutPassword(uri: string): string {
  return uri.replace(/^([a-z]+:\/\/[^:@/]*):[^@]*@/, "$1:***@");
}

/** One line for each member, its cells below one another. */
function memberLines(members: readonly StackMember[]): string[] {
  const rows = members.map(({ key, address, zone }) => [key, address, zone]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(width(column)))
      .join("  ")
      .trimEnd(),
  );
}
