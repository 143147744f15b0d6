/**
 * Starts one of the stand-ins: start.js PROGRAM [ARGUMENT...]
 *
 * Packages are loaded before tsx is, which otherwise looks at each of their files: that makes 0.07 s of 0.3 s, and the engine
 * starts three such processes in each run. This file is JavaScript for the same reason.
 */
const { createRequire } = require("node:module");
const path = require("node:path");

const [, , program, ...rest] = process.argv;

/** The SDK of a dynamic provider is the program's own; see dynamic-provider.ts. */
const packages = {
  "language-nodejs": ["@grpc/grpc-js", "@pulumi/pulumi/proto/language_grpc_pb"],
  "resource-command": [
    "@grpc/grpc-js",
    "@pulumi/pulumi/proto/provider_grpc_pb",
    "@pulumi/pulumi/proto/engine_grpc_pb",
    "ssh2",
  ],
  "dynamic-provider": ["@pulumi/pulumi/runtime", "@pulumi/pulumi/proto/provider_grpc_pb", "require-from-string"],
}[program];

const load = program === "dynamic-provider" ? createRequire(path.join(process.cwd(), "index.js")) : require;
for (const name of packages) load(name);

require("tsx/cjs");
process.argv = [process.argv[0], path.join(__dirname, program), ...rest];
require(`./${program}.ts`);
