// The peepholes in the order in which they are tried. Each is worth its place in the measurements of README.md.
import type { Peephole } from "../lowering.ts";
import { batchedProductSum } from "./batched-product-sum.ts";
import { columnSum } from "./column-sum.ts";
import { condition } from "./condition.ts";
import { convolutionBias } from "./convolution-bias.ts";
import { gemmAddend } from "./gemm-addend.ts";
import { layerNormalisation } from "./layer-normalisation.ts";
import { maxPoolByParts } from "./max-pool-by-parts.ts";

export const peepholes: readonly Peephole[] = [
  gemmAddend,
  convolutionBias,
  batchedProductSum,
  columnSum,
  maxPoolByParts,
  condition,
  layerNormalisation,
];

/** Those that hold for any number of rows and keep to the standard's operators: for a model that leaves the house. */
export const exportedPeepholes: readonly Peephole[] = [gemmAddend, convolutionBias, condition, layerNormalisation];
