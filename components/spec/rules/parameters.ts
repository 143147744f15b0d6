/** Rules between PostgreSQL's parameters and the machines that they are for. */
import { type Mistake, pathOf, show } from "../mistake";
import { bytesOf } from "../parameters/value";
import { megabytes } from "../quantity";
import { fewestConnections } from "../tuning/formulas";
import { type Draft, machinesOf, membersOf, named } from "./draft";

type Values = Readonly<Record<string, string>>;

/** shared_buffers may take this part of a machine's memory; PostgreSQL's manual sees no use in more than 0.4. */
const MOST_SHARED_BUFFERS = 0.75;
/** The log may take this part of its disk. */
const MOST_WAL = 0.8;
/** Beside one for each member: base backups of new members, and tools. */
const SPARE_SENDERS = 3;

/** @param values The declaration's PostgreSQL parameters, in canonical notation. */
export function parameterRules(draft: Draft, values: Values): Mistake[] {
  return [...connections(draft, values), ...senders(draft, values), ...memory(draft, values), ...log(draft, values)];
}

const at = (name: string) => pathOf("postgresql", "parameters", name);

function connections(draft: Draft, values: Values): Mistake[] {
  const { max_connections } = values;
  const poolers = named(draft, "poolers.machines");
  if (max_connections === undefined || poolers === undefined) return [];
  const reserved = Number(values.superuser_reserved_connections ?? 3) + Number(values.reserved_connections ?? 0);
  const least = fewestConnections(poolers.length, reserved);
  if (Number(max_connections) >= least) return [];
  return [
    {
      path: at("max_connections"),
      problem:
        `got ${max_connections}; expected at least ${least}: 20 for each pooler (${poolers.length}), and 20 for who comes past them, ` +
        `the ${reserved} reserved ones among them (raise it, or name fewer poolers)`,
    },
  ];
}

function senders(draft: Draft, values: Values): Mistake[] {
  const least = membersOf(draft).size + SPARE_SENDERS;
  return ["max_wal_senders", "max_replication_slots"].flatMap((name) => {
    const value = values[name];
    if (value === undefined || Number(value) >= least) return [];
    return [
      {
        path: at(name),
        problem: `got ${value}; expected at least ${least}: one for each member, and ${SPARE_SENDERS} for base backups and tools`,
      },
    ];
  });
}

function memory(draft: Draft, values: Values): Mistake[] {
  const given = values.shared_buffers;
  if (given === undefined) return [];
  const needed = bytesOf(draft.declared.postgresql?.version ?? 17, "shared_buffers", given) / 1024 ** 2;
  const small = machinesOf(draft).filter(
    ([, { member, size }]) =>
      member !== undefined &&
      member !== false &&
      size?.memory !== undefined &&
      needed > megabytes(size.memory) * MOST_SHARED_BUFFERS,
  );
  if (small.length === 0) return [];
  const machines = small.map(([key, { size }]) => `${key} (${size?.memory})`).join(", ");
  return [
    {
      path: at("shared_buffers"),
      problem: `got ${show(given)}; expected at most ${MOST_SHARED_BUFFERS * 100}% of the memory of every member's machine, which it is not on ${machines}`,
    },
  ];
}

function log(draft: Draft, values: Values): Mistake[] {
  const version = draft.declared.postgresql?.version ?? 17;
  const bytes = (name: string) => (values[name] === undefined ? undefined : bytesOf(version, name, values[name]));
  const mistakes: Mistake[] = [];
  for (const name of ["max_wal_size", "max_slot_wal_keep_size", "wal_keep_size"]) {
    const needed = bytes(name);
    if (needed === undefined) continue;
    const small = machinesOf(draft).filter(([, { member, disks }]) => {
      const disk = disks?.wal?.size ?? disks?.data?.size;
      return (
        member !== undefined &&
        member !== false &&
        disk !== undefined &&
        needed > megabytes(disk) * 1024 ** 2 * MOST_WAL
      );
    });
    if (small.length === 0) continue;
    const machines = small.map(([key, { disks }]) => `${key} (${disks?.wal?.size ?? disks?.data?.size})`).join(", ");
    mistakes.push({
      path: at(name),
      problem: `got ${show(values[name])}; expected at most ${MOST_WAL * 100}% of the disk that the log is on, which it is not on ${machines}`,
    });
  }
  const [least, most] = [bytes("min_wal_size"), bytes("max_wal_size")];
  if (least !== undefined && most !== undefined && least > most)
    mistakes.push({
      path: at("min_wal_size"),
      problem: `got ${show(values.min_wal_size)}; expected no more than max_wal_size, ${values.max_wal_size}`,
    });
  return mistakes;
}
