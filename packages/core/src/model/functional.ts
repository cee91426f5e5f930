// The functional form: a model, or a layer of one's own, as a function of the layers that it is made of. Any acyclic network can be
// written so.
import { TabgradError } from "../errors.ts";
import { ShapeError } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { checkLayer, isLayer, type Layer, type LayerContext } from "./layer.ts";
import { optionsOf } from "./options.ts";
import { show } from "./role.ts";

/** The layers of a functional model by name; a list of them counts them, as PyTorch's `nn.ModuleList` does. */
export type NamedLayers = Readonly<Record<string, Layer | readonly Layer[]>>;

/** A layer as a function: from [rows, …] to [rows, …]. Each call applies the same parameters. */
export type LayerFunction = (x: Value) => Value;

/** The same names as functions. */
export type LayerFunctions<L extends NamedLayers> = {
  readonly [K in keyof L]: L[K] extends readonly Layer[] ? readonly LayerFunction[] : LayerFunction;
};

export interface FunctionalOptions {
  /** What a layer made so is called in messages and listings, where it is one line then. Default: its layers are listed instead. */
  readonly kind?: string;
  /** What sets it apart from others of its kind: "128 units". */
  readonly detail?: string;
}

/**
 * A model as PyTorch users write a module: the layers that it has, by name, and the function from its input to its output. The function
 * runs once, while the graph is built; beside the layers it may use every operation of `math`.
 *
 *     functional({ up: dense(256), down: dense(64) }, (x, { up, down }) => math.add(x, down(math.relu(up(x)))));
 *
 * Parameters are named by these names ("up.weight"; "blocks.0.weight" in a list). A layer that is called twice has one set of parameters.
 * @param forward from x [rows, …] to [rows, …]; the number of rows must not be built in. `context` makes parameters of its own.
 * @throws TabgradError MODEL_INVALID where a layer is none or is never called, or the function does not return a value
 */
export function functional<L extends NamedLayers>(
  layers: L,
  forward: (x: Value, layers: LayerFunctions<L>, context: LayerContext) => Value,
  options?: FunctionalOptions,
): Layer {
  const { kind, detail = "" } = optionsOf("functional", options, { kind: checkName, detail: checkName });
  const name = kind ?? "functional";
  const places = placesOf(name, layers);
  if (typeof forward !== "function") {
    const message = `${name}: the second argument is ${show(forward)}; expected the function from input to output`;
    throw new TabgradError(
      "MODEL_INVALID",
      message,
      "Write, for example, functional({ hidden: dense(8) }, (x, { hidden }) => hidden(x)).",
    );
  }
  return {
    role: "layer",
    kind: name,
    detail,
    transparent: kind === undefined,
    build(x, context) {
      const called = new Set<string>();
      const call =
        (path: string, layer: Layer): LayerFunction =>
        (input) => {
          if (!isValue(input))
            throw context.error(`the layer ${path} is given ${show(input)}`, "Give it x, or what another layer returned.");
          called.add(path);
          return context.layer(path, layer, input);
        };
      const functions = Object.fromEntries(
        Object.entries(layers).map(([key, entry]) => [
          key,
          isLayer(entry) ? call(key, entry) : entry.map((layer, i) => call(`${key}.${i}`, layer)),
        ]),
      ) as LayerFunctions<L>;
      const y = attempt(() => forward(x, functions, context), places, context);
      if (!isValue(y)) throw context.error(`its function returns ${show(y)}`, "Return what the last layer or operation gives.");
      const idle = places.find((path) => !called.has(path));
      if (idle !== undefined) throw context.error(`its layer ${idle} is never called`, "Call it in the function, or remove it.");
      return y;
    },
  };
}

/** Runs what a person wrote: what goes wrong in it is no defect of ours. */
function attempt(forward: () => unknown, places: readonly string[], context: LayerContext): unknown {
  try {
    return forward();
  } catch (error) {
    if (error instanceof TabgradError || error instanceof ShapeError || !(error instanceof Error)) throw error;
    const layers = places.length > 0 ? `Its layers are ${places.join(", ")}. ` : "";
    const remedy = `Correct the function. ${layers}They, and the operations of math, are given x or what others of them returned.`;
    throw context.error(`its function fails: ${error.message}`, remedy);
  }
}

function checkName(kind: string, option: string, value: unknown): void {
  if (typeof value === "string") return;
  const message = `${kind}: ${option} is ${show(value)}; expected a text`;
  throw new TabgradError("MODEL_INVALID", message, `Write, for example, ${option}: "feedForward".`);
}

/** The paths of the layers within the model. @throws TabgradError MODEL_INVALID */
function placesOf(kind: string, layers: NamedLayers): string[] {
  const given: unknown = layers;
  if (typeof given !== "object" || given === null || isLayer(given) || Array.isArray(given)) {
    const message = `${kind}: the first argument is ${show(given)}; expected layers by name`;
    throw new TabgradError(
      "MODEL_INVALID",
      message,
      "Write, for example, functional({ hidden: dense(8) }, (x, { hidden }) => hidden(x)).",
    );
  }
  return Object.entries(layers).flatMap(([name, entry]) => {
    if (name === "" || name.includes(".")) {
      const message = `${kind}: a layer is called "${name}"; expected a name without dots, which separate names in paths`;
      throw new TabgradError("MODEL_INVALID", message, "Give it a name like a variable's.");
    }
    const list: readonly unknown[] = Array.isArray(entry) ? entry : [entry];
    return list.map((layer, i) => {
      const path = Array.isArray(entry) ? `${name}.${i}` : name;
      checkLayer(kind, path, layer, `${name}: dense(128), or a list of layers`);
      return path;
    });
  });
}

const isValue = (value: unknown): value is Value =>
  typeof value === "object" && value !== null && "emitter" in value && "node" in value;
