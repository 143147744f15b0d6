import * as pulumi from "@pulumi/pulumi";
import type { RolloutPlan, Step } from "../plan/change";
import type { ClusterSpec } from "../spec";
import { conduct, type Rollout } from "./conduct";
import type { PreviousRun } from "./previous";

/**
 * Gates in front of work that Pulumi does on a machine of a running cluster: before a machine is power-cycled or made anew,
 * the cluster is brought to the point of its plan at which that is the next step. The leader has moved away by then, and
 * every other member streams.
 *
 * A gate looks at the living cluster itself, so that it is right too when another member leads by then than at the preview.
 */
export class Gates {
  /** Keys of the machines that Pulumi works on, in the order of the plan: the leader's is the last. */
  readonly order: readonly string[];
  private readonly hooks: ReadonlyMap<string, pulumi.ResourceHook>;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly plan: RolloutPlan,
    private readonly previous: PreviousRun | undefined,
    private readonly after: ClusterSpec,
  ) {
    this.order = plan.steps.flatMap((step) => (isMachineWork(step) ? [step.machine] : []));
    // Registered in every run: the engine asks for them by name when a machine goes that once had one.
    this.hooks = new Map(Object.keys(after.machines).map((key) => [key, this.machineHook(key)]));
  }

  /** For the machine's own resource. */
  machine(key: string): pulumi.ResourceHookBinding {
    const hook = this.hooks.get(key);
    if (hook === undefined || !this.order.includes(key)) return {};
    return { beforeUpdate: [hook], beforeDelete: [hook] };
  }

  private machineHook(key: string): pulumi.ResourceHook {
    return this.hook(`${this.after.name}-${key}-gate`, () => this.order.includes(key), {
      at: "before",
      when: (step) => isMachineWork(step) && step.machine === key,
    });
  }

  /** For etcd on a machine that becomes a voter: the others have to know of it before it starts. */
  voter(key: string): pulumi.ResourceHookBinding {
    const joins = this.plan.steps.some((step) => step.kind === "add-voter" && step.machine === key);
    if (!joins) return {};
    const hook = this.hook(`${this.after.name}-${key}-voter-gate`, () => true, {
      at: "after",
      when: (step) => step.kind === "add-voter" && step.machine === key,
    });
    return { beforeCreate: [hook], beforeUpdate: [hook] };
  }

  /** One gate at a time: each looks at what the one before has left. */
  private hook(name: string, closed: () => boolean, stop: NonNullable<Rollout["stop"]>): pulumi.ResourceHook {
    const { previous, after } = this;
    return new pulumi.ResourceHook(name, async (args) => {
      if (previous === undefined || !closed()) return;
      const say = (line: string) => void pulumi.log.info(`${args.name}: ${line}`);
      const work = () => conduct({ access: previous.access, before: previous.spec, after, say, stop });
      const mine = this.turn.then(work, work);
      this.turn = mine.catch(() => undefined);
      await mine;
    });
  }
}

function isMachineWork(
  step: Step,
): step is Step & { readonly kind: "power-cycle" | "replace-machine"; readonly machine: string } {
  return step.kind === "power-cycle" || step.kind === "replace-machine";
}
