// An imported model as TypeScript: a sequential where each step follows the one before, the functional form otherwise. Weights get the
// names that the model gives its parameters.
import type { NamedTensor } from "@tabgrad/coordinator";
import { formatShape } from "@tabgrad/core";
import type { LayerForm, NamedWeight, Step } from "./step.ts";
import { hasTies, isBlank, isSame, isSameLayer, withSharedMatrices } from "./tied.ts";
import type { Translation } from "./translation.ts";

export interface ModelSource {
  readonly text: string;
  readonly weights: readonly NamedTensor[];
}

/** @param about the first lines, as comments */
export function modelSource({ steps, output }: Translation, about: readonly string[]): ModelSource {
  const isChain = steps.every(({ layer, inputs }, i) => layer && inputs.length === 1 && inputs[0] === i - 1);
  const { body, weights, names } =
    isChain && output.step === steps.length - 1 && !hasTies(steps)
      ? sequentialForm(steps)
      : functionalForm(withSharedMatrices(steps), output.step);
  const imports = [...names].sort((a, b) => a.localeCompare(b)).join(", ");
  const head = about.map((line) => `// ${line}\n`).join("");
  return { text: `${head}import { ${imports} } from "tabgrad";\n\nexport default ${body};\n`, weights };
}

interface Form {
  readonly body: string;
  readonly weights: readonly NamedTensor[];
  /** What is imported. */
  readonly names: ReadonlySet<string>;
}

function sequentialForm(steps: readonly Step[]): Form {
  const layers = steps.map(({ layer }) => layer!);
  const weights = layers.flatMap((layer, i) => namedWeights(`${i}`, layer));
  const body = `sequential(\n${layers.map(({ source }) => `  ${source},\n`).join("")})`;
  return { body, weights, names: new Set(["sequential", ...layers.map(functionOf)]) };
}

function functionalForm(steps: readonly Step[], output: number): Form {
  const layers = new LayerList();
  const names = new Names(steps);
  const parameters: { name: string; weight: NamedWeight; isFrozen: boolean }[] = [];
  const variable = (step: number): string => (step === -1 ? "x" : `h${step}`);
  const lines = steps.map((step, i) => {
    const inputs = step.inputs.map(variable);
    const isLayer = step.layer && (!step.expression || Object.keys(step.layer.weights).length > 0);
    if (isLayer) return `const ${variable(i)} = ${layers.nameOf(step.layer, names)}(${inputs.join(", ")});`;
    const own = step.parameters.map((weight) => {
      const { isFrozen = false } = weight;
      const isOne = ({ weight: other, ...one }: (typeof parameters)[number]): boolean =>
        other.name === weight.name && isSame(other, weight) && (!isBlank(weight) || (one.isFrozen && isFrozen));
      const known = parameters.find(isOne);
      if (known) {
        // What something else than a mask is, too, may learn.
        known.isFrozen &&= isFrozen;
        return known.name;
      }
      const name = names.take(weight.name, isFrozen ? "mask" : "parameter");
      parameters.push({ name, weight, isFrozen });
      return name;
    });
    return `const ${variable(i)} = ${step.expression!(inputs, own)};`;
  });
  const declared = parameters.map(
    ({ name, weight, isFrozen }) =>
      `const ${name} = context.${isFrozen ? "buffer" : "parameter"}("${name}", ${formatShape(weight.shape)}, { kind: "constant", value: 0 });`,
  );
  const list = [...layers.entries];
  const taken = list.length > 0 ? `{ ${list.map(({ name }) => name).join(", ")} }` : "_";
  const body = [
    "functional(",
    ...(list.length > 0 ? ["  {", ...list.map(({ name, layer }) => `    ${name}: ${layer.source},`), "  },"] : ["  {},"]),
    `  (x, ${taken}${parameters.length > 0 ? ", context" : ""}) => {`,
    ...[...declared, ...lines, `return ${variable(output)};`].map((line) => `    ${line}`),
    "  },",
    ")",
  ].join("\n");
  return {
    body,
    weights: [
      ...list.flatMap(({ name, layer }) => namedWeights(name, layer)),
      ...parameters.map(({ name, weight: { shape, data } }) => ({ name, shape, data })),
    ],
    names: new Set(["functional", ...(body.includes("math.") ? ["math"] : []), ...list.map(({ layer }) => functionOf(layer))]),
  };
}

const namedWeights = (path: string, { weights }: LayerForm): NamedTensor[] =>
  Object.entries(weights).map(([name, { shape, data }]) => ({ name: `${path}.${name}`, shape, data }));

/** "dense" of "dense(128)". */
const functionOf = ({ source }: LayerForm): string => source.slice(0, source.indexOf("("));

/** The layers of a functional model, each once: what has the same weights is the same layer, called again. */
class LayerList {
  readonly entries: { readonly name: string; readonly layer: LayerForm }[] = [];

  nameOf(layer: LayerForm, names: Names): string {
    const known =
      layer.hint !== undefined &&
      !Object.values(layer.weights).every(isBlank) &&
      this.entries.find((entry) => isSameLayer(entry.layer, layer));
    if (known) return known.name;
    const name = names.take(layer.hint ?? "", functionOf(layer));
    this.entries.push({ name, layer });
    return name;
  }
}

/** What a variable in the source must not be called. */
const reserved =
  "x _ math context functional arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with yield";

/** Names of variables and of parameters, each once. */
class Names {
  private readonly taken: Set<string>;

  constructor(steps: readonly Step[]) {
    this.taken = new Set(reserved.split(" "));
    steps.forEach(({ layer }, i) => {
      this.taken.add(`h${i}`);
      if (layer) this.taken.add(functionOf(layer));
    });
  }

  /** @param tensor what the original calls the weights: "layer1.0.conv.weight" */
  take(tensor: string, kind: string): string {
    // PyTorch numbers weights that it has changed: their names say nothing.
    const stem = tensor
      .replace(/^onnx::.*/, "")
      .replace(/[._/]?(weight|bias)$/, "")
      .replaceAll(/[^A-Za-z0-9]+/g, "_")
      .replace(/^_+|_+$/g, "");
    const base = stem === "" || /^\d/.test(stem) ? `${kind}${stem === "" ? "" : `_${stem}`}` : stem;
    let name = base;
    for (let i = 1; this.taken.has(name); i++) name = `${base}${i}`;
    this.taken.add(name);
    return name;
  }
}
