// One layer after the other.
import { TabgradError } from "../errors.ts";
import { checkLayer, type Layer } from "./layer.ts";

/**
 * A model of layers in a row: each takes the output of the one before. Parameters are named as PyTorch's `nn.Sequential` names them,
 * by position: `sequential(dense(8), relu(), dense(2))` has "0.weight", "0.bias", "2.weight" and "2.bias". A sequential is itself a
 * layer, so it can stand in another; names then nest ("2.0.weight"). The same layer object in two places has one set of parameters,
 * named after the first.
 * @throws TabgradError MODEL_INVALID if one of the arguments is not a layer
 */
export function sequential(...layers: Layer[]): Layer {
  layers.forEach((layer: unknown, i) => checkLayer("sequential", `layer ${i}`, layer, "sequential(dense(128), relu(), dense(10))"));
  if (layers.length === 0) {
    throw new TabgradError("MODEL_INVALID", "sequential: there are no layers", "Give at least one: sequential(dense(10)).");
  }
  return {
    role: "layer",
    kind: "sequential",
    detail: "",
    transparent: true,
    takesVector: layers[0].takesVector,
    build: (x, context) =>
      layers.reduce((value, layer, i) => context.layer(`${i}`, layer, value, layers[i + 1] ?? context.next), x),
  };
}
