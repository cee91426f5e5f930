// The peepholes in the order in which they are tried. Each is worth its place in the measurements of README.md.
import type { Peephole } from "../lowering.ts";
import { batchedProductSum } from "./batched-product-sum.ts";
import { columnSum } from "./column-sum.ts";
import { condition } from "./condition.ts";
import { gemmAddend } from "./gemm-addend.ts";

export const peepholes: readonly Peephole[] = [gemmAddend, batchedProductSum, columnSum, condition];

/** Those that hold for any number of rows and keep to the standard's operators: for a model that leaves the house. */
export const exportedPeepholes: readonly Peephole[] = [gemmAddend, condition];
