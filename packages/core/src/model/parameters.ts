// The values that parameters begin with where no model was trained before: drawn from the seed.
import { parameterElements, parameterSlots, type Graph } from "../graph/graph.ts";
import { keyed } from "../random/index.ts";

/**
 * The flat parameter vector at the beginning of a run: every value is a function of (seed, index of the parameter, index of the value
 * in it), so it is the same on every machine.
 * @param seed a whole number from 0 to 2^32 − 1
 * @returns `parameterElements(graph)` values
 */
export function initialParameters(graph: Graph, seed: number): Float32Array<ArrayBuffer> {
  const parameters = new Float32Array(parameterElements(graph));
  parameterSlots(graph).forEach(({ initialisation, offset, elements }, index) => {
    const values = parameters.subarray(offset, offset + elements);
    switch (initialisation.kind) {
      case "constant":
        values.fill(initialisation.value);
        break;
      case "uniform":
        keyed(seed, "initialise", index).fillUniform(values, initialisation.low, initialisation.high);
        break;
      case "normal":
        keyed(seed, "initialise", index).fillNormal(values, initialisation.mean, initialisation.deviation);
        break;
      default:
        initialisation satisfies never;
    }
  });
  return parameters;
}
