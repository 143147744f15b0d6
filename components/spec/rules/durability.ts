/** Rules for durability: who is there to acknowledge a commit. */
import { listed, type Mistake, show } from "../mistake";
import { defaultMode } from "../resolve";
import { acknowledgingOf, type Draft, isWhole, membersAreKnown } from "./draft";

/** Settings of synchronous_commit with which a commit waits until standbys have it on disk. */
const WAITING = ["on", "remote_apply"];

/** @param parameters The declaration's PostgreSQL parameters, in canonical notation. */
export function durabilityRules(draft: Draft, parameters: Readonly<Record<string, string>>): Mistake[] {
  const { durability } = draft.declared;
  if (durability === undefined || !isWhole(draft, "durability.mode") || !membersAreKnown(draft)) return [];
  const able = acknowledgingOf(draft);
  const { mode = defaultMode(able.length), strict, standbys } = durability;
  const who = able.length === 0 ? "no member" : listed(able, "and");
  const wants = `members that may lead and stream from the leader (there ${able.length === 1 ? "is" : "are"}: ${who})`;

  if (mode === "async") {
    const mistakes: Mistake[] = [];
    const why = durability.mode === undefined ? `async is the default with fewer than 3 ${wants}` : "the mode is async";
    if (strict === true)
      mistakes.push({
        path: "durability.strict",
        problem: `got true, but commits wait for no standby; expected false (${why}: set mode to sync or quorum, or remove strict)`,
      });
    if (standbys !== undefined && standbys > 1)
      mistakes.push({
        path: "durability.standbys",
        problem: `got ${standbys}, but commits wait for no standby; expected nothing (${why}: set mode to sync or quorum, or remove standbys)`,
      });
    return mistakes;
  }

  const mistakes: Mistake[] = [];
  if (able.length < 2) {
    mistakes.push({
      path: "durability.mode",
      problem: `got ${show(mode)}; expected async, or at least 2, better 3, ${wants}`,
    });
  } else if (standbys !== undefined && standbys >= able.length) {
    mistakes.push({
      path: "durability.standbys",
      problem: `got ${standbys}; expected at most ${able.length - 1}: one less than the ${wants}`,
    });
  } else if (strict === true && standbys !== undefined && standbys > able.length - 2) {
    mistakes.push({
      path: "durability.strict",
      problem:
        `got true with ${standbys} of ${able.length - 1} standbys to acknowledge: losing one machine would stop all writes; ` +
        `expected at least ${standbys + 2} ${wants}; add one, ask for fewer standbys, or set strict to false`,
    });
  }
  const commit = parameters.synchronous_commit;
  if (commit !== undefined && !WAITING.includes(commit))
    mistakes.push({
      path: "postgresql.parameters.synchronous_commit",
      problem:
        `got ${show(commit)}, with which commits are acknowledged before a standby has them on disk; expected ${listed(WAITING)} ` +
        `with durability ${mode} (set durability.mode to async, or set it in the sessions that can lose commits)`,
    });
  return mistakes;
}
