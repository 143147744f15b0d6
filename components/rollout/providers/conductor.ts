import { isDeepStrictEqual } from "node:util";
import { type ClusterAccess, machinesWith } from "../../operate/access";
import { getConfig, type JsonObject, putConfig } from "../../operate/patroni";
import { withSql } from "../../operate/sql";
import { type SshPool, withSsh } from "../../operate/ssh";
import { rolesSql } from "../../services/patroni";
import type { ClusterPasswords } from "../../services/types";
import type { ClusterSpec } from "../../spec";
import { waitUntilFormed } from "../formation";

interface ConductorInputs {
  readonly configuration: JsonObject;
  readonly spec: ClusterSpec;
  readonly access: ClusterAccess;
  readonly passwords: ClusterPasswords;
}

async function conduct(inputs: ConductorInputs): Promise<void> {
  const members = machinesWith(inputs.access, "postgresql").map(({ key }) => key);
  await withSsh(inputs.access, async (pool) => {
    const { leader } = await waitUntilFormed(pool, members, say);
    await ownConfiguration(pool, leader, inputs.configuration);
    await withSql(pool, leader, (session) => session.rows(rolesSql(inputs.passwords, inputs.access.cluster)));
    await waitUntilFormed(pool, members, say);
  });
}

/** The document is owned whole: what is not declared is removed. */
async function ownConfiguration(pool: SshPool, leader: string, declared: JsonObject): Promise<void> {
  if (isDeepStrictEqual(await getConfig(pool, leader), declared)) return;
  await putConfig(pool, leader, declared);
}

function say(line: string): void {
  console.error(line);
}

export async function create(inputs: ConductorInputs) {
  await conduct(inputs);
  return { id: inputs.access.cluster, outs: inputs };
}

export async function diff(_id: string, old: ConductorInputs, inputs: ConductorInputs) {
  const relevant = ({ configuration, spec, access, passwords }: ConductorInputs) => ({
    configuration,
    spec,
    access,
    passwords,
  });
  return { changes: !isDeepStrictEqual(plain(relevant(old)), plain(relevant(inputs))) };
}

/** Values that came over the wire have other prototypes than those from a module; only the data counts. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

export async function update(_id: string, _old: ConductorInputs, inputs: ConductorInputs) {
  await conduct(inputs);
  return { outs: inputs };
}
