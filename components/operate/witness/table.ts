/**
 * The table that the witness writes to: in a schema of its own, made for one update and removed after it, in the database
 * `postgres`, so that dumps and publications of users' databases never see it.
 */
import { randomBytes } from "node:crypto";
import { ROLES } from "../../services/patroni";
import { machinesWith } from "../access";
import { OperateError } from "../errors";
import { getCluster } from "../patroni";
import { type Session, withSql } from "../sql";
import type { SshPool } from "../ssh";
import type { Run } from "./numbers";

/** Database of the table. */
export const DATABASE = "postgres";
/** Schemas of all witnesses begin so. */
const PREFIX = "pgkeel_witness_";
/** Limit of one statement and of its wait for a lock, in ms: nobody else has locks on these tables. */
const STATEMENT_MS = 3000;
/** Limit for one member's answer to who leads, in ms. */
const ASK_MS = 2000;

/** A name that no other run has. */
export function newSchema(): string {
  return `${PREFIX}${randomBytes(4).toString("hex")}`;
}

/** A client's statement; $1 names the writer, $2 is the row's number. */
export function insertInto(schema: string): string {
  return `INSERT INTO ${schema}.written (writer, number) VALUES ($1, $2)`;
}

/**
 * Makes the table, and removes those of witnesses that were killed.
 * @throws OperateError Also when the database publishes all its tables: subscribers would stop at one that they do not have.
 */
export async function makeTable(pool: SshPool, schema: string): Promise<void> {
  await onLeader(pool, async (session, leader) => {
    const published = await session.rows<{ pubname: string }>("SELECT pubname FROM pg_publication WHERE puballtables");
    if (published.length > 0)
      throw new OperateError(
        leader,
        "making the witness's table",
        `the publication ${published[0]?.pubname} publishes every table of the database ${DATABASE}`,
        "Publish the tables by name, or their schemas",
      );
    await removeLeftovers(session);
    await session.rows(`BEGIN;
CREATE SCHEMA ${schema};
CREATE TABLE ${schema}.written (writer text NOT NULL, number bigint NOT NULL) WITH (autovacuum_enabled = off);
GRANT USAGE ON SCHEMA ${schema} TO ${ROLES.admin};
GRANT INSERT ON ${schema}.written TO ${ROLES.admin};
COMMIT`);
  });
}

/** The numbers that the leader has, by writer. */
export async function readTable(pool: SshPool, schema: string): Promise<ReadonlyMap<string, readonly Run[]>> {
  const rows = await onLeader(pool, (session) =>
    // Numbers that follow each other have the same difference to their places.
    session.rows<{ writer: string; first: string; last: string }>(`
      SELECT writer, min(number) AS first, max(number) AS last
      FROM (SELECT writer, number, number - row_number() OVER (PARTITION BY writer ORDER BY number) AS island
            FROM (SELECT DISTINCT writer, number FROM ${schema}.written) AS rows) AS numbered
      GROUP BY writer, island`),
  );
  const found = new Map<string, Run[]>();
  for (const { writer, first, last } of rows)
    found.set(writer, [...(found.get(writer) ?? []), [Number(first), Number(last)]]);
  return found;
}

/** Removes the table, if it is there. */
export async function removeTable(pool: SshPool, schema: string): Promise<void> {
  await onLeader(pool, (session) => session.rows(`DROP SCHEMA IF EXISTS ${schema} CASCADE`));
}

/** Names that this program gave; those of runs that are at work would be among them, but two runs never are. */
async function removeLeftovers(session: Session): Promise<void> {
  const left = await session.rows<{ nspname: string }>(
    "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)",
    [PREFIX],
  );
  for (const { nspname } of left) await session.rows(`DROP SCHEMA IF EXISTS ${nspname} CASCADE`);
}

async function onLeader<T>(pool: SshPool, work: (session: Session, leader: string) => Promise<T>): Promise<T> {
  const leader = await leaderOf(pool);
  return withSql(
    pool,
    leader,
    async (session) => {
      // What a user's event triggers do with the tables of users is not meant for this one.
      const [here] = await session.rows<{ replica: boolean }>(
        `SELECT pg_is_in_recovery() AS replica, (SELECT set_config(name, 'off', false) FROM pg_settings
           WHERE name = 'event_triggers' AND setting = 'on')`,
      );
      if (here?.replica !== false)
        throw new OperateError(leader, "working on the witness's table", "it does not lead any more", "Try again");
      return work(session, leader);
    },
    { database: DATABASE, statementTimeoutMs: STATEMENT_MS },
  );
}

async function leaderOf(pool: SshPool): Promise<string> {
  const members = machinesWith(pool.access, "postgresql");
  const asked = members.map(async ({ key }) => {
    const cluster = await getCluster(pool, key, ASK_MS);
    const leader = cluster.members.find(({ role, state }) => role === "leader" && state === "running");
    if (leader === undefined) throw new Error("nobody leads");
    return leader.name;
  });
  try {
    return await Promise.any(asked);
  } catch {
    throw new OperateError(pool.access.cluster, "asking who leads", "nobody does", "See `cluster status`");
  }
}
