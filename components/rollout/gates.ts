import * as pulumi from "@pulumi/pulumi";
import type { AccessMachine, ClusterAccess } from "../operate/access";
import { observeWith } from "../operate/observe";
import { setAside } from "../operate/reads";
import { withSsh } from "../operate/ssh";
import { planCluster } from "../plan";
import { describeStep, isMachineWork, type RolloutPlan, type Turn } from "../plan/change";
import { addressee } from "../remote/addressee";
import { baseBundle } from "../services/base";
import { patroniBundle } from "../services/patroni";
import type { ClusterSpec } from "../spec";
import { withRolesOf } from "./access";
import { conduct } from "./conduct";
import { deliver } from "./deliver";
import { Gate } from "./gate";
import type { PreviousRun } from "./previous";
import { installPinned } from "./upgrade";

/** Who watches the work. */
export interface Watch {
  /** Settles when the work may begin. */
  readonly ready: Promise<unknown>;
  /** Called when a gate has failed, and with it the update. Never rejects. */
  readonly failed: () => Promise<unknown>;
  /** For resources: called when their own work has failed. */
  readonly onFailure: pulumi.ErrorHook;
}

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
  private turn: Promise<unknown> = Promise.resolve();
  /** How the machines are reached that this run has made or found so far, by key. */
  private readonly reached = new Map<string, AccessMachine>();

  constructor(
    private readonly plan: RolloutPlan,
    private readonly previous: PreviousRun | undefined,
    private readonly after: ClusterSpec,
    private readonly watch: Watch | undefined,
  ) {
    this.order = plan.steps.flatMap((step) => (isMachineWork(step) ? [step.machine] : []));
  }

  /** The machine is there. */
  reach(machine: AccessMachine): void {
    this.reached.set(machine.key, machine);
  }

  /**
   * Who can be asked when it is a machine's turn: in front of its work newcomers as well, which are there by then. A voter
   * that joins is not asked for before it does, and others that come with it may be half made.
   */
  private accessFor({ access }: PreviousRun, turn: Turn): ClusterAccess {
    const known = new Set(access.machines.map(({ key }) => key));
    const newcomers = turn.for === "work" ? [...this.reached.values()].filter(({ key }) => !known.has(key)) : [];
    return withRolesOf({ ...access, machines: [...access.machines, ...newcomers] }, this.after);
  }

  /** Clients use the machine's pooler, and it stays where it is. */
  hasStandingPooler(key: string): boolean {
    const remade = this.plan.steps.some((step) => step.kind === "replace-machine" && step.machine === key);
    return this.previous?.spec.poolers.machines.includes(key) === true && !remade;
  }

  /** In front of a machine's own resource, which depends on it. */
  before(key: string, opts: pulumi.CustomResourceOptions): Gate {
    const step = this.plan.steps.filter(isMachineWork).find(({ machine }) => machine === key);
    const name = `${this.after.name}-${key}-gate`;
    if (step === undefined || this.previous === undefined) return new Gate(name, { opensFor: "" }, opts);
    const hook = this.hook(
      name,
      () => true,
      { machine: key, for: "work" },
      (access) => this.prepare(access, key),
    );
    return new Gate(
      name,
      { opensFor: describeStep(step) },
      { ...opts, hooks: { beforeCreate: [hook], beforeUpdate: [hook] } },
    );
  }

  /** For the machine's own resource. */
  machine(key: string): pulumi.ResourceHookBinding {
    return this.watch === undefined || !this.order.includes(key) ? {} : { onError: [this.watch.onFailure] };
  }

  /**
   * Before a power cycle: readers go elsewhere, and the machine has the files with which all comes up as declared at once.
   * A machine that is made anew has left the cluster by then.
   */
  private async prepare(access: ClusterAccess, key: string): Promise<void> {
    const cycle = this.plan.steps.find((step) => step.kind === "power-cycle" && step.machine === key);
    if (cycle?.kind !== "power-cycle") return;
    const plan = planCluster(this.after);
    const machine = plan.machines.find((candidate) => candidate.key === key);
    if (machine === undefined) return;
    await withSsh(access, async (pool) => {
      await setAside(pool, await observeWith(pool), key);
      await deliver(pool, key, baseBundle(plan, machine));
      // What starts then is the new version: one stop for both.
      if (cycle.software.length > 0) await installPinned(pool, key, cycle.software);
      if (machine.roles.includes("postgresql")) await deliver(pool, key, patroniBundle(plan, machine));
    });
  }

  /** For etcd on a machine that becomes a voter: the others have to know of it before it starts. */
  voter(key: string): pulumi.ResourceHookBinding {
    if (this.previous === undefined || !this.after.etcd.voters.includes(key)) return {};
    const planned = (kind: "add-voter" | "promote-voter") =>
      this.plan.steps.some((step) => step.kind === kind && step.machine === key);
    const joins = planned("add-voter");
    // An earlier run has added it: others may be waiting for it to start.
    if (planned("promote-voter") && !joins) return {};
    // A machine that was lost, and is made anew in this run, could not be seen when the plan was made.
    const name = `${this.after.name}-${key}-voter-gate`;
    const hook = this.hook(name, (args) => joins || isForAnotherMachine(args), { machine: key, for: "vote" });
    return { beforeCreate: [hook], beforeUpdate: [hook] };
  }

  /** One gate at a time: each looks at what the one before has left. */
  private hook(
    name: string,
    closed: (args: pulumi.ResourceHookArgs) => boolean,
    turn: Turn,
    then: (access: ClusterAccess) => Promise<void> = async () => undefined,
  ): pulumi.ResourceHook {
    const { previous, after, watch } = this;
    return new pulumi.ResourceHook(name, async (args) => {
      if (previous === undefined || !closed(args)) return;
      const resource = { urn: pulumi.output(args.urn) } as pulumi.Resource;
      const say = (line: string) => void pulumi.log.info(line, resource);
      const show = (line: string) => void pulumi.log.info(line, resource, undefined, true);
      await watch?.ready;
      const work = async () => {
        const access = this.accessFor(previous, turn);
        await conduct({ access, before: previous.spec, after, say, show, turn });
        await then(access);
      };
      const mine = this.turn.then(work, work);
      this.turn = mine.catch(() => undefined);
      await mine.catch(async (error) => {
        await watch?.failed();
        throw error;
      });
    });
  }
}

/** The command goes to a machine that has taken the place of the one to which it went before. */
function isForAnotherMachine({ oldInputs, newInputs }: pulumi.ResourceHookArgs): boolean {
  return addressee(oldInputs?.stdin) !== addressee(newInputs?.stdin);
}
