import { isDeepStrictEqual } from "node:util";
import { issueMachineCertificate, type MachineNames, needsRenewal } from "../certificates";

interface MachineCertificateInputs {
  readonly machine: MachineNames;
  readonly authorityCertificate: string;
  readonly authorityPrivateKey: string;
  readonly validityDays: number;
  readonly renewBeforeDays: number;
}

interface MachineCertificateState extends MachineCertificateInputs {
  readonly certificate: string;
  readonly privateKey: string;
  readonly expires: string;
}

async function issue(inputs: MachineCertificateInputs): Promise<MachineCertificateState> {
  const authority = { certificate: inputs.authorityCertificate, privateKey: inputs.authorityPrivateKey };
  return { ...inputs, ...(await issueMachineCertificate(authority, inputs.machine, inputs.validityDays, new Date())) };
}

export async function create(inputs: MachineCertificateInputs) {
  return { id: inputs.machine.hostname, outs: await issue(inputs) };
}

/** Issues anew when what it certifies changed, or when it soon expires: a renewal is an ordinary `up`. */
export async function diff(_id: string, old: MachineCertificateState, inputs: MachineCertificateInputs) {
  const changed =
    !isDeepStrictEqual({ ...old.machine }, { ...inputs.machine }) ||
    old.authorityCertificate !== inputs.authorityCertificate ||
    needsRenewal(old.expires, inputs.renewBeforeDays, new Date());
  return { changes: changed };
}

export async function update(_id: string, _old: MachineCertificateState, inputs: MachineCertificateInputs) {
  return { outs: await issue(inputs) };
}
