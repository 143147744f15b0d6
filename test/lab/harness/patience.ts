import { vi } from "vitest";

/**
 * For a whole test file, called at its top: every wait in these tests has a deadline of its own with words of its own, so vitest's only
 * has to be later than any of them.
 */
export function beAsPatientAsTheWaits(): void {
  vi.setConfig({ testTimeout: 6 * 60_000, hookTimeout: 10 * 60_000 });
}
