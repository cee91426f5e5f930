// Compiles an elementwise graph to WebAssembly SIMD and runs it on vectors of a memory.
import { evaluate, type Graph } from "../graph/index.ts";
import { lowerVectorProgram } from "./lower.ts";
import type { VectorMemory } from "./memory.ts";
import { planVectorProgram, type VectorPlan } from "./plan.ts";
import { encodeModule, moduleNames } from "./wasm.ts";

const valueBytes = 4;

/** Which values to work on. */
export interface VectorCall {
  /** The first value, in each vector that `offsets` does not name. Default: 0. */
  readonly offset?: number;
  /** The first value in the vectors named here. */
  readonly offsets?: Readonly<Record<string, number>>;
  /** How many values. */
  readonly count: number;
  /** The scalar inputs, by name. */
  readonly scalars?: Readonly<Record<string, number>>;
}

/** Runs a program; returns its sums by name. */
export type BoundVectorProgram = (call: VectorCall) => Record<string, number>;

/** An elementwise graph, ready to run on any memory. */
export interface VectorProgram {
  /** The vectors that it reads and writes. */
  readonly vectors: readonly string[];
  /** The scalar inputs. */
  readonly scalars: readonly string[];
  /** The sums that a run returns. */
  readonly sums: readonly string[];
  /**
   * Makes it a function on the vectors of `memory`.
   * @param places where the program's vectors lie, if their names in the memory are others
   */
  bind(memory: VectorMemory, places?: Readonly<Record<string, string>>): BoundVectorProgram;
}

/**
 * Compiles a graph in which vectors are inputs of shape [rows] (batched) and scalars are inputs of shape []. An output of shape
 * [rows] is written to the vector of its name, which may be an input's; an output that is a sum of such a value is returned.
 *
 * - What depends on scalars alone is computed once in each run, in float64 by the reference evaluator, and rounded to float32 where
 *   it meets a vector. Everything else is float32, every operation rounded correctly, in the order of the graph: a value's result has
 *   the same bits (NaN apart: its sign and payload are the machine's choice) whatever the offset, the count and the machine.
 * - Sums are accumulated in float64 in a fixed order, products under a sum in float64 too. A sum has the same bits for the same
 *   offset and count; cut into other chunks, the chunks' sums add up to the same within float64 rounding.
 *
 * @throws TabgradError GRAPH_INVALID naming an operation that is not elementwise, or not known
 */
export function compileVectorProgram(graph: Graph): VectorProgram {
  const plan = planVectorProgram(graph);
  const module = new WebAssembly.Module(encodeModule(lowerVectorProgram(plan)));
  return {
    vectors: plan.vectors,
    scalars: plan.scalars,
    sums: plan.sums.map(([name]) => name),
    bind: (memory, places = {}) => bind(plan, module, memory, (name) => places[name] ?? name),
  };
}

function bind(
  plan: VectorPlan,
  module: WebAssembly.Module,
  memory: VectorMemory,
  placeOf: (name: string) => string,
): BoundVectorProgram {
  const imports = { [moduleNames.module]: { [moduleNames.memory]: memory.memory } };
  const { exports } = new WebAssembly.Instance(module, imports);
  // One result comes alone, several as an array.
  const run = exports[moduleNames.function] as (...parameters: number[]) => number | readonly number[] | undefined;
  const vectors = plan.vectors.map((name) => ({
    name,
    address: memory.address(placeOf(name)),
    length: memory.vector(placeOf(name)).length,
  }));
  const boundaryOf = boundaryValues(plan);
  const stored = new Set(plan.stores.map(([name]) => name));

  return ({ offset = 0, offsets = {}, count, scalars = {} }) => {
    const addresses = vectors.map(({ name, address, length }) => {
      const start = offsets[name] ?? offset;
      if (!(Number.isInteger(start) && Number.isInteger(count) && start >= 0 && count >= 0 && start + count <= length)) {
        throw new RangeError(`values ${start} to ${start + count} of vector ${name}, which has ${length}`);
      }
      return address + start * valueBytes;
    });
    checkOverlap(addresses, count, vectors, stored);
    const results = run(count, ...addresses, ...boundaryOf(scalars));
    const sums = typeof results === "number" ? [results] : (results ?? []);
    return Object.fromEntries(plan.sums.map(([name], i) => [name, sums[i]]));
  };
}

/** A vector that is written may be another one in the program too, value for value, but not shifted against it. */
function checkOverlap(
  addresses: readonly number[],
  count: number,
  vectors: readonly { name: string }[],
  stored: ReadonlySet<string>,
): void {
  for (let i = 0; i < addresses.length; i++) {
    if (!stored.has(vectors[i].name)) continue;
    for (let j = 0; j < addresses.length; j++) {
      const distance = Math.abs(addresses[i] - addresses[j]);
      if (distance > 0 && distance < count * valueBytes) {
        throw new RangeError(`the values of ${vectors[i].name} and ${vectors[j].name} overlap`);
      }
    }
  }
}

/** The scalars at the boundary; remembered, since the chunks of a vector come with the same scalars one after another. */
function boundaryValues({ boundary, scalarGraph, scalars: names }: VectorPlan) {
  let known: readonly number[] | undefined;
  let values: readonly number[] = [];
  return (scalars: Readonly<Record<string, number>>): readonly number[] => {
    const missing = names.find((name) => scalars[name] === undefined);
    if (missing !== undefined) throw new TypeError(`the scalar ${missing} is missing`);
    const given = names.map((name) => scalars[name]);
    const before = known;
    if (!before || given.some((value, i) => !Object.is(value, before[i]))) {
      const results = evaluate(scalarGraph, Object.fromEntries(names.map((name, i) => [name, [given[i]]])));
      values = boundary.map((_, i) => results[i].data[0]);
      known = given;
    }
    return values;
  };
}
