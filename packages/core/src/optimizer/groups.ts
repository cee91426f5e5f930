// Parameter groups: parameters that are trained in another way than the rest, or not at all, told by patterns of their names.
import { z } from "zod";
import { TabgradError } from "../errors.ts";
import type { ParameterSlot } from "../graph/graph.ts";
import { notNegative, positive } from "./settings.ts";
import type { OptimizerSettings } from "./spec.ts";

/** Settings for the parameters whose names match. What a parameter's groups do not say, the optimizer does; later groups win. */
export interface ParameterGroup {
  /** Names, or patterns in which `*` stands for any characters: "*.bias", "0.*". */
  readonly parameters: string | readonly string[];
  /** η, above 0; a schedule and a change on the dashboard scale it as they scale the optimizer's. */
  readonly learningRate?: number;
  /** λ, 0 or above. */
  readonly weightDecay?: number;
  /** They keep their values. Default: false. */
  readonly frozen?: boolean;
}

const pattern = z
  .string({ error: 'expected a name or a pattern such as "*.bias"' })
  .min(1, { error: 'expected a name or a pattern such as "*.bias", not an empty one' });

/** Checks one of a run file's `parameterGroups`. */
export const parameterGroupSchema = z.strictObject({
  parameters: z.union([pattern, z.array(pattern).min(1)], {
    error: 'expected a name, a pattern such as "*.bias", or a list of them',
  }),
  learningRate: positive.optional(),
  weightDecay: notNegative.optional(),
  frozen: z.boolean({ error: "expected true or false" }).optional(),
}) satisfies z.ZodType<ParameterGroup>;

/** A stretch of the flat vector that is trained in one way. */
export interface VectorPart {
  /** In values, as `count`. */
  readonly offset: number;
  readonly count: number;
  /** Times the learning rate of the step. */
  readonly rateFactor: number;
  readonly weightDecay: number;
  readonly frozen: boolean;
  /** Of running statistics: how far they move in a step, whatever the optimizer does. Others have none. */
  readonly momentum?: number;
}

/**
 * The flat vector as its groups divide it, in order, without gaps; neighbours that are trained alike are one part.
 * @param slots the layout of the flat vector
 * @throws TabgradError RUN_FILE_INVALID where a pattern matches nothing, or nothing is left to train
 */
export function vectorParts(
  settings: OptimizerSettings,
  groups: readonly ParameterGroup[],
  slots: readonly (Pick<ParameterSlot, "name" | "momentum" | "offset" | "elements"> & { readonly frozen?: boolean })[],
): VectorPart[] {
  checkPatterns(
    groups,
    slots.map(({ name }) => name),
  );
  const parts: VectorPart[] = [];
  for (const { momentum, offset, elements, ...slot } of slots) {
    const trained = settingsOf(settings, groups, slot);
    const own = momentum === undefined ? trained : { rateFactor: 1, weightDecay: 0, frozen: trained.frozen, momentum };
    const last = parts.at(-1);
    const isSame =
      last &&
      (["rateFactor", "weightDecay", "frozen", "momentum"] as const).every(
        (field) => last[field] === (own as Partial<VectorPart>)[field],
      );
    if (isSame) parts[parts.length - 1] = { ...last, count: last.count + elements };
    else parts.push({ offset, count: elements, ...own });
  }
  if (parts.length > 0 && parts.every(({ frozen, momentum }) => frozen || momentum !== undefined)) {
    throw new TabgradError(
      "RUN_FILE_INVALID",
      "parameterGroups: all parameters of the model are frozen, so there is nothing to train",
      "Leave some parameters out of the frozen groups.",
    );
  }
  return parts;
}

/** The names of the parameters that keep their values. */
export const frozenNames = (
  groups: readonly ParameterGroup[],
  slots: readonly Pick<ParameterSlot, "name" | "frozen">[],
): string[] => slots.filter(({ name, frozen }) => lastOf(groups, name, "frozen") ?? frozen).map(({ name }) => name);

function settingsOf(
  { learningRate, weightDecay }: OptimizerSettings,
  groups: readonly ParameterGroup[],
  { name, frozen = false }: { readonly name: string; readonly frozen?: boolean },
): Pick<VectorPart, "rateFactor" | "weightDecay" | "frozen"> {
  return {
    rateFactor: (lastOf(groups, name, "learningRate") ?? learningRate) / learningRate,
    weightDecay: lastOf(groups, name, "weightDecay") ?? weightDecay,
    frozen: lastOf(groups, name, "frozen") ?? frozen,
  };
}

function lastOf<F extends "learningRate" | "weightDecay" | "frozen">(
  groups: readonly ParameterGroup[],
  name: string,
  field: F,
): ParameterGroup[F] {
  return groups.findLast((group) => group[field] !== undefined && patternsOf(group).some((one) => matches(one, name)))?.[field];
}

const patternsOf = ({ parameters }: ParameterGroup): readonly string[] =>
  typeof parameters === "string" ? [parameters] : parameters;

/** Whether the name is the pattern's, in which `*` stands for any characters. */
function matches(one: string, name: string): boolean {
  const pieces = one.split("*").map((piece) => piece.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pieces.join(".*")}$`, "s").test(name);
}

function checkPatterns(groups: readonly ParameterGroup[], names: readonly string[]): void {
  groups.forEach((group, i) => {
    for (const one of patternsOf(group)) {
      if (names.some((name) => matches(one, name))) continue;
      const shown = names.length > 12 ? [...names.slice(0, 12), `${names.length - 12} more`] : names;
      throw new TabgradError(
        "RUN_FILE_INVALID",
        `parameterGroups[${i}].parameters: "${one}" matches no parameter of the model, which has ${shown.join(", ")}`,
        'Name one of these, or a pattern in which * stands for any characters, such as "*.bias".',
      );
    }
  });
}
