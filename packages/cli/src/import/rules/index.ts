// The register of rules, by the names of the standard's operators: https://onnx.ai/onnx/operators/
import { convolutions } from "./convolution.ts";
import { elementwise } from "./elementwise.ts";
import { addAfterProduct, gemm, matmul } from "./linear.ts";
import { movement } from "./movement.ts";
import { normalisations } from "./normalisation.ts";
import { reductions } from "./reduction.ts";
import type { Rule } from "./rule.ts";

export const rules: Readonly<Record<string, Rule>> = {
  ...elementwise,
  Add: addAfterProduct(elementwise.Add),
  Gemm: gemm,
  MatMul: matmul,
  ...movement,
  ...reductions,
  ...convolutions,
  ...normalisations,
};
