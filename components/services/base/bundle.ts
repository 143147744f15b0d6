import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterPlan, PlannedMachine } from "../../plan";
import { renderUnit } from "../../render/systemd";
import { megabytes } from "../../spec";
import { PGBOUNCER_USER } from "../pgbouncer/names";
import type { ServiceBundle, ServiceFile } from "../types";
import { sysctlFile, transparentHugePages } from "./kernel";
import { packageList, pinnedVersions, unattendedUpgrades } from "./packages";

const script = readFileSync(join(__dirname, "converge.sh"), "utf8");

/** What every machine gets before any service: packages, names, users, kernel settings, limits of sshd and the journal. */
export function baseBundle(plan: ClusterPlan, machine: PlannedMachine): ServiceBundle {
  const pins = pinnedVersions(plan, machine);
  return {
    service: "base",
    files: [
      file("/etc/pgkeel/packages", lines(packageList(plan, machine))),
      ...(pins === "" ? [] : [file("/etc/apt/preferences.d/pgkeel", pins)]),
      file("/etc/apt/apt.conf.d/52pgkeel", unattendedUpgrades(plan, machine)),
      // Debian's package makes a cluster of its own otherwise; Patroni makes ours.
      file("/etc/postgresql-common/createcluster.d/pgkeel.conf", "create_main_cluster = false\n"),
      file("/etc/hostname", `${machine.hostname}\n`),
      file("/etc/pgkeel/hosts", hosts(plan)),
      // Where cloud-init runs, it would undo both at the next boot.
      file("/etc/cloud/cloud.cfg.d/60_pgkeel.cfg", "preserve_hostname: true\nmanage_etc_hosts: false\n"),
      ...users(machine),
      file("/etc/sysctl.d/60-pgkeel.conf", sysctlFile(machine, megabytes(machine.spec.size.memory) / 1024)),
      ...(machine.roles.includes("postgresql") ? [file("/etc/tmpfiles.d/pgkeel.conf", transparentHugePages())] : []),
      // sshd takes the first value that it meets: before cloud-init's 50-cloud-init.conf.
      file("/etc/ssh/sshd_config.d/10-pgkeel.conf", sshd()),
      file("/etc/systemd/journald.conf.d/60-pgkeel.conf", journald()),
    ],
    script,
  };
}

function file(path: string, content: string): ServiceFile {
  return { path, owner: "root:root", mode: "0644", content };
}

function lines(entries: readonly string[]): string {
  return entries.map((entry) => `${entry}\n`).join("");
}

/** All machines by host name and key: names resolve without a name server, whose failure must not be the cluster's. */
function hosts(plan: ClusterPlan): string {
  return lines(plan.machines.map(({ address, hostname, key }) => `${address} ${hostname} ${key}`));
}

/** Users that no package makes. Here and not in their service, because its secrets have them as owners. */
function users(machine: PlannedMachine): ServiceFile[] {
  if (!machine.roles.includes("pooler")) return [];
  // Not Debian's choice, postgres: on a member, that user is let into the database as superuser.
  return [file("/etc/sysusers.d/pgkeel.conf", `u ${PGBOUNCER_USER} - "PgBouncer" - /usr/sbin/nologin\n`)];
}

/**
 * The program logs in by key, as everyone may: that no password opens a machine locks nobody out who had a key before.
 * An update opens one connection for each command and keeps it until the update ends.
 */
function sshd(): string {
  return lines([
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "# Unauthenticated connections at once: some are refused from 200 on, all from 400 on. sshd's defaults are 10 and 100.",
    "MaxStartups 200:30:400",
    "MaxSessions 200",
    "# An update opens many connections at once; nobody can guess a password where none is accepted.",
    "PerSourcePenalties no",
    "# A connection whose other end is gone ends after two minutes.",
    "ClientAliveInterval 30",
    "ClientAliveCountMax 4",
  ]);
}

/** Kept on disk and bounded, so that a service that complains in a loop fills no disk that a database needs. */
function journald(): string {
  return renderUnit([
    {
      name: "Journal",
      lines: [
        ["Storage", "persistent"],
        ["SystemMaxUse", "1G"],
        ["SystemKeepFree", "1G"],
        ["MaxRetentionSec", "1month"],
      ],
    },
  ]);
}
