// Whether an imported model says what the original says: the one on our engine, the other in ONNX Runtime.
import { createNodeCpuEngine, openOnnxFile } from "@tabgrad/cpu/node";
import {
  elementCount,
  featuresField,
  initialParameters,
  parametersFrom,
  parameterSlots,
  predictionGraph,
  type Layer,
} from "@tabgrad/core";
import type { NamedTensor } from "@tabgrad/coordinator";
import { relativeDifference } from "../export/onnx.ts";
import { sampleInputs } from "../export/sample-inputs.ts";
import type { Translation } from "./translation.ts";

/** More than rounding in another order of addition explains. */
const tolerance = 1e-3;

/**
 * @param path of the original
 * @returns the largest difference, in units of the largest value
 * @throws Error where they differ: that is a defect of ours
 */
export async function compareWithOriginal(
  path: string,
  model: Layer,
  weights: readonly NamedTensor[],
  { input, output }: Translation,
): Promise<number> {
  const features = { shape: input.shape, scale: 1, shift: 0 };
  const graph = predictionGraph(model, features);
  const tensors = new Map(weights.map((tensor) => [tensor.name, tensor]));
  const slots = parameterSlots(graph);
  const initial = initialParameters(graph, 0);
  const { parameters, missing, unused } =
    slots.length > 0 ? parametersFrom(slots, tensors, initial) : { parameters: initial, missing: [], unused: [...tensors.keys()] };
  if (missing.length > 0 || unused.length > 0) {
    throw new Error(`weights have other names than parameters: ${[...missing, ...unused].join(", ")}`);
  }
  const engine = await createNodeCpuEngine();
  const original = await openOnnxFile(path);
  try {
    const program = await engine.compile(graph);
    await program.setParameters(parameters);
    let difference = 0;
    for (const rows of input.rows === undefined ? [1, 2, 5] : [input.rows]) {
      const data = sampleInputs(graph, features, rows, rows);
      const expected = (await original.run({ [input.name]: { data, shape: [rows, ...input.shape] } }))[output.name];
      const found = await program.predict({
        rows,
        samples: rows,
        inputs: { [featuresField]: data },
        weights: new Float32Array(rows),
      });
      if (elementCount(expected.shape) !== found.length)
        throw new Error(`${output.name} has another shape than the imported model's`);
      difference = Math.max(difference, relativeDifference(found, expected.data));
    }
    if (difference <= tolerance) return difference;
    throw new Error(`the imported model is off by ${difference.toExponential(1)} of the original's results`);
  } finally {
    await original.close();
    await engine.close();
  }
}
