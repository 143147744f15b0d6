/**
 * etcd of the cluster, by `etcdctl` on one of its voters (the wrapper there knows endpoint, certificates and
 * passwords, so no secret travels). Health is part of an observation; here is what changes the membership.
 */
import { setTimeout as pause } from "node:timers/promises";
import { shell } from "../render/shell";
import { ETCDCTL, NAMESPACE, PEER_PORT } from "../services/etcd/names";
import { machinesWith } from "./access";
import { messageOf, OperateError } from "./errors";
import type { ExecResult, SshPool } from "./ssh";

/** etcdctl's own limit of one command; the SSH side waits a little longer. */
const COMMAND_TIMEOUT_MS = 5000;

export interface EtcdctlOptions {
  /** Who logs in: etcd's root, or Patroni's user, who may use the cluster's prefix only. Default root. */
  readonly as?: "root" | "patroni";
  readonly stdin?: string;
}

/** One member as `member list` shows it. */
export interface EtcdMembership {
  /** Hexadecimal, as etcdctl wants it. */
  readonly id: string;
  /** Machine key; empty for a member that never started. */
  readonly key: string;
  readonly peerUrls: readonly string[];
  readonly learner: boolean;
}

const HEALTH = `curl -sf --max-time 2 http://127.0.0.1:2381/health && echo &&
  curl -sf --max-time 2 http://127.0.0.1:2381/metrics | grep ^etcd_server_is_learner`;

/** What etcd answers to a change of its members while one of them has not been connected for long enough. */
const NOT_YET = /unhealthy cluster|not enough started members/i;

/** Runs etcdctl on one voter. Any exit status is an answer. */
export function etcdctl(
  pool: SshPool,
  voter: string,
  words: readonly string[],
  options: EtcdctlOptions = {},
): Promise<ExecResult> {
  const limit = `--command-timeout=${COMMAND_TIMEOUT_MS}ms`;
  const command = shell`PGKEEL_AS=${options.as ?? "root"} ${ETCDCTL} --dial-timeout=2s ${limit} ${words}`;
  const step = `etcdctl ${words.slice(0, 2).join(" ")}`;
  const timeoutMs = COMMAND_TIMEOUT_MS + 2000;
  return pool.machine(voter).exec(command, { stdin: options.stdin ?? "", timeoutMs, step });
}

/**
 * Etcd chooses a leader of its own anew when the old one goes, and answers nobody meanwhile: 1 to 2 s at an election timeout
 * of 1 s, and more on a busy host, or when votes are split.
 */
const ELECTION_MS = 10_000;

/** Does what may be repeated, again and again for as long as etcd may be choosing its leader. @throws what it threw last */
export async function throughElection<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + ELECTION_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await pause(200);
    }
  }
}

/** As `healthyVoterNow`, but waits while etcd chooses its leader. */
export function healthyVoter(pool: SshPool, except: readonly string[] = []): Promise<string> {
  return throughElection(() => healthyVoterNow(pool, except));
}

/**
 * A voter whose etcd answers through the majority, but never `except`: the first that does. A learner is none: it reads
 * through the majority as well, and refuses everything else.
 * @throws OperateError with each voter's reason when none does.
 */
export async function healthyVoterNow(pool: SshPool, except: readonly string[] = []): Promise<string> {
  const voters = machinesWith(pool.access, "etcd").filter((m) => !except.includes(m.key));
  const asked = voters.map(async ({ key }) => {
    const { stdout } = await pool.machine(key).exec(HEALTH, { timeoutMs: 5000, step: "asking etcd for its health" });
    const healthy = /"health":\s*"true"/.test(stdout);
    if (healthy && /^etcd_server_is_learner 0$/m.test(stdout)) return key;
    throw new Error(`${key}: ${healthy ? "a learner" : "not healthy"}`);
  });
  // Whoever answers first: a dead one must not hold up what the others can do.
  return Promise.any(asked).catch((refused: AggregateError) => {
    throw new OperateError(
      pool.access.cluster,
      "finding a healthy etcd voter",
      refused.errors.map(messageOf).join("; ") || "there is none",
      "Bring back a majority of the voters first (docs/runbooks/quorum-lost.md)",
    );
  });
}

/**
 * The voter that leads etcd. A promotion has to be asked of it: etcd 3.5 passes one on from a follower without the login
 * that came with it, is refused, and asks again without a pause until its time is over.
 */
async function leadingVoter(pool: SshPool): Promise<string | undefined> {
  const asked = machinesWith(pool.access, "etcd").map(async ({ key }) => {
    const metrics = await pool.machine(key).run("curl -sf --max-time 2 http://127.0.0.1:2381/metrics", {
      timeoutMs: 3500,
      step: "asking etcd whether it leads",
    });
    return /^etcd_server_is_leader 1$/m.test(metrics) ? key : undefined;
  });
  const answers = await Promise.all(asked.map((answer) => answer.catch(() => undefined)));
  return answers.find((key) => key !== undefined);
}

async function succeed(pool: SshPool, voter: string, words: readonly string[]): Promise<string> {
  const result = await etcdctl(pool, voter, words);
  if (result.code === 0) return result.stdout;
  throw new OperateError(voter, `etcdctl ${words.slice(0, 2).join(" ")}`, reasonOf(result), "See etcd's journal there");
}

/** etcdctl's last word, without the log line in front of it. */
function reasonOf({ stdout, stderr, code }: ExecResult): string {
  const said = messageOf(stderr || stdout);
  return /Error: (.*)$/s.exec(said)?.[1]?.trim() ?? (said.slice(-300) || `exit status ${code}`);
}

