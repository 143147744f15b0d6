/**
 * Patroni's REST API of one member, through SSH, with its certificate verified by the cluster's CA.
 * Documentation: Patroni, "Patroni REST API". Every call is bounded and is made once.
 */
import * as http from "node:http";
import * as tls from "node:tls";
import { bounded, messageOf, OperateError } from "./errors";
import type { SshPool } from "./ssh";

/** Port of Patroni's REST API. */
export const PATRONI_PORT = 8008;
/** User that may change things through the API. */
const API_USER = "patroni";
/** Default limit of one call, in ms. */
const CALL_TIMEOUT_MS = 5000;

/** A member as `GET /cluster` reports it. */
export interface PatroniMember {
  readonly name: string;
  /** `leader`, `standby_leader`, `replica`, `sync_standby`, `quorum_standby`. */
  readonly role: string;
  /** `running`, `streaming`, `in archive recovery`, `starting`, `stopped`, `start failed`, … */
  readonly state: string;
  readonly host?: string;
  readonly timeline?: number;
  /** Bytes behind the leader, or "unknown". */
  readonly lag?: number | string;
  readonly tags?: Readonly<Record<string, unknown>>;
  readonly pending_restart?: boolean;
}

/** `GET /cluster`. */
export interface PatroniCluster {
  readonly scope: string;
  readonly members: readonly PatroniMember[];
  /** Patroni's maintenance mode: it fails over nothing. */
  readonly pause?: boolean;
  readonly scheduled_switchover?: { readonly at: string; readonly from?: string; readonly to?: string };
}

/** `GET /patroni` of one member. */
export interface PatroniStatus {
  readonly state: string;
  readonly role: string;
  readonly server_version?: number;
  readonly timeline?: number;
  readonly pending_restart?: boolean;
  readonly pending_restart_reason?: Readonly<Record<string, { old_value: string; new_value: string }>>;
  readonly cluster_unlocked?: boolean;
  readonly failsafe_mode_is_active?: boolean;
  readonly dcs_last_seen?: number;
  readonly tags?: Readonly<Record<string, unknown>>;
  readonly patroni: { readonly version: string; readonly scope: string; readonly name?: string };
}

/** A JSON document, as the dynamic configuration is one. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface RestAnswer {
  readonly status: number;
  readonly body: string;
}

type Method = "GET" | "PATCH" | "PUT" | "POST" | "DELETE";

/** One HTTP call to a member's API; any status is an answer. @throws OperateError when there is none in time. */
async function call(
  pool: SshPool,
  key: string,
  method: Method,
  path: string,
  body?: JsonObject,
  timeoutMs = CALL_TIMEOUT_MS,
): Promise<RestAnswer> {
  const ssh = pool.machine(key);
  const step = `${method} ${path} of Patroni's REST API`;
  const advice = "Check `systemctl status patroni` there";
  let abort: (() => void) | undefined;
  const work = async (): Promise<RestAnswer> => {
    const stream = await ssh.forward(ssh.machine.address, PATRONI_PORT);
    abort = () => stream.destroy();
    const { caCertificate, patroniApiPassword } = pool.access.secrets;
    // The name is checked against the certificate: the host name is one of the machine certificate's names.
    const secure = tls.connect({ socket: stream, ca: caCertificate, servername: ssh.machine.hostname });
    return new Promise((resolve, reject) => {
      secure.on("error", reject);
      const text = body === undefined ? undefined : JSON.stringify(body);
      const request = http.request(
        {
          method,
          path,
          createConnection: () => secure,
          host: ssh.machine.hostname,
          auth: method === "GET" ? null : `${API_USER}:${patroniApiPassword}`,
          headers:
            text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("error", reject);
          response.on("end", () => {
            secure.destroy();
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() });
          });
        },
      );
      request.on("error", reject);
      request.end(text);
    });
  };
  const late = () => new OperateError(key, step, `no answer within ${timeoutMs / 1000} s`, advice);
  try {
    return await bounded(work(), timeoutMs, late, () => abort?.());
  } catch (error) {
    if (error instanceof OperateError) throw error;
    throw new OperateError(key, step, messageOf(error), advice, { cause: error });
  }
}

