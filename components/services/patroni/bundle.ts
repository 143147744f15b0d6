import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterPlan, PlannedMachine } from "../../plan";
import { renderEnvironment } from "../../render/shell";
import { renderUnit } from "../../render/systemd";
import { renderYaml } from "../../render/yaml";
import { CLIENT_PORT, patroniUser } from "../etcd/names";
import type { ClusterSecrets, MachineIdentity, ServiceBundle, ServiceFile } from "../types";
import { bootstrapConfiguration, isFounder, localConfiguration, secretConfiguration } from "./configuration";
import {
  API_LOGIN,
  API_USER,
  BEFORE_STOP,
  CONFIG_DIR,
  DATABASE_SQL,
  ETCD_LOGIN,
  POST_BOOTSTRAP,
  ROLES_SQL,
  TLS_DIR,
} from "./names";
import { databaseSql, rolesSql } from "./roles";

const script = readFileSync(join(__dirname, "converge.sh"), "utf8");
const beforeStop = readFileSync(join(__dirname, "before-stop.sh"), "utf8");
const postBootstrap = readFileSync(join(__dirname, "post-bootstrap.sh"), "utf8");

/** Patroni and PostgreSQL on one member, without secrets. */
export function patroniBundle(plan: ClusterPlan, machine: PlannedMachine): ServiceBundle {
  const root = (path: string, content: string, mode = "0644"): ServiceFile => ({
    path,
    owner: "root:root",
    mode,
    content,
  });
  const files = [
    root(`${CONFIG_DIR}/10-patroni.yml`, renderYaml(localConfiguration(plan, machine), "A change is reloaded.")),
    root("/etc/systemd/system/patroni.service", unit()),
    root(BEFORE_STOP, beforeStop, "0755"),
    root("/etc/profile.d/pgkeel-patroni.sh", `# For patronictl\nexport PATRONICTL_CONFIG_FILE=${CONFIG_DIR}\n`),
    root(
      "/etc/pgkeel/patroni/converge.env",
      renderEnvironment(
        {
          PGKEEL_ETCD: plan.voters.map(({ address }) => `https://${address}:${CLIENT_PORT}`).join(" "),
          PGKEEL_WAL_DISK: machine.spec.disks.wal === undefined ? "no" : "yes",
        },
        "For the converge script.",
      ),
    ),
  ];
  const founding = [
    root(
      `${CONFIG_DIR}/05-bootstrap.yml`,
      renderYaml(
        bootstrapConfiguration(plan, machine),
        "How a new cluster begins. A cluster that exists keeps its configuration in etcd, not here.",
      ),
    ),
    root(POST_BOOTSTRAP, postBootstrap, "0755"),
    root(DATABASE_SQL, databaseSql()),
  ];
  return { service: "patroni", files: isFounder(plan, machine) ? [...files, ...founding] : files, script };
}

/** Passwords, certificate and key for Patroni and PostgreSQL on one member. */
export function patroniSecrets(
  plan: ClusterPlan,
  machine: PlannedMachine,
  secrets: ClusterSecrets,
  identity: MachineIdentity,
): ServiceFile[] {
  const own = (path: string, content: string, mode: string): ServiceFile => ({
    path,
    owner: "postgres:postgres",
    mode,
    content,
  });
  const files = [
    own(`${TLS_DIR}/ca.crt`, secrets.caCertificate, "0644"),
    own(`${TLS_DIR}/machine.crt`, identity.certificate, "0644"),
    own(`${TLS_DIR}/machine.key`, identity.privateKey, "0600"),
    own(`${CONFIG_DIR}/20-secrets.yml`, renderYaml(secretConfiguration(secrets.passwords)), "0600"),
    { path: API_LOGIN, owner: "root:root", mode: "0600", content: apiLogin(secrets.passwords.patroniApi) },
    {
      path: ETCD_LOGIN,
      owner: "root:root",
      mode: "0600",
      content: `${JSON.stringify({ name: patroniUser(plan).name, password: secrets.passwords.etcdPatroni })}\n`,
    },
  ];
  if (isFounder(plan, machine)) files.push(own(ROLES_SQL, rolesSql(secrets.passwords, plan.spec.name), "0600"));
  return files;
}

/** For `curl --config`, in its own quoting. */
function apiLogin(password: string): string {
  return `user = "${API_USER}:${password.replace(/[\\"]/g, "\\$&")}"\n`;
}

/** In place of both units that Debian ships: theirs stop at a crash, and stop PostgreSQL for one backend out of memory. */
function unit(): string {
  return renderUnit([
    {
      name: "Unit",
      lines: [
        ["Description", "Patroni, which runs PostgreSQL"],
        ["After", "network-online.target etcd.service time-sync.target"],
        ["Wants", "network-online.target"],
        // Tries for as long as the machine is up: a reason to stop today may be gone in an hour.
        ["StartLimitIntervalSec", "0"],
      ],
    },
    {
      name: "Service",
      lines: [
        ["Type", "simple"],
        ["User", "postgres"],
        ["Group", "postgres"],
        ["ExecStartPre", "+/usr/local/lib/pgkeel/services/patroni note-start"],
        ["ExecStart", `/usr/bin/patroni ${CONFIG_DIR}`],
        ["ExecReload", "/bin/kill -HUP $MAINPID"],
        // Patroni stops PostgreSQL in good order; and where Patroni itself is killed, PostgreSQL lives on until the
        // next Patroni finds it. Without the next one, it would go on as a leader that nobody watches.
        ["KillMode", "process"],
        ["Restart", "always"],
        ["RestartSec", "1s"],
        ["RestartSteps", "5"],
        ["RestartMaxDelaySec", "30s"],
        // A shutdown checkpoint of a large shared_buffers takes its time.
        ["TimeoutStopSec", "300s"],
        // A backend that the kernel kills for memory is PostgreSQL's to recover from, not a reason to stop the unit.
        ["OOMPolicy", "continue"],
        ["LimitNOFILE", "1048576"],
        ["LimitMEMLOCK", "infinity"],
        ["TasksMax", "infinity"],
      ],
    },
    { name: "Install", lines: [["WantedBy", "multi-user.target"]] },
  ]);
}