/** The members as a healthy voter knows them. */
export async function listMembers(pool: SshPool, voter?: string): Promise<readonly EtcdMembership[]> {
  // The simple form: member IDs are 64-bit numbers, which JSON numbers of this language cannot hold.
  const text = await throughElection(async () =>
    succeed(pool, voter ?? (await healthyVoterNow(pool)), ["member", "list", "-w", "simple"]),
  );
  return text.split("\n").filter(Boolean).map(parseMember);
}

/** One line of `etcdctl member list -w simple`: id, status, name, peer URLs, client URLs, is learner. */
export function parseMember(line: string): EtcdMembership {
  const [id = "", , key = "", peerUrls = "", , learner = "false"] = line.split(", ");
  return { id, key, peerUrls: peerUrls.split(",").filter(Boolean), learner: learner.trim() === "true" };
}

/**
 * Makes the machine known as a learner: it receives the data and has no vote. Its etcd is started by its own converge,
 * afterwards. True: it is known. False: etcd does not take one yet, ask again a little later; it wants all its members
 * to have been connected for 5 s, and one that has just got its vote has not.
 */
export async function addLearner(pool: SshPool, key: string, address: string): Promise<boolean> {
  const voter = await healthyVoter(pool, [key]);
  const url = `https://${address}:${PEER_PORT}`;
  const known = async () => (await listMembers(pool, voter)).some((m) => m.peerUrls.includes(url));
  if (await known()) return true;
  const result = await etcdctl(pool, voter, ["member", "add", key, `--peer-urls=${url}`, "--learner"]);
  // A busy etcd may do it after it gave up waiting for that: the list tells.
  if (await known()) return true;
  if (NOT_YET.test(reasonOf(result))) return false;
  throw new OperateError(voter, "adding an etcd learner", reasonOf(result), "See etcd's journal there");
}

/** Deletes what a Patroni that has stopped for good wrote of itself: its member's key. Done already: nothing happens. */
export async function forgetMember(pool: SshPool, member: string): Promise<void> {
  const voter = await healthyVoter(pool);
  const key = `${NAMESPACE}${pool.access.cluster}/members/${member}`;
  const result = await etcdctl(pool, voter, ["del", key], { as: "patroni" });
  if (result.code !== 0)
    throw new OperateError(voter, `forgetting the member ${member}`, reasonOf(result), "See etcd's journal there");
}

/** Whether Patroni means to keep, or to make anew, the slot of a member that is away: it notes that beside the leader's position. */
export async function keepsSlot(pool: SshPool, slot: string): Promise<boolean> {
  const voter = await healthyVoter(pool);
  const key = `${NAMESPACE}${pool.access.cluster}/status`;
  const { stdout, stderr, code } = await etcdctl(pool, voter, ["get", "--print-value-only", key], { as: "patroni" });
  if (code !== 0)
    throw new OperateError(voter, "reading Patroni's status", messageOf(stderr), "See etcd's journal there");
  const status = (stdout.trim() === "" ? {} : JSON.parse(stdout)) as { readonly retain_slots?: readonly string[] };
  return status.retain_slots?.includes(slot) === true;
}

/** Gives a learner its vote. False: it has not started or not caught up yet; ask again a little later. */
export async function promoteLearner(pool: SshPool, key: string, address: string): Promise<boolean> {
  const voter = await leadingVoter(pool);
  if (voter === undefined) return false;
  const url = `https://${address}:${PEER_PORT}`;
  // It has no name before it has started.
  const member = (await listMembers(pool, voter)).find((m) => m.peerUrls.includes(url));
  if (!member)
    throw new OperateError(
      key,
      "promoting an etcd learner",
      `it is not a member with the address ${address}`,
      "See `npm run cluster -- status`; run `up` again: it joins anew",
    );
  if (!member.learner) return true;
  const result = await etcdctl(pool, voter, ["member", "promote", member.id]);
  if (result.code === 0) return true;
  const said = messageOf(result.stderr || result.stdout);
  if (/in sync with leader|not ready|learner is not ready/i.test(said)) return false;
  // Done or not: the list of members tells, when it is asked again.
  if (/request timed out|deadline exceeded|code = Unavailable/i.test(said)) return false;
  throw new OperateError(key, "promoting an etcd learner", reasonOf(result), "See etcd's journal there");
}

/**
 * Takes a member out, dead or alive: by machine key, or by address where it has no name. Done already: nothing happens.
 * One that leads etcd hands over first, so that nobody has to wait for an election. The caller has made sure that a majority
 * remains; etcd itself refuses only when a majority is not connected.
 * True: it is out. False: not yet, as above.
 */
export async function removeMember(pool: SshPool, key: string): Promise<boolean> {
  const voter = await healthyVoter(pool, [key]);
  const address = pool.access.machines.find((m) => m.key === key)?.address ?? key;
  const members = await listMembers(pool, voter);
  const member = members.find((m) => m.key === key || m.peerUrls.includes(`https://${address}:${PEER_PORT}`));
  if (member === undefined) return true;
  const heir = members.find((m) => m.key === voter);
  // Not done: then it is elected.
  if (heir !== undefined && (await leadingVoter(pool)) === key) await etcdctl(pool, key, ["move-leader", heir.id]);
  const result = await etcdctl(pool, voter, ["member", "remove", member.id]);
  // As above.
  if (result.code === 0 || !(await listMembers(pool, voter)).some(({ id }) => id === member.id)) return true;
  if (NOT_YET.test(reasonOf(result))) return false;
  throw new OperateError(voter, `taking ${key} out of etcd`, reasonOf(result), "See etcd's journal there");
}
