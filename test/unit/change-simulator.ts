/**
 * A cluster that carries steps out and objects to what a real one would not survive. It is written apart from the
 * planner's own model on purpose: it takes the steps by what they say and knows nothing of why they were planned.
 */
import { expect } from "vitest";
import type {
  LivingCluster,
  MachineState,
  MemberState,
  ReachableMember,
  Software,
  Step,
  StoppedUnit,
} from "../../components/plan/change";
import {
  type ClusterSpec,
  clusterParameters,
  type MachineSpec,
  megabytes,
  memberParameters,
} from "../../components/spec";
import { parameterInfo, parameterTable } from "../../components/spec/parameters/table";
import { checkValue } from "../../components/spec/parameters/value";

const BOUND = [
  "max_connections",
  "max_locks_per_transaction",
  "max_prepared_transactions",
  "max_wal_senders",
  "max_worker_processes",
];

export class Simulator {
  state: LivingCluster;
  /** Starts of PostgreSQL by member, seeding not counted. */
  readonly starts = new Map<string, number>();
  leaderMoves = 0;

  constructor(
    state: LivingCluster,
    private readonly after: ClusterSpec,
  ) {
    this.state = structuredClone(state);
    for (const [key, member] of this.live()) {
      const declared = after.machines[key]?.member;
      if (declared === undefined || declared === false) continue;
      // Every machine has converged before the first step: the tags in members' own files are as declared.
      this.member(key, {
        nofailover: !declared.mayLead || declared.delay !== undefined,
        mayAcknowledge: declared.mayLead && declared.delay === undefined && declared.replicatesFrom === undefined,
        inReadRoute: member.inReadRoute && declared.takesReads && declared.delay === undefined,
      });
    }
    this.conclude();
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) this.step(step);
  }

  step(step: Step): void {
    this.carryOut(step);
    this.conclude();
    expect(this.state.leader, `a leader after ${step.kind}`).toBeDefined();
    expect(this.learners().length, "learners at once").toBeLessThanOrEqual(1);
    if (this.voters().length > 0)
      expect(this.mayLose(), `majority of etcd after ${step.kind}`).toBeGreaterThanOrEqual(0);
  }

  private carryOut(step: Step): void {
    switch (step.kind) {
      case "bootstrap":
        throw new Error("a living cluster is not bootstrapped");
      case "preflight":
      case "verify":
      case "hba":
      case "reload":
        return;
      case "restore-files": {
        const { files = [] } = this.machineOf(step.machine);
        const deviating = files.filter(({ service }) => service === step.service);
        expect(deviating, `files of ${step.service} on ${step.machine} to restore`).not.toEqual([]);
        this.machine(step.machine, { files: files.filter(({ service }) => service !== step.service) });
        this.startUnits(step.machine, step.service, step.units);
        return;
      }
      case "start-units":
        expect(step.units, `units of ${step.service} on ${step.machine} to start`).not.toEqual([]);
        this.startUnits(step.machine, step.service, step.units);
        return;
      case "reset-parameter": {
        const altered = { ...this.asked(step.member).altered };
        for (const { name } of step.parameters) {
          expect(Object.keys(altered), `set by ALTER SYSTEM on ${step.member}`).toContain(name);
          delete altered[name];
        }
        this.member(step.member, { altered });
        return;
      }
      case "resume-poolers":
        for (const key of step.machines) this.machine(key, { pooler: "running" });
        return;
      case "pooler-change":
        for (const key of step.machines) {
          if (step.change === "added") this.create(key);
          if (step.change !== "reload") this.machine(key, { pooler: step.change === "added" ? "running" : "none" });
        }
        return;
      case "config-apply": {
        const parameters = { ...this.state.configuration.parameters };
        for (const { name, from, to } of step.parameters) {
          expect(from, `present value of ${name}`).toBe(
            parameters[name] === undefined ? undefined : String(parameters[name]),
          );
          if (to === undefined) delete parameters[name];
          else parameters[name] = to;
        }
        const timings = { ...this.state.configuration.timings };
        for (const { name, to } of step.timings) timings[name] = Number(to);
        this.state = { ...this.state, configuration: { ...this.state.configuration, parameters, timings } };
        return;
      }
      case "durability-change":
        expect(step.from).toEqual(this.state.configuration.durability);
        this.state = { ...this.state, configuration: { ...this.state.configuration, durability: step.to } };
        if (this.live().length === Object.keys(this.state.members).length)
          expect(this.standbys().length, "standbys for the new durability").toBeGreaterThanOrEqual(this.needed());
        return;
      case "grow-disk": {
        const disks = this.state.machines[step.machine]?.disks;
        const disk = disks?.[step.disk];
        const sizeBytes = megabytes(step.to) * 1024 ** 2;
        expect(sizeBytes).toBeGreaterThan(disk?.sizeBytes ?? Number.POSITIVE_INFINITY);
        this.machine(step.machine, { disks: { ...disks, [step.disk]: { sizeBytes, freeBytes: sizeBytes } } });
        return;
      }
      case "add-voter":
        this.create(step.machine);
        this.etcdDecides();
        expect(this.state.etcd.members.map(({ key }) => key)).not.toContain(step.machine);
        expect(this.state.etcd.members.length, "voters at once").toBeLessThan(7);
        this.etcd([...this.state.etcd.members, { key: step.machine, healthy: true, learner: true }]);
        return;
      case "promote-voter":
        this.etcdDecides();
        expect(this.learners()).toContain(step.machine);
        this.etcd(
          this.state.etcd.members.map((voter) => (voter.key === step.machine ? { ...voter, learner: false } : voter)),
        );
        return;
      case "remove-voter":
        this.etcdDecides();
        this.etcd(this.state.etcd.members.filter(({ key }) => key !== step.machine));
        expect(this.voters().length, "voters left").toBeGreaterThan(0);
        return;
      case "seed-member":
        this.create(step.member);
        expect(step.from).toBe(this.state.leader);
        expect(this.state.members[step.member], "a member to be seeded").toBeUndefined();
        expect(
          this.machineAsDeclared(step.member, false),
          `${step.member} is seeded on the machine that stays`,
        ).toEqual([]);
        this.seed(step.member);
        return;
      case "admit-to-reads":
        expect(this.asked(step.member).state).toBe("streaming");
        this.member(step.member, { inReadRoute: true });
        return;
      case "restart-member":
        expect(step.parameters, `a reason to restart ${step.member}`).not.toEqual([]);
        expect(step.role).toBe(step.member === this.state.leader ? "leader" : "replica");
        this.start(step.member, step);
        return;
      case "switchover":
        this.switchover(step);
        return;
      case "power-cycle": {
        this.notTheLeader(step.machine);
        this.etcdBears(step.machine);
        const { vcpu, memory } = (this.after.machines[step.machine] as MachineSpec).size;
        expect(step.to).toBe(`${vcpu} vCPU, ${memory}`);
        this.machine(step.machine, { vcpu, memoryBytes: megabytes(memory) * 1024 ** 2 });
        this.install(step.machine, step.software);
        if (this.state.members[step.machine] !== undefined) this.start(step.machine, step);
        return;
      }
      case "upgrade-software": {
        const has = (software: Software) => step.software.some((change) => change.software === software);
        if (has("etcd")) this.etcdBears(step.machine);
        this.install(step.machine, step.software);
        if (!has("postgresql") && !has("patroni")) return;
        this.notTheLeader(step.machine);
        // PostgreSQL runs on under a new Patroni.
        if (has("postgresql") && this.state.members[step.machine] !== undefined) this.start(step.machine, step);
        return;
      }
      case "leave-read-route":
        this.member(step.member, { inReadRoute: false });
        return;
      case "leave-patroni": {
        expect(step.member).not.toBe(this.state.leader);
        const member = this.state.members[step.member];
        expect(member, "a member to leave").toBeDefined();
        expect(member?.reachable === true && member.inReadRoute, "still in the read route").toBe(false);
        const { [step.member]: _, ...members } = this.state.members;
        this.state = { ...this.state, members };
        return;
      }
      case "drop-slot":
        expect(this.state.members[step.member], "out of Patroni before its slot").toBeUndefined();
        expect(this.state.slots).toContain(step.member);
        this.state = { ...this.state, slots: this.state.slots.filter((key) => key !== step.member) };
        return;
      case "replace-machine":
        this.empty(step.machine);
        this.state = { ...this.state, machines: { ...this.state.machines, [step.machine]: this.made(step.machine) } };
        return;
      case "delete-machine": {
        this.empty(step.machine);
        expect(this.after.machines[step.machine], "a machine that is declared").toBeUndefined();
        const { [step.machine]: _, ...machines } = this.state.machines;
        this.state = { ...this.state, machines };
        return;
      }
    }
  }

  private declares(key: string, service: string): boolean {
    const { after } = this;
    switch (service) {
      case "base":
        return true;
      case "etcd":
        return after.etcd.voters.includes(key);
      case "patroni":
        return after.machines[key]?.member !== false;
      default:
        return after.poolers.machines.includes(key);
    }
  }

  private startUnits(key: string, service: string, units: readonly StoppedUnit[]): void {
    const present = this.machineOf(key).units ?? [];
    expect(units, `idle units of ${service} on ${key}`).toEqual(present.filter((unit) => unit.service === service));
    this.machine(key, { units: present.filter((unit) => unit.service !== service) });
    if (units.length === 0) return;
    if (service === "etcd")
      this.etcd(this.state.etcd.members.map((voter) => (voter.key === key ? { ...voter, healthy: true } : voter)));
    else if (service === "patroni") this.seed(key);
    else this.machine(key, { pooler: "running" });
  }

  /** Members that could take over at this moment. */
  standIns(): string[] {
    return this.live()
      .filter(([key, member]) => key !== this.state.leader && !member.nofailover && member.state === "streaming")
      .map(([key]) => key);
  }

  /** The leader is lost and comes back as a replica of the one that took over. */
  failover(to: string): void {
    const from = this.state.leader as string;
    const declared = this.after.machines[from]?.member;
    const inReadRoute = declared !== undefined && declared !== false && declared.takesReads;
    this.state = { ...this.state, leader: to, slots: this.slotsAfter(from, to) };
    this.member(to, { role: "leader", state: "running", inReadRoute: false });
    this.member(from, { role: "replica", state: "streaming", inReadRoute, parameters: this.startValues(from) });
    this.conclude();
  }

  /** What differs from the declaration, in words; empty: the cluster is as declared. */
  differences(): string[] {
    const { after, state } = this;
    const wanted = Object.keys(after.machines).sort();
    const members = wanted.filter((key) => after.machines[key]?.member !== false);
    const lines: string[] = [];
    const same = (what: string, is: unknown, shall: unknown) => {
      if (JSON.stringify(is) !== JSON.stringify(shall))
        lines.push(`${what}: ${JSON.stringify(is)} for ${JSON.stringify(shall)}`);
    };
    same("machines", Object.keys(state.machines).sort(), wanted);
    same("members", Object.keys(state.members).sort(), members);
    same(
      "slots",
      [...state.slots].sort(),
      members.filter((key) => key !== state.leader),
    );
    same("voters", this.voters().sort(), [...after.etcd.voters].sort());
    same("learners", this.learners(), []);
    same(
      "poolers",
      Object.keys(state.machines)
        .filter((key) => state.machines[key]?.pooler === "running")
        .sort(),
      [...after.poolers.machines].sort(),
    );
    const { mode, strict, standbys } = state.configuration.durability;
    same("durability", { mode, strict, standbys }, after.durability);
    same("configuration", sorted(state.configuration.parameters), sorted(clusterParameters(after)));
    for (const key of wanted) lines.push(...this.machineAsDeclared(key, true));
    for (const key of wanted) {
      const declared = ({ service }: { service: string }) => this.declares(key, service);
      same(`files of ${key}`, state.machines[key]?.files?.filter(declared) ?? [], []);
      same(`idle units of ${key}`, state.machines[key]?.units?.filter(declared) ?? [], []);
    }
    for (const key of members) {
      const member = state.members[key];
      if (!member?.reachable) {
        lines.push(`${key} is not reachable`);
        continue;
      }
      same(`pending restarts of ${key}`, member.pendingRestart, []);
      same(`ALTER SYSTEM on ${key}`, member.altered ?? {}, {});
      for (const [name, value] of Object.entries(this.configured(key)))
        if (restarts(after, name) && !equal(after, name, member.parameters[name], value))
          lines.push(`${key} runs with ${name} ${member.parameters[name]} for ${value}`);
      const spec = after.machines[key]?.member;
      const reads = spec !== undefined && spec !== false && spec.takesReads && key !== state.leader;
      same(`read route of ${key}`, member.inReadRoute, reads);
    }
    const lead = after.machines[state.leader as string]?.member;
    if (lead === undefined || lead === false || !lead.mayLead) lines.push(`${state.leader} leads and may not`);
    return lines;
  }

  /** Standbys that could acknowledge a commit. */
  standbys(without?: string): string[] {
    return this.live()
      .filter(
        ([key, member]) =>
          key !== this.state.leader && key !== without && member.state === "streaming" && member.mayAcknowledge,
      )
      .map(([key]) => key);
  }

  needed(): number {
    const { mode, standbys } = this.state.configuration.durability;
    return mode === "async" ? 0 : standbys;
  }

  private machineAsDeclared(key: string, size: boolean): string[] {
    const [machine, declared] = [this.state.machines[key], this.after.machines[key]];
    if (machine === undefined || declared === undefined) return [`${key} is missing`];
    const lines: string[] = [];
    const same = (what: string, is: unknown, shall: unknown) => {
      if (is !== shall) lines.push(`${what} of ${key}: ${is} for ${shall}`);
    };
    const bytes = (size: string) => megabytes(size) * 1024 ** 2;
    if (size) same("CPUs", machine.vcpu, declared.size.vcpu);
    if (size) same("memory", machine.memoryBytes, bytes(declared.size.memory));
    same("data disk", machine.disks.data?.sizeBytes, bytes(declared.disks.data.size));
    same(
      "WAL disk",
      machine.disks.wal?.sizeBytes,
      declared.disks.wal === undefined ? undefined : bytes(declared.disks.wal.size),
    );
    same("zone", machine.zone, declared.zone);
    same("image", machine.image, this.after.platform.kind === "lab" ? this.after.platform.image : undefined);
    return lines;
  }

  private switchover(step: Extract<Step, { kind: "switchover" }>): void {
    const { from, to } = step;
    expect(from).toBe(this.state.leader);
    const next = this.asked(to);
    expect(next.state, `${to} streams`).toBe("streaming");
    expect(next.nofailover, `${to} may lead`).toBe(false);
    expect(next.replayLagBytes).toBeLessThanOrEqual(16 * 1024 ** 2);
    expect(this.after.machines[to]?.member, `${to} stays`).toBeTruthy();
    // Patroni hands over to a named standby only where standbys are named.
    if (this.state.configuration.durability.mode === "sync")
      expect(next.sync, `${to} acknowledges commits`).toBe("sync");
    this.leaderMoves += 1;
    this.state = { ...this.state, leader: to, slots: this.slotsAfter(from, to) };
    this.member(to, { role: "leader", state: "running", inReadRoute: false });
    for (const [key, member] of this.live()) if (key !== to && key !== from) this.bears(key, member);
    const declared = this.after.machines[from]?.member;
    const reads = declared !== undefined && declared !== false && declared.takesReads;
    this.member(from, { role: "replica", state: "streaming", inReadRoute: reads });
    for (const [key, { timeline }] of this.live()) this.member(key, { timeline: timeline + 1 });
    this.start(from, step);
  }

  /** PostgreSQL on the member starts with what is configured at this moment. */
  private start(key: string, step: Step): void {
    this.starts.set(key, (this.starts.get(key) ?? 0) + 1);
    const { strict } = this.state.configuration.durability;
    const waits =
      strict && key !== this.state.leader && step.kind !== "switchover" && this.standbys(key).length < this.needed();
    if (waits) expect(step.standing.writes.kind, `${step.kind} of ${key} says that writes wait`).toBe("pause");
    this.member(key, { parameters: this.startValues(key), pendingRestart: [] });
    if (key === this.state.leader)
      for (const [other, member] of this.live()) if (other !== key) this.bears(other, member);
  }

  /** A standby with less than its leader stops replaying. */
  private bears(key: string, member: ReachableMember): void {
    const leader = this.asked(this.state.leader as string);
    for (const name of BOUND)
      expect(Number(member.parameters[name]), `${name} of ${key} beside its leader's`).toBeGreaterThanOrEqual(
        Number(leader.parameters[name]),
      );
  }

  private configured(key: string): Record<string, string> {
    const machine = this.after.machines[key];
    const own = machine === undefined || machine.member === false ? {} : memberParameters(this.after, machine);
    const values: Record<string, string> = {};
    for (const { name, context, boot } of parameterTable(this.after.postgresql.version).values())
      if (context === "postmaster" && boot !== undefined) values[name] = boot;
    for (const [name, value] of Object.entries({ ...this.state.configuration.parameters, ...own }))
      values[name] = String(value);
    // Patroni gives the bound ones on the command line, which wins over everything.
    const member = this.state.members[key];
    for (const [name, value] of Object.entries((member?.reachable && member.altered) || {}))
      if (!BOUND.includes(name)) values[name] = value;
    return values;
  }

  private seed(key: string): void {
    const declared = this.after.machines[key]?.member;
    if (declared === undefined || declared === false) throw new Error(`${key} is no member`);
    const leader = this.asked(this.state.leader as string);
    this.state = {
      ...this.state,
      slots: [...new Set([...this.state.slots, key])].sort(),
      members: {
        ...this.state.members,
        [key]: {
          reachable: true,
          role: "replica",
          state: "streaming",
          timeline: leader.timeline,
          receiveLagBytes: 0,
          replayLagBytes: 0,
          sync: "async",
          pendingRestart: [],
          parameters: {},
          inReadRoute: false,
          nofailover: !declared.mayLead || declared.delay !== undefined,
          mayAcknowledge: declared.mayLead && declared.delay === undefined && declared.replicatesFrom === undefined,
        },
      },
    };
    this.member(key, { parameters: this.startValues(key) });
  }

  /** What PostgreSQL runs with after a start: on a standby, Patroni lifts what its leader has more of. */
  private startValues(key: string): Record<string, string> {
    const values = this.configured(key);
    const leader = this.state.members[this.state.leader as string];
    if (key === this.state.leader || !leader?.reachable) return values;
    for (const name of BOUND) {
      const its = leader.parameters[name];
      if (its !== undefined && Number(values[name]) < Number(its)) values[name] = its;
    }
    return values;
  }

  /** What Patroni and PostgreSQL conclude by themselves: pending restarts, and who acknowledges. */
  private conclude(): void {
    const { mode, standbys } = this.state.configuration.durability;
    const able = this.standbys().sort();
    const kept = able.filter((key) => this.asked(key).sync === "sync");
    const named = [...kept, ...able.filter((key) => !kept.includes(key))].slice(0, standbys);
    for (const [key, member] of this.live()) {
      const sync =
        mode === "quorum" && able.includes(key) ? "quorum" : mode === "sync" && named.includes(key) ? "sync" : "async";
      const pendingRestart = Object.entries(this.configured(key))
        .filter(
          ([name, value]) => restarts(this.after, name) && !equal(this.after, name, member.parameters[name], value),
        )
        .map(([name]) => name)
        .sort();
      this.member(key, { sync, pendingRestart });
    }
  }

  private slotsAfter(from: string, to: string): string[] {
    return [...new Set([...this.state.slots.filter((key) => key !== to), from])].sort();
  }

  private notTheLeader(key: string): void {
    if (key !== this.state.leader) return;
    const others = Object.entries(this.after.machines).filter(
      ([other, { member }]) => other !== key && member !== false && member.mayLead,
    );
    expect(
      others.map(([other]) => other),
      `members that could have taken over from ${key}`,
    ).toEqual([]);
  }

  /** etcd on the machine stops and comes back. The only voter cannot be spared. */
  private etcdBears(key: string): void {
    const voters = this.voters();
    if (!voters.includes(key) || voters.length === 1) return;
    // One that is down already takes nothing with it.
    if (this.state.etcd.members.some((voter) => voter.key === key && !voter.healthy)) return;
    expect(this.mayLose(), `majority of etcd without ${key}`).toBeGreaterThan(0);
  }

  private etcdDecides(): void {
    expect(this.mayLose(), "majority of etcd").toBeGreaterThanOrEqual(0);
  }

  private empty(key: string): void {
    expect(this.state.members[key], `${key} out of Patroni`).toBeUndefined();
    expect(this.state.slots, `slot of ${key}`).not.toContain(key);
    expect(
      this.state.etcd.members.map((voter) => voter.key),
      `${key} out of etcd`,
    ).not.toContain(key);
  }

  private voters(): string[] {
    return this.state.etcd.members.filter(({ learner }) => !learner).map(({ key }) => key);
  }

  private learners(): string[] {
    return this.state.etcd.members.filter(({ learner }) => learner).map(({ key }) => key);
  }

  private mayLose(): number {
    const voters = this.state.etcd.members.filter(({ learner }) => !learner);
    return voters.filter(({ healthy }) => healthy).length - (Math.floor(voters.length / 2) + 1);
  }

  private live(): [string, ReachableMember][] {
    return Object.entries(this.state.members).filter((entry): entry is [string, ReachableMember] => entry[1].reachable);
  }

  private asked(key: string): ReachableMember {
    const member: MemberState | undefined = this.state.members[key];
    if (member?.reachable) return member;
    throw new Error(`${key} is not there`);
  }

  private member(key: string, change: Partial<ReachableMember>): void {
    this.state = { ...this.state, members: { ...this.state.members, [key]: { ...this.asked(key), ...change } } };
  }

  private machine(key: string, change: Partial<MachineState>): void {
    const machine = this.machineOf(key);
    this.state = { ...this.state, machines: { ...this.state.machines, [key]: { ...machine, ...change } } };
  }

  private machineOf(key: string): MachineState {
    const machine = this.state.machines[key];
    if (machine === undefined) throw new Error(`there is no machine ${key}`);
    return machine;
  }

  private install(key: string, changes: readonly { readonly software: Software; readonly to: string }[]): void {
    const versions = { ...this.state.machines[key]?.versions };
    for (const { software, to } of changes) versions[software] = to;
    this.machine(key, { versions });
  }

  private etcd(members: LivingCluster["etcd"]["members"]): void {
    this.state = { ...this.state, etcd: { members } };
  }

  private create(key: string): void {
    if (this.state.machines[key] === undefined)
      this.state = { ...this.state, machines: { ...this.state.machines, [key]: this.made(key) } };
  }

  private made(key: string): MachineState {
    const { size, disks, zone } = this.after.machines[key] as MachineSpec;
    const disk = (text: string) => ({ sizeBytes: megabytes(text) * 1024 ** 2, freeBytes: megabytes(text) * 1024 ** 2 });
    return {
      reachable: true,
      vcpu: size.vcpu,
      memoryBytes: megabytes(size.memory) * 1024 ** 2,
      disks: { data: disk(disks.data.size), ...(disks.wal === undefined ? {} : { wal: disk(disks.wal.size) }) },
      image: this.after.platform.kind === "lab" ? this.after.platform.image : undefined,
      zone,
      versions: { ...this.after.software } as MachineState["versions"],
      pooler: this.after.poolers.machines.includes(key) ? "running" : "none",
    };
  }
}

function restarts(spec: ClusterSpec, name: string): boolean {
  return parameterInfo(spec.postgresql.version, name)?.context === "postmaster";
}

function equal(spec: ClusterSpec, name: string, a: string | undefined, b: string): boolean {
  const info = parameterInfo(spec.postgresql.version, name);
  if (a === undefined || info === undefined) return a === b;
  return JSON.stringify(checkValue(info, a)) === JSON.stringify(checkValue(info, b));
}

function sorted(record: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record)
      .map(([name, value]): [string, string] => [name, String(value)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
