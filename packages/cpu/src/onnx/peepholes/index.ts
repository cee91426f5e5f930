// The peepholes in the order in which they are tried. Each is worth its place in the measurements of README.md.
import type { Peephole } from "../lowering.ts";
import { batchedProductSum } from "./batched-product-sum.ts";
import { columnSum } from "./column-sum.ts";
import { condition } from "./condition.ts";
import { gemmAddend } from "./gemm-addend.ts";

export const peepholes: readonly Peephole[] = [gemmAddend, batchedProductSum, columnSum, condition];
