// The optimizers there are. A new one is a file like sgd.ts and a line in each of these lists.
import { z } from "zod";
import { adamRule, adamSpecSchema, type AdamSpec } from "./adam.ts";
import { adamWRule, adamWSpecSchema, type AdamWSpec } from "./adam-w.ts";
import type { UpdateRule } from "./rule.ts";
import { sgdRule, sgdSpecSchema, type SgdSpec } from "./sgd.ts";

/** The `optimizer` of a run file. */
export type OptimizerSpec = SgdSpec | AdamSpec | AdamWSpec;

/** Checks the `optimizer` of a run file and fills in the defaults. */
export const optimizerSpecSchema = z.discriminatedUnion("kind", [sgdSpecSchema, adamSpecSchema, adamWSpecSchema], {
  error: "expected an optimizer made by sgd({ … }), adam({ … }) or adamW({ … })",
});

/** An optimizer spec with every setting stated. */
export type OptimizerSettings = z.output<typeof optimizerSpecSchema>;

export function updateRule(settings: OptimizerSettings): UpdateRule {
  switch (settings.kind) {
    case "sgd":
      return sgdRule(settings);
    case "adam":
      return adamRule(settings);
    case "adamW":
      return adamWRule(settings);
    default:
      return settings satisfies never;
  }
}
