/** The rules between fields. Each says all it has to say; none relies on another having found nothing. */
import type { Mistake } from "../mistake";
import type { Draft } from "./draft";
import { durabilityRules } from "./durability";
import { hardwareRules } from "./hardware";
import { hbaRules } from "./hba";
import { memberRules } from "./members";
import { networkRules } from "./network";
import { parameterRules } from "./parameters";
import { placementRules } from "./placement";

export type { Draft } from "./draft";

/** @param parameters The declaration's PostgreSQL parameters, in canonical notation. */
export function ruleMistakes(draft: Draft, parameters: Readonly<Record<string, string>>): Mistake[] {
  return [
    ...memberRules(draft),
    ...placementRules(draft),
    ...durabilityRules(draft, parameters),
    ...networkRules(draft),
    ...hardwareRules(draft),
    ...hbaRules(draft),
    ...parameterRules(draft, parameters),
  ];
}
