import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterPlan, PlannedMachine } from "../../plan";
import { renderUnit } from "../../render/systemd";
import type { ClusterSecrets, MachineIdentity, ServiceBundle, ServiceFile } from "../types";
import { CA_FILE, haproxyConfig } from "./config";
import { ROUTES_PROGRAM } from "./names";

const script = readFileSync(join(__dirname, "converge.sh"), "utf8");
const routes = readFileSync(join(__dirname, "haproxy-routes.py"), "utf8");

/** HAProxy on one pooler machine: its configuration, a drop-in for Debian's unit, and the program that tells its routes. */
export function haproxyBundle(plan: ClusterPlan, machine: PlannedMachine): ServiceBundle {
  const root = (path: string, content: string, mode = "0644"): ServiceFile => ({
    path,
    owner: "root:root",
    mode,
    content,
  });
  return {
    service: "haproxy",
    files: [
      root("/etc/haproxy/haproxy.cfg", haproxyConfig(plan, machine)),
      root("/etc/systemd/system/haproxy.service.d/pgkeel.conf", dropIn()),
      root(ROUTES_PROGRAM, routes, "0755"),
    ],
    script,
  };
}

/**
 * The authority that members' certificates are checked with. HAProxy passes TLS through and shows no certificate of its
 * own, so it gets no key.
 */
export function haproxySecrets(
  _plan: ClusterPlan,
  _machine: PlannedMachine,
  secrets: ClusterSecrets,
  _identity: MachineIdentity,
): ServiceFile[] {
  return [{ path: CA_FILE, owner: "root:root", mode: "0644", content: secrets.caCertificate }];
}

function dropIn(): string {
  return renderUnit([
    // It comes back whatever happens and however often: without it this machine's clients reach nobody.
    { name: "Unit", lines: [["StartLimitIntervalSec", "0"]] },
    {
      name: "Service",
      lines: [
        ["ExecStartPre", `${ROUTES_PROGRAM} forget-state`],
        ["ExecReload", ["", "/usr/sbin/haproxy -Ws -f $CONFIG -c $EXTRAOPTS", `${ROUTES_PROGRAM} reload`]],
        ["Restart", "always"],
        ["RestartSec", "200ms"],
        ["OOMScoreAdjust", "-500"],
      ],
    },
  ]);
}
