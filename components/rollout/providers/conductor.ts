import { isDeepStrictEqual } from "node:util";
import { type ClusterAccess, machinesWith } from "../../operate/access";
import { messageOf } from "../../operate/errors";
import { getConfig, type JsonObject } from "../../operate/patroni";
import { withSql } from "../../operate/sql";
import { type SshPool, withSsh } from "../../operate/ssh";
import { Row } from "../../provider/row";
import { rolesSql } from "../../services/patroni";
import type { ClusterPasswords } from "../../services/types";
import type { ClusterSpec } from "../../spec";
import { withRolesOf } from "../access";
import { conduct } from "../conduct";
import { inNotationOf } from "../document";
import { waitUntilFormed } from "../formation";

/** A member that does not answer within this time, in ms, is not waited for. */
const READ_TIMEOUT_MS = 3000;

interface ConductorInputs {
  readonly configuration: JsonObject;
  readonly steps: readonly string[];
  readonly incarnations?: Readonly<Record<string, string>>;
  readonly spec: ClusterSpec;
  readonly access: ClusterAccess;
  readonly passwords: ClusterPasswords;
  /** The resource's URN. */
  readonly row: string;
}

/** The cluster is whole, and the program's roles have their passwords. */
async function form({ access, passwords }: ConductorInputs, row: Row, away: readonly string[] = []): Promise<void> {
  const members = machinesWith(access, "postgresql")
    .map(({ key }) => key)
    .filter((key) => !away.includes(key));
  await withSsh(access, async (pool) => {
    const { leader } = await waitUntilFormed(pool, members, (line) => row.show(line));
    await withSql(pool, leader, (session) => session.rows(rolesSql(passwords, access.cluster)));
  });
}

export async function create(inputs: ConductorInputs) {
  await onRow(inputs, (row) => form(inputs, row));
  return { id: inputs.access.cluster, outs: inputs };
}

export async function diff(_id: string, old: ConductorInputs, inputs: ConductorInputs) {
  const declared = ({ configuration, incarnations, spec, access, passwords }: ConductorInputs) => ({
    configuration,
    incarnations,
    spec,
    access,
    passwords,
  });
  return { changes: inputs.steps.length > 0 || !isDeepStrictEqual(plain(declared(old)), plain(declared(inputs))) };
}

/** Values that came over the wire have other prototypes than those from a module; only the data counts. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

export async function update(_id: string, old: ConductorInputs, inputs: ConductorInputs) {
  const { spec: after } = inputs;
  const access = withLeaving(old, inputs);
  await onRow(inputs, async (row) => {
    const say = (line: string) => row.say(line);
    const show = (line: string) => row.show(line);
    const { steps, seconds, away } = await conduct({ access, before: old.spec, after, say, show });
    for (const key of away) say(`${key} does not answer: what has changed reaches it when it is back`);
    await form(inputs, row, away);
    if (steps > 0) say(`done: ${steps} ${steps === 1 ? "step" : "steps"} in ${seconds.toFixed(1)} s`);
  });
  return { outs: inputs };
}

/**
 * For `pulumi refresh`: Patroni's configuration as it stands in etcd, so that what somebody changed there is shown field by
 * field. A cluster that does not answer is taken as it was: a refresh must not fail for it, nor guess.
 */
export async function read(id: string, stored: ConductorInputs) {
  const members = machinesWith(stored.access, "postgresql").map(({ key }) => key);
  const ask = (pool: SshPool) => Promise.any(members.map((key) => getConfig(pool, key, READ_TIMEOUT_MS)));
  try {
    const live = await withSsh(stored.access, ask, { connectTimeoutMs: READ_TIMEOUT_MS });
    const props = { ...stored, configuration: inNotationOf(stored.spec, stored.configuration, live) };
    // As inputs too: the preview of the update that puts it back shows it field by field as well.
    return { id, props, inputs: props };
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors : [error];
    const why = reasons.map(messageOf).join("; ");
    await onRow(stored, async (row) =>
      row.say(`Patroni's configuration could not be read and is taken as it was: ${why}`),
    );
    return { id, props: stored };
  }
}

async function onRow(inputs: ConductorInputs, work: (row: Row) => Promise<void>): Promise<void> {
  const row = new Row(inputs.row);
  try {
    await work(row);
  } finally {
    await row.close();
  }
}

/** Machines that leave, and what leaves machines that stay, are still there, and have to be reached to leave in good order. */
function withLeaving(old: ConductorInputs, now: ConductorInputs): ClusterAccess {
  const staying = new Set(now.access.machines.map(({ key }) => key));
  const leaving = old.access.machines.filter(({ key }) => !staying.has(key));
  const { machines, ...access } = withRolesOf(now.access, old.spec);
  return { ...access, machines: [...machines, ...leaving] };
}
