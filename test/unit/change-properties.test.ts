/**
 * What holds for every plan, whatever changes and whatever the cluster looks like: proved on random declarations and
 * states, by carrying the plans out in a simulator of its own.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asIfGrown,
  asIfMade,
  isDisturbing,
  isMachineWork,
  isTurnOf,
  type LivingCluster,
  type ReachableMember,
  rollout,
  type Step,
  type Turn,
} from "../../components/plan/change";
import { electable } from "../../components/plan/change/parameter-rules";
import {
  type ClusterInput,
  type ClusterSpec,
  clusterParameters,
  type MachineInput,
  parseCluster,
  SpecError,
} from "../../components/spec";
import { changedByHand } from "./change-by-hand";
import { dead, living } from "./change-fixtures";
import { Simulator } from "./change-simulator";

const KEYS = ["db-1", "db-2", "db-3", "db-4", "db-5"];

const size = fc.constantFrom(
  { vcpu: 2, memory: "8GB" },
  { vcpu: 4, memory: "16GB" },
  { vcpu: 6, memory: "16GB" },
  { vcpu: 8, memory: "24GB" },
);
const disks = fc.constantFrom<MachineInput["disks"]>(
  { data: { size: "100GB" } },
  { data: { size: "200GB" } },
  { data: { size: "200GB" }, wal: { size: "50GB" } },
);
const member = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ mayLead: false }) },
  { weight: 1, arbitrary: fc.constant({ takesReads: false }) },
  { weight: 1, arbitrary: fc.constant({ delay: "1h" }) },
  { weight: 1, arbitrary: fc.constant(false as const) },
);
const machineInput: fc.Arbitrary<MachineInput> = fc.record({
  size,
  disks,
  member,
  zone: fc.constantFrom("a", "b"),
});
const parameters = fc.record(
  {
    max_connections: fc.constantFrom("100", "200", "400"),
    max_worker_processes: fc.constantFrom("16", "24"),
    max_wal_senders: fc.constantFrom("20", "30"),
    shared_buffers: fc.constantFrom("2GB", "3GB"),
    work_mem: fc.constantFrom("8MB", "16MB"),
    wal_buffers: fc.constantFrom("16MB", "32MB"),
  },
  { requiredKeys: [] },
);
const durability = fc.record({
  mode: fc.constantFrom("async" as const, "sync" as const, "quorum" as const),
  strict: fc.boolean(),
  standbys: fc.constantFrom(1, 1, 2),
});

interface Draft {
  readonly machines: Record<string, MachineInput>;
  readonly parameters: Record<string, string>;
  readonly durability: ClusterInput["durability"];
  readonly voters: number;
  readonly image: string;
  readonly postgresql: string;
}

/** The first voters are on the last machines of the list, so that other machines than the first matter. */
function toSpec(draft: Draft, order: (keys: string[]) => string[] = (keys) => keys): ClusterSpec | undefined {
  const keys = Object.keys(draft.machines);
  const voters = order([...keys].sort().reverse().slice(0, draft.voters));
  try {
    return parseCluster({
      name: "shop",
      confirm: ["weaker-durability", "replace-machines"],
      platform: { kind: "lab", image: draft.image },
      postgresql: {
        parameters: Object.fromEntries(
          order(Object.keys(draft.parameters)).map((name) => [name, draft.parameters[name]]),
        ),
      },
      durability: draft.durability,
      machines: Object.fromEntries(order(keys).map((key) => [key, draft.machines[key]])),
      etcd: { voters },
      software: { postgresql: draft.postgresql },
    });
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}

const draft: fc.Arbitrary<Draft> = fc
  .record({
    keys: fc.subarray(KEYS, { minLength: 1 }),
    machines: fc.array(machineInput, { minLength: KEYS.length, maxLength: KEYS.length }),
    uniform: fc.boolean(),
    parameters,
    durability,
    voters: fc.constantFrom(1, 3, 3, 5),
    image: fc.constantFrom("debian-13", "debian-13", "debian-13.1"),
    postgresql: fc.constantFrom("17.11-1", "17.11-1", "17.12-1"),
  })
  .map(({ keys, machines, uniform, voters, ...rest }) => ({
    ...rest,
    voters: Math.min(voters, keys.length % 2 === 1 ? keys.length : keys.length - 1),
    machines: Object.fromEntries(keys.map((key, i) => [key, (uniform ? machines[0] : machines[i]) as MachineInput])),
  }));

/** Another declaration that shares most with the first: single parts are taken from a second draft. */
const pair: fc.Arbitrary<{ before: ClusterSpec; after: ClusterSpec; drafts: [Draft, Draft] }> = fc
  .record({
    first: draft,
    second: draft,
    take: fc.record({
      machines: fc.boolean(),
      single: fc.boolean(),
      parameters: fc.boolean(),
      durability: fc.boolean(),
      voters: fc.boolean(),
      image: fc.boolean(),
      postgresql: fc.boolean(),
    }),
  })
  .map(({ first, second, take }) => {
    const some = Object.keys(second.machines)[0] as string;
    const machines = take.machines
      ? second.machines
      : take.single
        ? { ...first.machines, [some]: second.machines[some] as MachineInput }
        : first.machines;
    const next: Draft = {
      machines,
      parameters: take.parameters ? second.parameters : first.parameters,
      durability: take.durability ? second.durability : first.durability,
      voters: take.voters ? second.voters : first.voters,
      image: take.image ? second.image : first.image,
      postgresql: take.postgresql ? second.postgresql : first.postgresql,
    };
    return { before: toSpec(first), after: toSpec(next), drafts: [first, next] as [Draft, Draft] };
  })
  .filter(
    (specs): specs is { before: ClusterSpec; after: ClusterSpec; drafts: [Draft, Draft] } =>
      specs.before !== undefined && specs.after !== undefined,
  );

/** A cluster of that declaration, with any leader and some lag. */
function stateOf(before: ClusterSpec, seed: readonly number[]): LivingCluster {
  const leaders = electable(before);
  const state = living(before, leaders[(seed[0] ?? 0) % leaders.length] as string);
  const members = Object.fromEntries(
    Object.entries(state.members).map(([key, member], i) => {
      const lag = member.reachable && key !== state.leader ? ((seed[i] ?? 0) % 16) * 1024 ** 2 : 0;
      return [key, { ...(member as ReachableMember), receiveLagBytes: lag, replayLagBytes: lag }];
    }),
  );
  return { ...state, members };
}

const seed = fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 });
const scenario = fc.record({ specs: pair, seed });
const RUNS = { numRuns: Number(process.env.CHANGE_RUNS ?? 40) };

