import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterPlan, PlannedMachine } from "../../plan";
import { renderUnit } from "../../render/systemd";
import type { ClusterSecrets, MachineIdentity, ServiceBundle, ServiceFile } from "../types";
import { CONFIG, portConfig, processConfig, TLS, USERLIST, userlist } from "./config";
import { PAUSE_PROGRAM, PGBOUNCER_TARGET, PGBOUNCER_USER, type PoolerPort, READ_ONLY, READ_WRITE } from "./names";
import { pooling } from "./pooling";
import type { PortShare } from "./pools";

const script = readFileSync(join(__dirname, "converge.sh"), "utf8");
const pause = readFileSync(join(__dirname, "pgbouncer-pause.py"), "utf8");

/** PgBouncer on one pooler machine: the settings of both ports and of each process, units, and the pause program. */
export function pgbouncerBundle(plan: ClusterPlan, machine: PlannedMachine): ServiceBundle {
  const shares = pooling(plan, machine);
  const ports: readonly (readonly [PoolerPort, PortShare])[] = [
    [READ_WRITE, shares.readWrite],
    [READ_ONLY, shares.readOnly],
  ];
  return {
    service: "pgbouncer",
    files: [
      ...ports.flatMap(([port, share]) => [
        file(`${CONFIG}/${port.name}.ini`, portConfig(port, share)),
        ...ids(share).map((id) => file(`${CONFIG}/${port.name}-${id}.ini`, processConfig(port, id))),
        file(`/etc/systemd/system/pgbouncer-${port.name}@.service`, unit(port)),
      ]),
      file(`/etc/systemd/system/${PGBOUNCER_TARGET}`, target(ports)),
      file(PAUSE_PROGRAM, pause, "0755"),
    ],
    script,
  };
}

/** The lookup role's password, and the certificate that clients see. Readable by PgBouncer's own group only. */
export function pgbouncerSecrets(
  _plan: ClusterPlan,
  _machine: PlannedMachine,
  secrets: ClusterSecrets,
  identity: MachineIdentity,
): ServiceFile[] {
  const group = `root:${PGBOUNCER_USER}`;
  return [
    { path: `${TLS}/ca.crt`, owner: group, mode: "0644", content: secrets.caCertificate },
    { path: `${TLS}/machine.crt`, owner: group, mode: "0644", content: identity.certificate },
    { path: `${TLS}/machine.key`, owner: group, mode: "0640", content: identity.privateKey },
    {
      path: USERLIST,
      owner: group,
      mode: "0640",
      content: userlist({ pgbouncer: secrets.passwords.pgbouncer }),
    },
  ];
}

function file(path: string, content: string, mode = "0644"): ServiceFile {
  return { path, owner: "root:root", mode, content };
}

function ids(share: PortShare): number[] {
  return Array.from({ length: share.processes }, (_, index) => index + 1);
}

function target(ports: readonly (readonly [PoolerPort, PortShare])[]): string {
  const units = ports.flatMap(([port, share]) => ids(share).map((id) => `pgbouncer-${port.name}@${id}.service`));
  return renderUnit([
    {
      name: "Unit",
      lines: [
        ["Description", "PgBouncer, all processes"],
        ["Wants", units],
      ],
    },
    { name: "Install", lines: [["WantedBy", "multi-user.target"]] },
  ]);
}

function unit(port: PoolerPort): string {
  return renderUnit([
    {
      name: "Unit",
      lines: [
        ["Description", `PgBouncer, port ${port.port}, process %i`],
        ["Documentation", "man:pgbouncer(1) man:pgbouncer(5)"],
        ["After", "network.target haproxy.service"],
        ["PartOf", PGBOUNCER_TARGET],
        ["StartLimitIntervalSec", "0"],
      ],
    },
    {
      name: "Service",
      lines: [
        ["Type", "notify"],
        ["User", PGBOUNCER_USER],
        ["RuntimeDirectory", `pgbouncer/${port.name}-%i`],
        ["RuntimeDirectoryMode", "0700"],
        // What it was started with: by this the converge script knows a process that needs a restart.
        ["ExecStartPre", `/usr/bin/cp ${CONFIG}/${port.name}-%i.ini %t/pgbouncer/${port.name}-%i/started.ini`],
        ["ExecStart", `/usr/sbin/pgbouncer ${CONFIG}/${port.name}-%i.ini`],
        ["ExecReload", "/usr/bin/kill -HUP $MAINPID"],
        // New clients go to the other processes; those that stay after 5 s are cut off when their transactions have ended,
        // and those whose transactions do not end, after a minute.
        ["ExecStop", `-${PAUSE_PROGRAM} drain --process ${port.name}-%i --within 5`],
        ["KillSignal", "SIGINT"],
        ["TimeoutStopSec", "60s"],
        ["Restart", "always"],
        ["RestartSec", "200ms"],
        // Two sockets for each client at most; systemd takes the machine's own limit where that is lower.
        ["LimitNOFILE", "524288"],
        ["OOMScoreAdjust", "-500"],
        ["NoNewPrivileges", "yes"],
        ["CapabilityBoundingSet", ""],
        ["ProtectSystem", "strict"],
        ["ProtectHome", "yes"],
        ["PrivateTmp", "yes"],
        ["PrivateDevices", "yes"],
        ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"],
        ["MemoryDenyWriteExecute", "yes"],
      ],
    },
  ]);
}
