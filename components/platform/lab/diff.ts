/** What a changed declaration does to a lab machine, as a cloud would. Pure. */
import type { MachineInputs } from "./record";
import { parseBytes } from "./size";

export interface MachineDiff {
  /** Fields for which the machine must be made anew; it loses its disks. */
  readonly replaces: string[];
  /** Switched off and on, to get another size. */
  readonly powerCycle: boolean;
  /** Disks that grow while in use. */
  readonly grows: ("data" | "wal")[];
  /** Another key may log in. */
  readonly login: boolean;
}

/** Another value means another machine. A cluster's network and a machine's zone, image and names cannot change under it. */
const IDENTITY = ["cluster", "key", "hostname", "address", "network", "zone", "image"] as const;

export function diffMachine(old: MachineInputs, inputs: MachineInputs): MachineDiff {
  const replaces: string[] = IDENTITY.filter((field) => old[field] !== inputs[field]);
  const grows: ("data" | "wal")[] = [];
  for (const disk of ["data", "wal"] as const) {
    const before = old.disks[disk];
    const after = inputs.disks[disk];
    const growth = bytes(after) - bytes(before);
    if (growth === 0) continue;
    if (growth > 0 && before !== undefined) grows.push(disk);
    // Smaller, gone, or new: the data would have to move, which a new member does by itself.
    else replaces.push(`disks.${disk}`);
  }
  return {
    replaces,
    powerCycle: old.vcpu !== inputs.vcpu || parseBytes(old.memory) !== parseBytes(inputs.memory),
    grows,
    login: old.authorizedKey !== inputs.authorizedKey,
  };
}

const bytes = (size: string | undefined) => (size === undefined ? 0 : parseBytes(size));

export function hasChanges({ replaces, powerCycle, grows, login }: MachineDiff): boolean {
  return replaces.length > 0 || powerCycle || grows.length > 0 || login;
}