function expect(key: string, step: string, answer: RestAnswer, allowed: readonly number[]): RestAnswer {
  if (allowed.includes(answer.status)) return answer;
  const said = messageOf(answer.body).slice(0, 300);
  const advice =
    answer.status === 401
      ? "The stack's password for the API is not the member's: run `pulumi up`"
      : "See Patroni's journal there";
  throw new OperateError(key, step, `Patroni answered ${answer.status}${said ? `: ${said}` : ""}`, advice);
}

async function getJson<T>(pool: SshPool, key: string, path: string, timeoutMs?: number): Promise<T> {
  const answer = expect(key, `GET ${path}`, await call(pool, key, "GET", path, undefined, timeoutMs), [200]);
  return JSON.parse(answer.body) as T;
}

/** The topology as the member's Patroni reads it from etcd just now. */
export function getCluster(pool: SshPool, key: string, timeoutMs?: number): Promise<PatroniCluster> {
  return getJson(pool, key, "/cluster", timeoutMs);
}

/** State of one member. */
export function getStatus(pool: SshPool, key: string, timeoutMs?: number): Promise<PatroniStatus> {
  return getJson(pool, key, "/patroni", timeoutMs);
}

/** The dynamic configuration (kept in etcd, one for the cluster). */
export function getConfig(pool: SshPool, key: string, timeoutMs?: number): Promise<JsonObject> {
  return getJson(pool, key, "/config", timeoutMs);
}

/** Changes keys of the dynamic configuration; `null` removes one. Returns the whole new document. */
export async function patchConfig(pool: SshPool, key: string, patch: JsonObject): Promise<JsonObject> {
  const answer = expect(key, "PATCH /config", await call(pool, key, "PATCH", "/config", patch), [200]);
  return JSON.parse(answer.body) as JsonObject;
}

/** Replaces the dynamic configuration as a whole: what is not in the document is removed. */
export async function putConfig(pool: SshPool, key: string, document: JsonObject): Promise<void> {
  expect(key, "PUT /config", await call(pool, key, "PUT", "/config", document), [200]);
}

/**
 * Asks the leader to hand over to the candidate. Patroni polls its own success once a second, so the answer comes
 * up to a second after the fact: watch the candidate instead, and use the answer for the reason of a refusal.
 * Status 412: not possible, with the reason; 503: it tried and failed.
 */
export function postSwitchover(
  pool: SshPool,
  leader: string,
  candidate: string,
  timeoutMs = 30_000,
): Promise<RestAnswer> {
  return call(pool, leader, "POST", "/switchover", { leader, candidate }, timeoutMs);
}

/**
 * Restarts PostgreSQL of a member and waits for Patroni's word that it is done.
 * @param options.pendingOnly Only where a parameter waits for a restart.
 * @param options.timeoutSeconds PostgreSQL must be up again within this time, or a leader hands over (Patroni's `timeout`).
 */
export async function postRestart(
  pool: SshPool,
  key: string,
  options: { readonly pendingOnly?: boolean; readonly timeoutSeconds: number },
): Promise<string> {
  const body = {
    timeout: String(options.timeoutSeconds),
    ...(options.pendingOnly ? { restart_pending: true } : {}),
  };
  // Patroni answers when the restart is over; the extra time is for the stop before the start that it bounds.
  const answer = await call(pool, key, "POST", "/restart", body, (options.timeoutSeconds + 60) * 1000);
  return expect(key, "POST /restart", answer, [200]).body;
}

/** Makes a member read its configuration files again. */
export async function postReload(pool: SshPool, key: string): Promise<void> {
  expect(key, "POST /reload", await call(pool, key, "POST", "/reload", {}), [200, 202]);
}

/** Throws a replica's data away and seeds it anew. Returns at once; wait for it to stream. */
export async function postReinitialize(pool: SshPool, key: string, force: boolean): Promise<void> {
  expect(key, "POST /reinitialize", await call(pool, key, "POST", "/reinitialize", { force }), [200]);
}

/** Members that failsafe mode would ask, by name; null when it is off. */
export async function getFailsafe(pool: SshPool, key: string): Promise<Readonly<Record<string, string>> | null> {
  const answer = expect(key, "GET /failsafe", await call(pool, key, "GET", "/failsafe"), [200, 502]);
  return answer.status === 200 ? (JSON.parse(answer.body) as Record<string, string>) : null;
}
