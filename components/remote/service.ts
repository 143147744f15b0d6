import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceBundle, ServiceFile } from "../services/types";
import { addressTo } from "./addressee";
import { fingerprint, renderBundle, renderFiles } from "./bundle";
import type { Connection, ReachableMachine } from "./connection";
import { INSTALL_PROGRAM, PROGRAM, program } from "./program";

/**
 * A refused login is tried again about once a second for this long, a machine that does not answer for 10 s a dial:
 * long enough for a machine that is just booting, short enough to tell of one that is off.
 */
const DIAL_ATTEMPTS = 20;
const DIAL_TIMEOUT_SECONDS = 10;

/** Converging needs nothing of what an earlier call printed, and sshd refuses to take it (AcceptEnv). */
const ALONE = { addPreviousOutputInEnv: false } as const;

function connectionArgs(machine: ReachableMachine) {
  return machine.connection.apply((connection: Connection) => ({
    ...connection,
    dialErrorLimit: DIAL_ATTEMPTS,
    perDialTimeout: DIAL_TIMEOUT_SECONDS,
  }));
}

function addressed(
  machine: ReachableMachine,
  text: pulumi.Input<string>,
  place: "first" | "last" = "first",
): pulumi.Output<string> {
  return pulumi
    .all([machine.incarnation, text])
    .apply(([incarnation, plain]) => (incarnation === undefined ? plain : addressTo(incarnation, plain, place)));
}

function asRoot(machine: ReachableMachine, command: string): string {
  return machine.user === "root" ? command : `sudo -n ${command}`;
}

/** Puts the machine-side program in place: the first command that a machine gets. */
export function installConverge(
  name: string,
  machine: ReachableMachine,
  opts: pulumi.CustomResourceOptions,
): remote.Command {
  return new remote.Command(
    name,
    {
      connection: connectionArgs(machine),
      create: asRoot(machine, INSTALL_PROGRAM),
      stdin: addressed(machine, program, "last"),
      ...ALONE,
    },
    { ...opts, dependsOn: [...machine.dependsOn] },
  );
}

export interface ServiceArgs {
  readonly machine: ReachableMachine;
  readonly bundle: ServiceBundle;
  readonly secrets?: pulumi.Output<readonly ServiceFile[]>;
}

/**
 * Converges one service of one machine over SSH. Two resources at most: `NAME-secrets`, whose content is never shown, and
 * `NAME`, the files with the service's script, which preview line by line. Returns the second.
 */
export function convergeService(name: string, args: ServiceArgs, opts: pulumi.CustomResourceOptions): remote.Command {
  const connection = connectionArgs(args.machine);
  const call = asRoot(args.machine, `${PROGRAM} ${args.bundle.service}`);
  if (args.secrets === undefined)
    return new remote.Command(
      name,
      { connection, create: call, stdin: addressed(args.machine, renderBundle(args.bundle)), ...ALONE },
      opts,
    );

  const secrets = new remote.Command(
    `${name}-secrets`,
    {
      connection,
      create: `${call} --secrets`,
      stdin: pulumi.secret(addressed(args.machine, args.secrets.apply(renderFiles))),
      logging: remote.Logging.None,
      ...ALONE,
    },
    withoutHooks(opts),
  );
  const text = pulumi.unsecret(args.secrets.apply(fingerprint)).apply((value) => renderBundle(args.bundle, value));
  const stdin = addressed(args.machine, text);
  return new remote.Command(name, { connection, create: call, stdin, ...ALONE }, { ...opts, dependsOn: [secrets] });
}

function withoutHooks({ hooks: _, ...opts }: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions {
  return opts;
}
