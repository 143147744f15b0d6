/** What Pulumi calls for a `Gate`: nothing is done here, the hook in front of its update does it. */

interface GateInputs {
  /** The work that waits behind it, in words; empty: none. */
  readonly opensFor: string;
}

export async function create(inputs: GateInputs) {
  return { id: "gate", outs: inputs };
}

/** Only for work: that there is none any more is no change. */
export async function diff(_id: string, _old: GateInputs, inputs: GateInputs) {
  return { changes: inputs.opensFor !== "" };
}

export async function update(_id: string, _old: GateInputs, inputs: GateInputs) {
  return { outs: inputs };
}
