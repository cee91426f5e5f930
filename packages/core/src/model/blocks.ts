// Blocks: values that go past layers, and values that go through several of them side by side.
import * as math from "../graph/math.ts";
import { TabgradError } from "../errors.ts";
import { formatShape, sameShape, type Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { checkLayer, type Layer, type LayerContext } from "./layer.ts";
import { optionsOf, type OptionChecks } from "./options.ts";
import { show } from "./role.ts";
import { sequential } from "./sequential.ts";

export interface ResidualOptions {
  /** What the input passes on the way around, where the layers change its shape: `conv2d(64, 1, { stride: 2 })`. Default: nothing. */
  readonly shortcut?: Layer;
}

/**
 * y = f(x) + x, f being the layers one after another; with a shortcut s, y = f(x) + s(x). Gradients reach what stands before without
 * passing f. The layers' parameters are named by position ("0.weight"), the shortcut's "shortcut.weight".
 * He, Zhang, Ren & Sun 2016, https://arxiv.org/abs/1512.03385
 *
 *     residual(dense(64), relu(), dense(64))
 *     residual(dense(32), relu(), dense(32), { shortcut: dense(32) })
 *
 * @throws TabgradError MODEL_INVALID where an argument is not a layer, or f(x) and what goes around differ in shape
 */
export function residual(...args: Layer[] | [...Layer[], ResidualOptions]): Layer {
  const { layers, options } = split<ResidualOptions>("residual", args, {
    shortcut: (kind, name, value) => checkLayer(kind, name, value, "{ shortcut: dense(64) }"),
  });
  const { shortcut } = options;
  const body = sequential(...layers);
  return {
    role: "layer",
    kind: "residual",
    detail: kindsOf(layers),
    build(x, context) {
      const through = body.build(x, context);
      const around = shortcut ? context.layer("shortcut", shortcut, x) : x;
      if (!sameShape(through.shape, around.shape)) {
        const [inner, outer] = [through, around].map(({ shape }) => formatShape(shape.slice(1)));
        throw context.error(
          `the layers give ${inner} for each sample, and ${shortcut ? "the shortcut" : "its input is"} ${outer}; they are added up`,
          shortcut ? "Let both give the same shape." : "Keep the shape, or give a layer that changes it: { shortcut: dense(64) }.",
        );
      }
      return math.add(through, around);
    },
  };
}

export interface ParallelOptions {
  /** How the branches come together: added up, or one after another along a dimension. Default: "sum". */
  readonly join?: "sum" | "concatenate";
  /**
   * Of "concatenate": the dimension of a sample, counted from 0, or from -1 at the end. Default: the channels, which are the first of
   * [channels, height, width], and the last of any other sample.
   */
  readonly axis?: number;
}

/**
 * Several layers side by side, each of which takes the input: y = Σᵢ fᵢ(x), or with `{ join: "concatenate" }` y = [f₀(x), f₁(x), …].
 * Branches are numbered: "0.weight", "1.weight"; a branch of several layers is a `sequential`.
 * Szegedy et al. 2015, https://arxiv.org/abs/1409.4842
 *
 *     parallel(dense(16), sequential(dense(8), relu()), { join: "concatenate" })
 *
 * @throws TabgradError MODEL_INVALID where an argument is not a layer, or the branches do not fit together
 */
export function parallel(...args: Layer[] | [...Layer[], ParallelOptions]): Layer {
  const { layers, options } = split<ParallelOptions>("parallel", args, { join: checkJoin, axis: checkAxis });
  const { join = "sum", axis } = options;
  return {
    role: "layer",
    kind: "parallel",
    detail: `${layers.length} branches, ${join === "sum" ? "added up" : "joined"}`,
    takesVector: layers.every((layer) => layer.takesVector),
    build(x, context) {
      const branches = layers.map((layer, i) => context.layer(`${i}`, layer, x, context.next));
      if (join === "sum") {
        checkBranches(branches, undefined, context);
        return branches.reduce((sum, branch) => math.add(sum, branch));
      }
      const rank = branches[0].shape.length - 1;
      const along = axis ?? (rank === 3 ? 0 : -1);
      if (along < -rank || along >= rank) {
        const message = `a branch gives ${formatShape(branches[0].shape.slice(1))} for each sample, which has no dimension ${along}`;
        throw context.error(message, "Count a sample's dimensions from 0, or leave axis out.");
      }
      const place = 1 + (along < 0 ? along + rank : along);
      checkBranches(branches, place, context);
      return math.concatenate(branches, place);
    },
  };
}

function checkJoin(kind: string, name: string, join: unknown): void {
  if (join === "sum" || join === "concatenate") return;
  const message = `${kind}: ${name} is ${show(join)}; expected "sum" or "concatenate"`;
  throw new TabgradError("MODEL_INVALID", message, "Leave it out for a sum.");
}

function checkAxis(kind: string, name: string, axis: unknown): void {
  if (Number.isSafeInteger(axis)) return;
  const message = `${kind}: ${name} is ${show(axis)}; expected a whole number`;
  throw new TabgradError("MODEL_INVALID", message, "Count a sample's dimensions from 0.");
}

/** @param free the axis along which shapes may differ */
function checkBranches(branches: readonly Value[], free: number | undefined, context: LayerContext): void {
  const bound = ({ shape }: Value): Shape => shape.map((dimension, axis) => (axis === free ? 0 : dimension));
  const other = branches.findIndex((branch) => !sameShape(bound(branch), bound(branches[0])));
  if (other === -1) return;
  const [first, second] = [branches[0], branches[other]].map(({ shape }) => formatShape(shape.slice(1)));
  const [what, remedy] =
    free === undefined
      ? ["they are added up", 'Let all branches give the same shape, or join them with { join: "concatenate" }.']
      : [
          `they are joined along dimension ${free - 1}`,
          "Let the other dimensions be the same in all branches, or join along another axis.",
        ];
  throw context.error(`branch 0 gives ${first} for each sample and branch ${other} ${second}; ${what}`, remedy);
}

/** Layers, and options behind them if the last argument is not a layer. @throws TabgradError MODEL_INVALID */
function split<Options extends object>(
  kind: string,
  args: readonly (Layer | Options)[],
  checks: OptionChecks<Options>,
): { layers: Layer[]; options: Partial<Options> } {
  const last: unknown = args[args.length - 1];
  const hasOptions = typeof last === "object" && last !== null && !("role" in last) && !Array.isArray(last);
  const layers = (hasOptions ? args.slice(0, -1) : args).map((layer: unknown, i) => {
    checkLayer(kind, `layer ${i}`, layer, `${kind}(dense(64), dense(64))`);
    return layer;
  });
  if (layers.length === 0)
    throw new TabgradError("MODEL_INVALID", `${kind}: there are no layers`, `Give at least one: ${kind}(dense(64)).`);
  return { layers, options: optionsOf(kind, hasOptions ? (last as Options) : undefined, checks) };
}

/** "dense, relu, dense", for a listing. */
function kindsOf(layers: readonly Layer[]): string {
  const kinds = layers.map(({ kind }) => kind);
  return kinds.length > 5 ? `${kinds.slice(0, 4).join(", ")} and ${kinds.length - 4} more` : kinds.join(", ");
}
