import type { ClusterPlan } from "../../plan";
import type { HbaRule } from "../../spec";
import { ROLES } from "./names";

/**
 * The cluster's pg_hba.conf, first match wins:
 *
 * 1. on the machine itself: the operating system's user postgres without a password, everyone else with one;
 * 2. the roles that the cluster lives by, each only from the machines that need it, and from nowhere else; the superuser
 *    only on the machine itself;
 * 3. the user's rules, which therefore can forbid anything to anybody but not break replication;
 * 4. everyone with a password, over TLS.
 *
 * There is no rule for connections without TLS from other machines, so PostgreSQL refuses them.
 */
export function hbaRules(plan: ClusterPlan): readonly string[] {
  const from = (address: string) => `${address}/32`;
  const { superuser, replication, rewind, pgbouncer } = ROLES;
  return [
    line("local", "all", superuser, "peer"),
    line("local", "replication", replication, "scram-sha-256"),
    line("local", "all", "all", "scram-sha-256"),
    line("host", "all", "all", "127.0.0.1/32", "scram-sha-256"),
    line("host", "all", "all", "::1/128", "scram-sha-256"),
    ...plan.members.flatMap(({ address }) => [
      line("hostssl", "replication", replication, from(address), "scram-sha-256"),
      // pg_rewind reads as one; slot synchronisation logs in to a database as the other.
      line("hostssl", "postgres", `${replication},${rewind}`, from(address), "scram-sha-256"),
    ]),
    ...plan.poolers.map(({ address }) => line("hostssl", "postgres", pgbouncer, from(address), "scram-sha-256")),
    line("host", "all,replication", [superuser, replication, rewind, pgbouncer].join(","), "all", "reject"),
    ...plan.spec.hba.map(userRule),
    line("hostssl", "all", "all", "all", "scram-sha-256"),
  ];
}

function userRule(rule: HbaRule): string {
  return line(rule.type, token(rule.database), token(rule.user), rule.address, rule.method);
}

/** Quotes what would end a token or begin a comment. Lists, `+group` and `/pattern` keep their meaning. */
function token(text: string): string {
  return /[\s#"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function line(...fields: readonly string[]): string {
  for (const field of fields)
    if (field === "" || /[\r\n\0]/.test(field)) throw new Error(`pg_hba: not a field: ${JSON.stringify(field)}`);
  return fields.join(" ");
}
