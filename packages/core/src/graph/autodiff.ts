// Reverse-mode differentiation, symbolic: the gradient is more graph. Baydin et al. 2018, https://www.jmlr.org/papers/v18/17-468.html
import { TabgradError } from "../errors.ts";
import type { GraphBuilder } from "./builder.ts";
import { add, constant } from "./math.ts";
import { definitionOf } from "./operations/index.ts";
import type { Value } from "./value.ts";

/**
 * d `loss` / d each of `targets`.
 * @param loss one number (shape [])
 * @returns one value for each target, of the target's shape; zeros for a target that the loss does not depend on
 * @throws TabgradError GRAPH_INVALID if an operation on the way has no gradient rule
 */
export function gradients(builder: GraphBuilder, loss: Value, targets: readonly Value[]): Value[] {
  if (loss.shape.length !== 0) throw new Error(`the loss must be one number, not of shape [${loss.shape.join(", ")}]`);
  const needed = dependents(builder, targets, loss.node);
  const upstreams = new Map<number, Value>([[loss.node, constant(loss, 1)]]);

  for (let index = loss.node; index >= 0; index--) {
    const upstream = upstreams.get(index);
    const node = builder.nodes[index];
    if (!upstream || !needed[index] || node.inputs.length === 0) continue;
    const rule = definitionOf(node.operation).gradient;
    if (!rule) {
      throw new TabgradError(
        "GRAPH_INVALID",
        `${node.label}: ${node.operation} has no gradient`,
        "Use it only where no parameter precedes it.",
      );
    }
    const parts = builder.scope(`${node.label || node.operation} gradient`, () =>
      rule({
        inputs: node.inputs.map((input) => builder.valueOf(input)),
        output: builder.valueOf(index),
        attributes: node.attributes,
        upstream,
        needs: node.inputs.map((input) => needed[input]),
      }),
    );
    node.inputs.forEach((input, i) => {
      const part = parts[i];
      if (!part || !needed[input]) return;
      const before = upstreams.get(input);
      upstreams.set(input, before ? add(before, part) : part);
    });
  }
  return targets.map((target) => upstreams.get(target.node) ?? zeros(target));
}

/** For each node up to `last`: does its value depend on one of the targets? */
function dependents(builder: GraphBuilder, targets: readonly Value[], last: number): boolean[] {
  const chosen = new Set(targets.map((target) => target.node));
  const result: boolean[] = [];
  for (let index = 0; index <= last; index++) {
    result.push(chosen.has(index) || builder.nodes[index].inputs.some((input) => result[input]));
  }
  return result;
}

const zeros = (target: Value): Value => constant(target, 0, target.shape);
