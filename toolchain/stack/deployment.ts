/** What the state of a stack says, as far as starting over after a killed run needs it. */
import { askPulumi } from "./cli";

/** The parts of `pulumi stack export` that are looked at; the rest is passed on as it is. */
interface Export {
  readonly deployment?: {
    readonly resources?: readonly unknown[];
    readonly pending_operations?: readonly { readonly type: string; readonly resource: { readonly urn: string } }[];
  };
}

/** A stack's state. Secrets in it stay encrypted. */
export class Deployment {
  private constructor(
    readonly stack: string,
    readonly exported: Export,
  ) {}

  /** Reads the state; undefined when there is no such stack. */
  static async read(stack: string): Promise<Deployment | undefined> {
    const stacks: readonly { name: string }[] = JSON.parse(await askPulumi(["stack", "ls", "--json"]));
    if (!stacks.some(({ name }) => name.split("/").at(-1) === stack)) return undefined;
    return new Deployment(stack, JSON.parse(await askPulumi(["stack", "export", "--stack", stack])));
  }

  get resourceCount(): number {
    return this.exported.deployment?.resources?.length ?? 0;
  }

  /** The resources, by URN, that a killed run was working on, with what it was doing. */
  get interrupted(): readonly { readonly urn: string; readonly doing: string }[] {
    return (this.exported.deployment?.pending_operations ?? []).map(({ type, resource }) => ({
      urn: resource.urn,
      doing: type,
    }));
  }

  /**
   * Takes the record of interrupted operations out of the state. That is right where each operation may be done again, as all of this
   * program's may: a creation is simply repeated.
   */
  async forgetInterrupted(): Promise<void> {
    const deployment = { ...this.exported.deployment, pending_operations: [] };
    await askPulumi(["stack", "import", "--stack", this.stack], JSON.stringify({ ...this.exported, deployment }));
  }
}
