/**
 * The cluster of the stack `lab`: three machines on this host, made by `npm run lab`.
 *
 * This file is the cluster. Change a line, save, and look what that would do to the clients:
 * `npm run pulumi -- preview -s lab --diff`. `npm run lab` does it at once, without asking.
 */
import { declareCluster, equalMembers } from "../components/spec";

export default declareCluster({
  name: "lab",
  platform: { kind: "lab" },
  postgresql: {
    profile: "small",
    // A first change: take the slashes away. It needs no restart: the members read it again and no connection is closed.
    // parameters: { work_mem: "8MB" },
  },
  recovery: "fast",
  machines: {
    // Three equal members, db-1 to db-3, in the zones a, b and c. Want one more? Write 4, and name three voters below.
    ...equalMembers(3, { size: { vcpu: 1, memory: "1GB" }, disks: { data: { size: "10GB" } } }),
  },
  // etcd decides by majority, so its voters are 1, 3 or 5. They run on the members unless it is said where.
  // etcd: { voters: ["db-1", "db-2", "db-3"] },
});
