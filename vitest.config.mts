import { defineConfig } from "vitest/config";

/**
 * Three suites, by what they need:
 *   unit    nothing: pure, in parallel, under 30 s together
 *   engine  the Pulumi CLI and Linux: the real engine on a backend of files
 *   lab     root: real machines, one file at a time
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          setupFiles: ["test/setup.ts"],
          // A guard against a test that hangs; the slowest takes 3 s.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          setupFiles: ["test/setup.ts"],
          globalSetup: ["test/engine/setup.ts"],
          // An engine run takes 2 to 4 s, and ten times that on a machine that is busy with something else.
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: true,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/lab/**/*.test.ts"],
          globalSetup: ["test/lab/harness/global.ts"],
          // The machines are shared, and the tests break them on purpose.
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
