import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { Cluster } from "../../components/cluster";
import { rollout } from "../../components/plan/change";
import { type ClusterInput, equalMembers, parseCluster } from "../../components/spec";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

const registered: Registered[] = [];

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs });
        return { id: `${name}-id`, state: { ...inputs, ...made(type, name) } };
      },
      call: () => ({}),
    },
    "pgkeel",
    "test",
  );
});

/** What the providers would have made. */
function made(type: string, name: string): Record<string, string> {
  switch (type.split(":").at(-1)) {
    case "Password":
      return { value: `made-up-secret ${name}` };
    case "CertificateAuthority":
    case "MachineCertificate":
      return {
        certificate: "certificate\n",
        privateKey: `made-up-secret ${name}\n`,
        expires: "2027-01-01T00:00:00.000Z",
      };
    case "SshKey":
      return { publicKey: "ssh-ed25519 AAAA", privateKey: `made-up-secret ${name}\n` };
    case "Machine":
      return { hostKey: "ssh-ed25519 AAAA" };
    default:
      return {};
  }
}

const small = { size: { vcpu: 1, memory: "1GB" }, disks: { data: { size: "10GB" } } };
const lab: ClusterInput = { name: "lab", platform: { kind: "lab" }, machines: equalMembers(3, small) };

async function declare(input: ClusterInput): Promise<Registered[]> {
  registered.length = 0;
  const spec = parseCluster(input);
  const plan = rollout(undefined, spec, { kind: "absent" });
  const cluster = new Cluster(spec, { previous: undefined, witness: undefined, plan });
  await new Promise<void>((resolve) => pulumi.output(cluster.outputs()).apply(() => resolve()));
  await pulumi.runtime.disconnect();
  return [...registered];
}

const names = (resources: readonly Registered[]) => resources.map(({ name }) => name).sort();
const SERVICES = ["etcd", "haproxy", "patroni", "pgbouncer"];

function ofMachine(key: string, services: readonly string[]): string[] {
  return [
    `lab-${key}`,
    `lab-${key}-base`,
    `lab-${key}-converge`,
    `lab-${key}-gate`,
    `lab-${key}-host`,
    `lab-${key}-machine`,
    `lab-secrets-${key}-certificate`,
    ...services.flatMap((service) => [`lab-${key}-${service}`, `lab-${key}-${service}-secrets`]),
  ];
}

const PASSWORDS = [
  "admin",
  "etcd-patroni",
  "etcd-root",
  "patroni-api",
  "pgbouncer",
  "replication",
  "rewind",
  "superuser",
];
const ONCE = [
  "lab",
  "lab-ca-file",
  "lab-conductor",
  "lab-login",
  "lab-network",
  "lab-secrets",
  "lab-secrets-ca",
  ...PASSWORDS.map((name) => `lab-secrets-${name}`),
];

describe("the resources of a cluster", () => {
  it("are exactly these for three equal members", async () => {
    const expected = [...ONCE, ...["db-1", "db-2", "db-3"].flatMap((key) => ofMachine(key, SERVICES))];
    expect(names(await declare(lab))).toEqual(expected.sort());
  });

  it("follow what each machine is for", async () => {
    const machines = { ...equalMembers(2, small), "etcd-1": { ...small, member: false as const } };
    const etcd = { voters: ["db-1", "db-2", "etcd-1"] };
    const resources = names(await declare({ ...lab, machines, etcd, poolers: { machines: ["db-1"] } }));
    const expected = [
      ...ONCE,
      ...ofMachine("db-1", SERVICES),
      ...ofMachine("db-2", ["etcd", "patroni"]),
      ...ofMachine("etcd-1", ["etcd"]),
    ];
    expect(resources).toEqual(expected.sort());
  });

  it("keep their names when another machine goes", async () => {
    const three = names(await declare(lab));
    const { "db-2": _, ...rest } = lab.machines;
    const two = names(await declare({ ...lab, machines: rest, etcd: { voters: ["db-1"] } }));
    expect(two.every((name) => three.includes(name))).toBe(true);
  });

  it("carry secrets on standard input alone", async () => {
    for (const { type, name, inputs } of await declare(lab)) {
      if (type !== "command:remote:Command") continue;
      const { stdin, connection: _, ...shown } = inputs;
      expect(JSON.stringify(shown), name).not.toMatch(/made-up-secret/);
      if (!name.endsWith("-secrets")) expect(JSON.stringify(stdin), name).not.toMatch(/made-up-secret/);
    }
  });
});
