import { withSql } from "../operate/sql";
import type { SshPool } from "../operate/ssh";

/**
 * How many bytes the leader has sent to replicas that are being seeded: it grows for as long as one is, however long that
 * takes. "": the leader cannot be asked just now.
 */
export async function bytesSent(pool: SshPool, leader: string): Promise<string> {
  const query = "SELECT coalesce(sum(backup_streamed), 0) AS bytes FROM pg_stat_progress_basebackup";
  try {
    const rows = await withSql(pool, leader, (session) => session.rows<{ bytes: string }>(query));
    return String(rows[0]?.bytes);
  } catch {
    return "";
  }
}
