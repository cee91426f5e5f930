// The optimizers there are. A new one is a file like sgd.ts and a line in each of these lists.
import { z } from "zod";
import { adagradRule, adagradSpecSchema, type AdagradSpec } from "./adagrad.ts";
import { adamRule, adamSpecSchema, type AdamSpec } from "./adam.ts";
import { adamWRule, adamWSpecSchema, type AdamWSpec } from "./adam-w.ts";
import { lionRule, lionSpecSchema, type LionSpec } from "./lion.ts";
import { rmsPropRule, rmsPropSpecSchema, type RmsPropSpec } from "./rms-prop.ts";
import type { UpdateRule } from "./rule.ts";
import { sgdRule, sgdSpecSchema, type SgdSpec } from "./sgd.ts";

/** The `optimizer` of a run file. */
export type OptimizerSpec = SgdSpec | AdamSpec | AdamWSpec | RmsPropSpec | LionSpec | AdagradSpec;

const schemas = [sgdSpecSchema, adamSpecSchema, adamWSpecSchema, rmsPropSpecSchema, lionSpecSchema, adagradSpecSchema] as const;

/** Checks the `optimizer` of a run file and fills in the defaults. */
export const optimizerSpecSchema = z.discriminatedUnion("kind", schemas, {
  error: "expected an optimizer made by sgd, adam, adamW, rmsProp, lion or adagrad, such as adam({ … })",
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
    case "rmsProp":
      return rmsPropRule(settings);
    case "lion":
      return lionRule(settings);
    case "adagrad":
      return adagradRule(settings);
    default:
      return settings satisfies never;
  }
}
