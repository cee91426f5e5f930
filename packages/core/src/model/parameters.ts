// The values that parameters begin with where no model was trained before: drawn from the seed.
import { TabgradError } from "../errors.ts";
import { parameterElements, parameterSlots, type Graph } from "../graph/graph.ts";
import { formatShape } from "../graph/shape.ts";
import { keyed } from "../random/index.ts";

/**
 * The flat parameter vector at the beginning of a run: every value is a function of (seed, index of the parameter, index of the value
 * in it), so it is the same on every machine.
 * @param seed a whole number from 0 to 2^32 − 1
 * @returns `parameterElements(graph)` values
 * @throws TabgradError MODEL_TOO_LARGE where they need more than 4 GiB, or more than the machine gives
 */
export function initialParameters(graph: Graph, seed: number): Float32Array<ArrayBuffer> {
  const parameters = allocate(graph);
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

/** What one vector may take, as everywhere else. */
const maxBytes = 2 ** 32;

function allocate(graph: Graph): Float32Array<ArrayBuffer> {
  const elements = parameterElements(graph);
  const tooLarge = (why: string, cause?: unknown): TabgradError => {
    const largest = parameterSlots(graph).reduce((a, b) => (b.elements > a.elements ? b : a));
    const size = `${elements.toLocaleString("en")} parameters, ${((4 * elements) / 2 ** 30).toFixed(1)} GiB`;
    const message = `The model has ${size}, most of them in ${largest.name} ${formatShape(largest.shape)}; ${why}`;
    return new TabgradError("MODEL_TOO_LARGE", message, "Make that layer narrower, or what it is given smaller.", { cause });
  };
  if (4 * elements > maxBytes) throw tooLarge("at most 4 GiB can be held");
  try {
    return new Float32Array(elements);
  } catch (cause) {
    throw tooLarge("this machine does not give that", cause);
  }
}
