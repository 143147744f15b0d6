/**
 * Stand-in for `pulumi-resource-pulumi-nodejs`, the launcher of dynamic providers that the official CLI download brings.
 * It runs the SDK's own dynamic provider in this process.
 *
 * One thing is added: when the engine was killed, the process ends once the operation that it is in has ended. The official
 * launcher leaves such a process behind for ever.
 */
import { createRequire } from "node:module";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { watchParent } from "./serve";

/** How often the operations under way are looked at once the engine is gone. */
const DRAIN_CHECK_MILLISECONDS = 500;

let underWay = 0;

/** Counts the calls that a service is in. */
function counted(implementation: grpc.UntypedServiceImplementation): grpc.UntypedServiceImplementation {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(implementation)).filter(
    (name) => name !== "constructor",
  );
  return Object.fromEntries(
    names.map((name) => {
      const method = implementation[name] as grpc.handleUnaryCall<unknown, unknown>;
      const handler: grpc.handleUnaryCall<unknown, unknown> = (call, callback) => {
        underWay++;
        method.call(implementation, call, (...result) => {
          underWay--;
          callback(...result);
        });
      };
      return [name, name === "list" ? implementation[name] : handler];
    }),
  ) as grpc.UntypedServiceImplementation;
}

const addService = grpc.Server.prototype.addService;
grpc.Server.prototype.addService = function (definition, implementation) {
  addService.call(this, definition, counted(implementation));
};

watchParent(() => {
  setInterval(() => {
    if (underWay === 0) process.exit(0);
  }, DRAIN_CHECK_MILLISECONDS);
});

// The provider must be of the same SDK as the program: it is found from the program's directory, as the official launcher does.
const fromProgram = createRequire(path.join(process.cwd(), "index.js"));
fromProgram("@pulumi/pulumi/cmd/dynamic-provider");
