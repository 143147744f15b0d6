import type * as pulumi from "@pulumi/pulumi";
import type { ClusterPlan } from "../plan";
import { labPlatform } from "./lab";
import { sshPlatform } from "./ssh/machines";
import type { Platform } from "./types";

/** The platform that the spec names. */
export function openPlatform(name: string, plan: ClusterPlan, opts: { parent: pulumi.Resource }): Platform {
  const { platform } = plan.spec;
  switch (platform.kind) {
    case "lab":
      return labPlatform(name, plan, platform, opts);
    case "ssh":
      return sshPlatform(platform);
  }
}
