import { isDeepStrictEqual } from "node:util";
import { type ClusterAccess, machinesWith } from "../../operate/access";
import type { JsonObject } from "../../operate/patroni";
import { withSql } from "../../operate/sql";
import { withSsh } from "../../operate/ssh";
import { rolesSql } from "../../services/patroni";
import type { ClusterPasswords } from "../../services/types";
import type { ClusterSpec } from "../../spec";
import { conduct } from "../conduct";
import { waitUntilFormed } from "../formation";

interface ConductorInputs {
  readonly configuration: JsonObject;
  readonly steps: readonly string[];
  readonly incarnations?: Readonly<Record<string, string>>;
  readonly spec: ClusterSpec;
  readonly access: ClusterAccess;
  readonly passwords: ClusterPasswords;
}

/** Lines that the engine shows beside the resource. */
function say(line: string): void {
  console.error(line);
}

/** The cluster is whole, and the program's roles have their passwords. */
async function form({ access, passwords }: ConductorInputs): Promise<void> {
  const members = machinesWith(access, "postgresql").map(({ key }) => key);
  await withSsh(access, async (pool) => {
    const { leader } = await waitUntilFormed(pool, members, say);
    await withSql(pool, leader, (session) => session.rows(rolesSql(passwords, access.cluster)));
  });
}

export async function create(inputs: ConductorInputs) {
  await form(inputs);
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
  const measured = await conduct({ access: withLeaving(old.access, inputs.access), before: old.spec, after, say });
  await form(inputs);
  const pause = (measured.longestWritePauseMs / 1000).toFixed(2);
  say(`done: ${measured.steps} steps in ${measured.seconds.toFixed(1)} s; longest write pause ${pause} s`);
  return { outs: inputs };
}

/** The machines that leave are still there, and have to be reached to leave in good order. */
function withLeaving(old: ClusterAccess, now: ClusterAccess): ClusterAccess {
  const staying = new Set(now.machines.map(({ key }) => key));
  return { ...now, machines: [...now.machines, ...old.machines.filter(({ key }) => !staying.has(key))] };
}
