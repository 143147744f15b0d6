/**
 * Software of the machines: which Debian packages a role needs, and the fields that pin their versions. A version that is
 * not pinned stays what it was when its machine was made; nothing is upgraded because this program was.
 */
import { z } from "zod";
import { allowed } from "./allowed";

/** Grammar of a Debian package version: deb-version(7). */
const DEBIAN_VERSION = /^([0-9]+:)?[0-9][A-Za-z0-9.+~-]*$/;

const version = (example: string) =>
  z
    .string()
    .regex(DEBIAN_VERSION)
    .register(allowed, {
      expected: `an exact Debian package version such as "${example}"`,
      advice: "`apt-cache policy <package>` on a machine lists the ones to be had",
    });

export const softwareSchema = z.strictObject({
  /** Version of `postgresql-17` and `postgresql-client-17`: "17.12-0+deb13u1". Default: not pinned. */
  postgresql: version("17.12-0+deb13u1").optional(),
  /** Version of `patroni`: "4.0.7-3~deb13u1". Default: not pinned. */
  patroni: version("4.0.7-3~deb13u1").optional(),
  /** Version of `etcd-server` and `etcd-client`: "3.5.16-4". Default: not pinned. */
  etcd: version("3.5.16-4").optional(),
  /** Version of `haproxy`: "3.0.11-1+deb13u5". Default: not pinned. */
  haproxy: version("3.0.11-1+deb13u5").optional(),
  /** Version of `pgbouncer`: "1.24.1-1+deb13u2". Default: not pinned. */
  pgbouncer: version("1.24.1-1+deb13u2").optional(),
  /** Version of `pgbackrest`: "2.55.1-1". Default: not pinned. */
  pgbackrest: version("2.55.1-1").optional(),
});

/** A piece of software whose version can be pinned. */
export type Software = keyof z.output<typeof softwareSchema>;

/** Debian 13 packages of each piece of software. All packages of one piece have the same version. */
const PACKAGES: Readonly<Record<Software, readonly string[]>> = {
  postgresql: ["postgresql-17", "postgresql-client-17"],
  patroni: ["patroni"],
  etcd: ["etcd-server", "etcd-client"],
  haproxy: ["haproxy"],
  pgbouncer: ["pgbouncer"],
  pgbackrest: ["pgbackrest"],
};

/** What a machine's role needs, the software that it is made of. */
const ROLES = {
  postgresql: ["postgresql", "patroni", "pgbackrest"],
  etcd: ["etcd"],
  pooler: ["haproxy", "pgbouncer"],
} as const satisfies Record<string, readonly Software[]>;

/** A Debian package to install, with the version that the declaration pins; undefined: whatever is there or is newest at first. */
export interface WantedPackage {
  readonly name: string;
  readonly software: Software;
  readonly version: string | undefined;
}

/** Packages that a machine with these roles needs, in the order of their names. */
export function packagesFor(
  roles: readonly (keyof typeof ROLES)[],
  pinned: Readonly<Partial<Record<Software, string | undefined>>>,
): readonly WantedPackage[] {
  return roles
    .flatMap((role) => ROLES[role])
    .flatMap((software) => PACKAGES[software].map((name) => ({ name, software, version: pinned[software] })))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
