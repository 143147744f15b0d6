/**
 * Dynamic resources whose provider is only a reference to a module of the project.
 *
 * Pulumi stores the source text of a dynamic resource's provider in the state. Here that text loads a module and calls it, so
 * that changed code of the module shows no difference in any resource and takes effect at once, deletions included.
 */
import * as pulumi from "@pulumi/pulumi";

/**
 * The stored text. The provider's process runs in the project's directory, so the path is relative to that: the state says the same
 * on every host. `tsx/cjs` first: only after it can `require` load TypeScript.
 */
function providerText(module: string): string {
  return `exports.handler = () => {
  require("tsx/cjs");
  const path = require("node:path").resolve(${JSON.stringify(module)});
  const call = (name, otherwise, args) => {
    const method = require(path)[name];
    return method === undefined ? otherwise : method(...args);
  };
  return {
    check: async (old, inputs) => call("check", { inputs }, [old, inputs]),
    create: async (inputs) => require(path).create(inputs),
    diff: async (id, old, inputs) => call("diff", { changes: false }, [id, old, inputs]),
    update: async (id, old, inputs) => call("update", { outs: inputs }, [id, old, inputs]),
    read: async (id, state) => call("read", { id, props: state }, [id, state]),
    delete: async (id, state) => call("remove", undefined, [id, state]),
  };
};
`;
}

/**
 * A dynamic resource that is created, compared and removed by a module of the project. The same as `pulumi.dynamic.Resource` with a
 * provider object, but the text of the provider is written here instead of being taken from a function by a compiler: loading
 * that compiler costs each preview and update more than a second.
 *
 * The module is named by its path below the project's directory, without extension. It exports `create` and may export `check`,
 * `diff`, `update`, `read` and `remove` (Pulumi's `delete`), with the arguments and results of
 * `pulumi.dynamic.ResourceProvider`. Without `check` any inputs will do; without `diff` nothing ever changes; without `update` the new inputs become the state; without `read` a refresh finds what is stored;
 * without `remove` a deletion only forgets the resource.
 */
export abstract class ThinResource extends pulumi.CustomResource {
  /**
   * @param module The module, such as "components/secrets/providers/password".
   * @param name The resource's name.
   * @param props Inputs; outputs that `create` adds are listed with the value `undefined`.
   * @param opts Pulumi's options.
   * @param group First part of the type token: `pulumi-nodejs:dynamic/GROUP:TYPE`.
   * @param type Second part of the type token.
   */
  protected constructor(
    module: string,
    name: string,
    props: pulumi.Inputs,
    opts: pulumi.CustomResourceOptions | undefined,
    group: string,
    type: string,
  ) {
    super(`pulumi-nodejs:dynamic/${group}:${type}`, name, { ...props, __provider: providerText(module) }, opts);
  }
}
