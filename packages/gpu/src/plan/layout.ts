// Where parameters and results lie in their buffers. Each starts at a multiple of the alignment, so that a kernel can bind it by
// itself and read it by four, in float32 or in f16; the flat vector of the host has no such gaps, and this is the one place that knows
// both.
import { elementCount, gradientPrefix, hasLoss, parameterSlots, sampleSums, type Graph, type ParameterSlot } from "@tabgrad/core";
import { aligned } from "./tensor.ts";

export interface Segment {
  /** In the host's flat vector, in elements. */
  readonly host: number;
  /** In the device's buffer, in elements. */
  readonly device: number;
  readonly elements: number;
}

export interface Layout {
  /** By parameter name. */
  readonly parameters: ReadonlyMap<string, Segment>;
  /** Elements of the parameter buffer. */
  readonly parameterElements: number;
  /** By output name; of a gradient, `host` is its parameter's place in the flat vector, of a sum its number. */
  readonly results: ReadonlyMap<string, Segment>;
  /** The sums come first in the result buffer, in this order: the loss, then the metrics. */
  readonly sums: readonly string[];
  /** What has no gradient: frozen parameters' places in the flat vector. */
  readonly frozen: readonly Pick<ParameterSlot, "offset" | "elements">[];
  /** Elements of the result buffer that hold sums. */
  readonly sumElements: number;
  readonly resultElements: number;
}

/** @param forward a model's forward graph; one without a loss has no results, only parameters */
export function layoutOf(forward: Graph): Layout {
  const parameters = new Map<string, Segment>();
  const results = new Map<string, Segment>();
  const trainable = hasLoss(forward);
  let sumElements = 0;
  const sums = trainable ? sampleSums(forward) : [];
  sums.forEach(({ name, elements }, i) => {
    results.set(name, { host: i, device: sumElements, elements });
    sumElements += aligned(elements);
  });
  let parameterElements = 0;
  let resultElements = sumElements;
  const slots = parameterSlots(forward);
  for (const { name, offset, shape, frozen } of slots) {
    const elements = elementCount(shape);
    parameters.set(name, { host: offset, device: parameterElements, elements });
    parameterElements += 2 * aligned(elements / 2);
    if (!trainable || frozen) continue;
    results.set(gradientPrefix + name, { host: offset, device: resultElements, elements });
    resultElements += aligned(elements);
  }
  const frozen = slots.filter((slot) => slot.frozen);
  return { parameters, parameterElements, results, sums: sums.map(({ name }) => name), frozen, sumElements, resultElements };
}

/** The same parameters, with one output as the only result. */
export function layoutOfOutput(layout: Layout, name: string, elements: number): Layout {
  const results = new Map([[name, { host: 0, device: 0, elements }]]);
  return { ...layout, results, sums: [], sumElements: 0, resultElements: aligned(elements) };
}

/** Segments that follow each other without a gap on both sides, joined, so that they are copied at once. */
export function joined(segments: Iterable<Segment>): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    const last = result[result.length - 1];
    if (last && last.host + last.elements === segment.host && last.device + last.elements === segment.device) {
      result[result.length - 1] = { ...last, elements: last.elements + segment.elements };
    } else {
      result.push(segment);
    }
  }
  return result;
}