/** What the conductor and the platform do: converge is not seen in a state, and repeats without harm. */
function deeds(steps: readonly Step[]): object[] {
  return steps
    .filter((step) => step.by !== "converge" && step.kind !== "preflight" && step.kind !== "verify")
    .map(({ standing: _, ...step }) => step);
}

function putsBack({ kind }: Step): boolean {
  return kind === "restore-files" || kind === "start-units" || kind === "reset-parameter";
}

/** Planned and executable, or undefined where it is refused: then it says why. */
function planned(before: ClusterSpec, after: ClusterSpec, state: LivingCluster): readonly Step[] | undefined {
  const plan = rollout(before, after, state);
  if (!plan.executable) expect(plan.refusals.length + plan.unknown.length).toBeGreaterThan(0);
  return plan.executable ? plan.steps : undefined;
}

describe("every plan", { timeout: 120_000 }, () => {
  it("arrives at the declaration, past everything that a real cluster would object to, or is refused", () => {
    let carriedOut = 0;
    fc.assert(
      fc.property(scenario, ({ specs: { before, after }, seed }) => {
        const start = stateOf(before, seed);
        const steps = planned(before, after, start);
        if (steps === undefined) return;
        carriedOut += 1;
        const simulator = new Simulator(start, after);
        simulator.run(steps);
        expect(simulator.differences()).toEqual([]);
      }),
      RUNS,
    );
    expect(carriedOut, "plans that were carried out").toBeGreaterThan(RUNS.numRuns / 2);
  });

  it("moves the leader once at most, and only when something of it has to stop or it leaves", () => {
    fc.assert(
      fc.property(scenario, ({ specs: { before, after }, seed }) => {
        const start = stateOf(before, seed);
        const steps = planned(before, after, start) ?? [];
        const moves = steps.filter(({ kind }) => kind === "switchover");
        expect(moves.length).toBeLessThanOrEqual(1);
        const leader = start.leader as string;
        const [old, next] = [before.machines[leader], after.machines[leader]];
        const sameMachine = JSON.stringify(old) === JSON.stringify(next);
        const sameParameters = JSON.stringify(clusterParameters(before)) === JSON.stringify(clusterParameters(after));
        const sameSoftware = before.software.postgresql === after.software.postgresql;
        const sameImage = JSON.stringify(before.platform) === JSON.stringify(after.platform);
        if (sameMachine && sameParameters && sameSoftware && sameImage) expect(moves).toEqual([]);
      }),
      RUNS,
    );
  });

  it("starts no PostgreSQL more often than the change asks for", () => {
    fc.assert(
      fc.property(scenario, ({ specs: { before, after }, seed }) => {
        const start = stateOf(before, seed);
        const steps = planned(before, after, start);
        if (steps === undefined) return;
        const simulator = new Simulator(start, after);
        simulator.run(steps);
        const twoPasses = steps.some((step) => step.kind === "config-apply" && step.held.length > 0);
        for (const [key, starts] of simulator.starts) {
          const own = steps.filter((step) => "machine" in step && step.machine === key);
          const resized = own.some(({ kind }) => kind === "power-cycle" || kind === "upgrade-software");
          // The leader may have to come down in place, hand over, and then be touched itself.
          const most = key === start.leader ? 2 + (resized ? 1 : 0) : twoPasses ? 2 : 1;
          expect(starts, `starts of ${key}`).toBeLessThanOrEqual(most);
        }
      }),
      RUNS,
    );
  });

  it("is the rest of itself when it is made again after any of its steps", () => {
    fc.assert(
      fc.property(scenario, fc.nat(1000), ({ specs: { before, after }, seed }, at) => {
        const start = stateOf(before, seed);
        const steps = planned(before, after, start);
        if (steps === undefined || steps.length === 0) return;
        const done = at % (steps.length + 1);
        const simulator = new Simulator(start, after);
        simulator.run(steps.slice(0, done));
        expect(deeds(rollout(before, after, simulator.state).steps)).toEqual(deeds(steps.slice(done)));
      }),
      RUNS,
    );
  });

  it("arrives from wherever a failover has left it", () => {
    fc.assert(
      fc.property(scenario, fc.nat(1000), fc.nat(1000), ({ specs: { before, after }, seed }, at, whom) => {
        const start = stateOf(before, seed);
        const steps = planned(before, after, start);
        if (steps === undefined || steps.length === 0) return;
        const simulator = new Simulator(start, after);
        simulator.run(steps.slice(0, at % (steps.length + 1)));
        const others = simulator.standIns();
        if (others.length === 0) return;
        simulator.failover(others[whom % others.length] as string);
        const again = rollout(before, after, simulator.state);
        // A failover to a member that then has to be made anew itself, with nobody else to stay, is for a person.
        if (again.refusals.some(({ code }) => code === "only-copy" || code === "last-electable")) return;
        expect(again.refusals).toEqual([]);
        simulator.run(again.steps);
        expect(simulator.differences()).toEqual([]);
      }),
      RUNS,
    );
  });

  it("is also arrived at by way of the gates: before each new voter's start, and before each machine's work", () => {
    let gates = 0;
    fc.assert(
      fc.property(scenario, ({ specs: { before, after }, seed }) => {
        const start = stateOf(before, seed);
        const order = (planned(before, after, start) ?? []).filter(isMachineWork).map(({ machine }) => machine);
        if (order.length === 0) return;
        const simulator = new Simulator(start, after);
        /** Up to the turn, past other machines' work that has a gate of its own; the turn's own step is the last. */
        const upTo = (turn: Turn) => {
          const later: string[] = [];
          for (;;) {
            const state = asIfMade(after, asIfGrown(after, simulator.state), later);
            const { steps, refusals } = rollout(before, after, state, turn);
            expect(refusals).toEqual([]);
            const other = steps.find((step) => isMachineWork(step) && !isTurnOf(turn, step));
            simulator.run(other === undefined ? steps : steps.slice(0, steps.indexOf(other)));
            if (other === undefined) {
              expect(isTurnOf(turn, steps.at(-1) as Step)).toBe(true);
              return steps;
            }
            later.push((other as Step & { machine: string }).machine);
          }
        };
        const addVoter = (machine: string) => {
          const known = simulator.state.etcd.members.some((voter) => voter.key === machine);
          if (known || !after.etcd.voters.includes(machine)) return;
          const steps = upTo({ machine, for: "vote" });
          const seeded = steps.flatMap((step) => (step.kind === "seed-member" ? [step.member] : []));
          expect(seeded.filter((key) => before.machines[key] === undefined)).toEqual([]);
        };
        for (const key of Object.keys(after.machines)) if (!order.includes(key)) addVoter(key);
        for (const machine of order) {
          upTo({ machine, for: "work" });
          addVoter(machine);
          gates += 1;
        }
        simulator.run(planned(before, after, simulator.state) ?? []);
        expect(simulator.differences()).toEqual([]);
      }),
      RUNS,
    );
    expect(gates, "gates that were passed").toBeGreaterThan(RUNS.numRuns / 4);
  });

  it("goes on to another declaration from wherever it was stopped", () => {
    fc.assert(
      fc.property(scenario, pair, fc.nat(1000), ({ specs: { before, after }, seed }, other, at) => {
        const start = stateOf(before, seed);
        const steps = planned(before, after, start);
        if (steps === undefined) return;
        const simulator = new Simulator(start, after);
        simulator.run(steps.slice(0, at % (steps.length + 1)));
        const again = planned(before, other.after, simulator.state);
        if (again === undefined) return;
        const second = new Simulator(simulator.state, other.after);
        second.run(again);
        expect(second.differences()).toEqual([]);
      }),
      RUNS,
    );
  });

  it("is the same in whatever order things are declared", () => {
    fc.assert(
      fc.property(scenario, ({ specs: { before, after, drafts }, seed }) => {
        const start = stateOf(before, seed);
        const reversed = drafts.map((draft) => toSpec(draft, (keys) => [...keys].reverse())) as [
          ClusterSpec,
          ClusterSpec,
        ];
        expect(rollout(...reversed, start)).toEqual(rollout(before, after, start));
      }),
      RUNS,
    );
  });

  it("never leans on a machine that is dead, and lets it be removed", () => {
    fc.assert(
      fc.property(scenario, fc.nat(1000), ({ specs: { before, after }, seed }, whom) => {
        const alive = stateOf(before, seed);
        const others = Object.keys(alive.machines).filter((key) => key !== alive.leader);
        if (others.length === 0) return;
        const key = others[whom % others.length] as string;
        const start = dead(alive, key);
        const steps = planned(before, after, start);
        if (steps === undefined) return;
        const simulator = new Simulator(start, after);
        simulator.run(steps);
        const left = simulator.differences().filter((line) => !line.includes(key));
        expect(left).toEqual([]);
        if (after.machines[key] === undefined) expect(simulator.differences()).toEqual([]);
      }),
      RUNS,
    );
  });

  it("puts back what was changed by hand before it disturbs anything, and arrives", () => {
    let carriedOut = 0;
    fc.assert(
      fc.property(scenario, seed, fc.nat(1000), ({ specs: { before, after }, seed }, hand, at) => {
        // The simulator adds what Patroni concludes from that: who acknowledges commits instead of a member that stands still.
        const start = new Simulator(changedByHand(stateOf(before, seed), hand, after), before).state;
        const steps = planned(before, after, start);
        if (steps === undefined) return;
        carriedOut += 1;
        const first = steps.findIndex(isDisturbing);
        if (first >= 0) expect(steps.slice(first).filter(putsBack)).toEqual([]);
        const done = at % (steps.length + 1);
        const simulator = new Simulator(start, after);
        simulator.run(steps.slice(0, done));
        expect(deeds(rollout(before, after, simulator.state).steps)).toEqual(deeds(steps.slice(done)));
        simulator.run(steps.slice(done));
        expect(simulator.differences()).toEqual([]);
      }),
      RUNS,
    );
    expect(carriedOut, "plans that were carried out").toBeGreaterThan(RUNS.numRuns / 2);
  });

  it("is empty for what is declared already", () => {
    fc.assert(
      fc.property(scenario, ({ specs: { before }, seed }) => {
        expect(rollout(before, before, stateOf(before, seed)).steps).toEqual([]);
      }),
      RUNS,
    );
  });
});
