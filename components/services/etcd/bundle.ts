import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterPlan, PlannedMachine } from "../../plan";
import { renderEnvironment } from "../../render/shell";
import type { ClusterSecrets, MachineIdentity, ServiceBundle, ServiceFile } from "../types";
import { CLIENT_PORT, ETCDCTL, METRICS_PORT, PEER_PORT, patroniUser, ROOT_USER } from "./names";

const CONFIG = "/etc/pgkeel/etcd";
const TLS = "/etc/pgkeel/tls/etcd";
/** Not Debian's own default/: an etcd that the package started by itself leaves its data there. */
const DATA = "/var/lib/etcd/pgkeel";

const script = readFileSync(join(__dirname, "converge.sh"), "utf8");
const wrapper = readFileSync(join(__dirname, "etcdctl.sh"), "utf8");

/** etcd on one voter: its settings, a drop-in for Debian's unit, and a wrapper for `etcdctl`. */
export function etcdBundle(plan: ClusterPlan, machine: PlannedMachine): ServiceBundle {
  const root = (path: string, content: string, mode = "0644"): ServiceFile => ({
    path,
    owner: "root:root",
    mode,
    content,
  });
  return {
    service: "etcd",
    files: [
      root(`${CONFIG}/etcd.env`, renderEnvironment(settings(machine), "What etcd runs with; a change restarts it.")),
      root(
        `${CONFIG}/founding.env`,
        renderEnvironment(founding(plan, machine), "Read by an etcd that has no data yet, and by the converge script."),
      ),
      root("/etc/systemd/system/etcd.service.d/pgkeel.conf", dropIn()),
      root(ETCDCTL, wrapper, "0755"),
    ],
    script,
  };
}

/** Certificates and key for etcd, and the passwords of etcd's users for the converge script. */
export function etcdSecrets(
  plan: ClusterPlan,
  _machine: PlannedMachine,
  secrets: ClusterSecrets,
  identity: MachineIdentity,
): ServiceFile[] {
  const own = (name: string, content: string, mode: string): ServiceFile => ({
    path: `${TLS}/${name}`,
    owner: "etcd:etcd",
    mode,
    content,
  });
  return [
    own("ca.crt", secrets.caCertificate, "0644"),
    own("machine.crt", identity.certificate, "0644"),
    own("machine.key", identity.privateKey, "0600"),
    {
      path: `${CONFIG}/credentials.env`,
      owner: "root:root",
      mode: "0600",
      content: renderEnvironment({
        PGKEEL_ROOT_USER: ROOT_USER,
        PGKEEL_ROOT_PASSWORD: secrets.passwords.etcdRoot,
        PGKEEL_PATRONI_USER: patroniUser(plan).name,
        PGKEEL_PATRONI_PASSWORD: secrets.passwords.etcdPatroni,
      }),
    },
  ];
}

function settings(machine: PlannedMachine): Record<string, string> {
  const client = `https://${machine.address}:${CLIENT_PORT}`;
  return {
    ETCD_NAME: machine.key,
    ETCD_DATA_DIR: DATA,
    ETCD_LISTEN_PEER_URLS: `https://${machine.address}:${PEER_PORT}`,
    ETCD_LISTEN_CLIENT_URLS: `${client},https://127.0.0.1:${CLIENT_PORT}`,
    ETCD_ADVERTISE_CLIENT_URLS: client,
    ETCD_LISTEN_METRICS_URLS: `http://127.0.0.1:${METRICS_PORT}`,
    ETCD_CERT_FILE: `${TLS}/machine.crt`,
    ETCD_KEY_FILE: `${TLS}/machine.key`,
    // The authority alone makes etcd demand a certificate of every client. "Client certificate authentication" would
    // besides take a certificate's common name for a user who needs no password, and shut such names out of the HTTP
    // gateway, which Patroni uses.
    ETCD_TRUSTED_CA_FILE: `${TLS}/ca.crt`,
    ETCD_CLIENT_CERT_AUTH: "false",
    ETCD_PEER_CERT_FILE: `${TLS}/machine.crt`,
    ETCD_PEER_KEY_FILE: `${TLS}/machine.key`,
    ETCD_PEER_TRUSTED_CA_FILE: `${TLS}/ca.crt`,
    ETCD_PEER_CLIENT_CERT_AUTH: "true",
    // etcd's defaults for one region, in ms; the manual asks for an election timeout of ten heartbeats.
    ETCD_HEARTBEAT_INTERVAL: "100",
    ETCD_ELECTION_TIMEOUT: "1000",
    // 2 GiB, etcd's default, said aloud: Patroni keeps kilobytes, history goes after an hour.
    ETCD_QUOTA_BACKEND_BYTES: String(2 * 1024 ** 3),
    ETCD_AUTO_COMPACTION_MODE: "periodic",
    ETCD_AUTO_COMPACTION_RETENTION: "1h",
    // Advised for production by the 3.5 manual: a voter whose data differs from the others' does not start.
    ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK: "true",
    ETCD_EXPERIMENTAL_COMPACT_HASH_CHECK_ENABLED: "true",
  };
}

/** What only matters to a voter without data. Kept apart, so that a new voter elsewhere restarts nothing here. */
function founding(plan: ClusterPlan, machine: PlannedMachine): Record<string, string> {
  const peer = ({ address }: PlannedMachine) => `https://${address}:${PEER_PORT}`;
  const user = patroniUser(plan);
  return {
    ETCD_INITIAL_ADVERTISE_PEER_URLS: peer(machine),
    ETCD_INITIAL_CLUSTER: plan.voters.map((voter) => `${voter.key}=${peer(voter)}`).join(","),
    ETCD_INITIAL_CLUSTER_STATE: "new",
    ETCD_INITIAL_CLUSTER_TOKEN: `pgkeel-${plan.spec.name}`,
    PGKEEL_SELF: machine.key,
    PGKEEL_SELF_ADDRESS: machine.address,
    PGKEEL_VOTERS: plan.voters.map((voter) => `${voter.key}=${voter.address}`).join(" "),
    PGKEEL_PATRONI_ROLE: user.role,
    PGKEEL_PATRONI_PREFIX: user.prefix,
  };
}

function dropIn(): string {
  return `[Unit]
# It tries for as long as the machine is up: its peers may be back any time.
StartLimitIntervalSec=0

[Service]
EnvironmentFile=
EnvironmentFile=${CONFIG}/etcd.env
EnvironmentFile=${CONFIG}/founding.env
# Written by the converge script where this voter joins a cluster that exists; overrides the founding settings.
EnvironmentFile=-/var/lib/pgkeel/etcd-join.env
ExecStartPre=+/usr/local/lib/pgkeel/services/etcd note-start
ExecStart=
ExecStart=/usr/bin/etcd
# Ready means that a majority answers. A start that waits longer than this makes way for the units ordered after it.
TimeoutStartSec=60s
Restart=always
RestartSec=1s
# Beside a busy PostgreSQL: late heartbeats cost the cluster its leader.
CPUWeight=1000
IOWeight=1000
OOMScoreAdjust=-900
`;
}
