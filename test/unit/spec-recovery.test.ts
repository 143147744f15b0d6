/** The presets of timings fit each other. */
import { describe, expect, it } from "vitest";
import { recoveryBounds, recoveryTimings } from "../../components/spec";

const PRESETS = ["fast", "normal", "patient", "wide"] as const;

describe.each(PRESETS)("the preset %s", (preset) => {
  const { ttl, loopWait, retryTimeout, primaryStartTimeout, haproxy } = recoveryTimings(preset);

  it("keeps Patroni's rule, loop_wait + 2 × retry_timeout ≤ ttl, and its least values", () => {
    expect(loopWait + 2 * retryTimeout).toBeLessThanOrEqual(ttl);
    expect(ttl).toBeGreaterThanOrEqual(20);
    expect(retryTimeout).toBeGreaterThanOrEqual(3);
    expect(loopWait).toBeGreaterThanOrEqual(1);
  });

  it("lets another member take over from a crashed leader no later than from a lost one", () => {
    expect(loopWait + primaryStartTimeout).toBeLessThanOrEqual(ttl);
  });

  it("gives a check longer than its shortest interval, so that a busy machine does not flap", () => {
    expect(haproxy.checkTimeoutMs).toBeGreaterThan(haproxy.fastinterMs);
    expect(haproxy.fastinterMs).toBeLessThanOrEqual(haproxy.interMs);
    expect(haproxy.fall).toBeGreaterThan(haproxy.rise);
  });

  it("has a bound above ttl", () => {
    const { machineLost, postgresqlCrashed } = recoveryBounds(preset);
    expect(machineLost).toBeGreaterThan(ttl);
    expect(postgresqlCrashed).toBeGreaterThan(loopWait + primaryStartTimeout);
  });
});

it("the presets are ordered by patience", () => {
  for (const read of [
    (preset: (typeof PRESETS)[number]) => recoveryTimings(preset).ttl,
    (preset: (typeof PRESETS)[number]) => recoveryBounds(preset).machineLost,
    (preset: (typeof PRESETS)[number]) => recoveryTimings(preset).haproxy.interMs,
  ]) {
    const values = PRESETS.map(read);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(new Set(values).size).toBe(values.length);
  }
});
