// From a graph with known shapes to a list of dispatches over tensors. No device is needed: the result is text and numbers.
import { elementCount, formatShape, TabgradError, type Graph, type Node, type Precision, type Shape } from "@tabgrad/core";
import { anchorLowering, asAny, loweringOf } from "../kernels/index.ts";
import { widen } from "../kernels/elementwise.ts";
import type { AnchorContext } from "../kernels/lowering.ts";
import { plus, times } from "../wgsl/index-arithmetic.ts";
import { Block, Position } from "../wgsl/position.ts";
import { Shader, type Dispatch } from "../wgsl/shader.ts";
import { Emitter, lanesFor } from "./emitter.ts";
import { fuse, type Group } from "./fusion.ts";
import type { Layout } from "./layout.ts";
import { nestConcatenations } from "./nest-concatenations.ts";
import { isProduct, storageTypes } from "./storage.ts";
import { bytesOf, type ElementType, type Tensor } from "./tensor.ts";

/** What shapes a program beside its graph: the limits of a device, and how values are stored there. */
export interface Limits {
  /** Default: "float32". */
  readonly precision?: Precision;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
}

export interface Lowered {
  readonly tensors: readonly Tensor[];
  /** In the order in which they run. */
  readonly dispatches: readonly Dispatch[];
  readonly inputs: readonly { readonly name: string; readonly shape: Shape; readonly tensor: Tensor }[];
}

/** Threads of a workgroup in a plain loop. */
const loopWorkgroup = 64;

/**
 * @param graph a training, evaluation or inference graph: its outputs are added to the results
 * @throws TabgradError ENGINE_UNSUPPORTED for an operation without a kernel, or a tensor larger than a binding
 */
export function lower(graph: Graph, layout: Layout, limits: Limits): Lowered {
  checkOperations(graph);
  // One binding is the result's.
  return new Lowerer(nestConcatenations(graph, limits.maxStorageBuffersPerShaderStage - 1), layout, limits).run();
}

/** @throws TabgradError ENGINE_UNSUPPORTED naming the operation */
export function checkOperations(graph: Graph): void {
  const unknown = graph.nodes.find((node) => !loweringOf(node));
  if (!unknown) return;
  const where = unknown.label ? `${unknown.label}: ` : "";
  throw new TabgradError(
    "ENGINE_UNSUPPORTED",
    `${where}the gpu engine has no kernel for ${unknown.operation}`,
    "Use --engine cpu.",
  );
}

class Lowerer {
  private readonly graph: Graph;
  private readonly layout: Layout;
  private readonly limits: Limits;
  private readonly owners: ReadonlyMap<number, number>;
  private readonly groups: readonly Group[];
  private readonly types: readonly ElementType[];
  private readonly tensors: Tensor[] = [];
  private readonly halves = new Map<number, Tensor>();
  private readonly ownTensors = new Map<number, Tensor>();

  constructor(graph: Graph, layout: Layout, limits: Limits) {
    this.graph = graph;
    this.layout = layout;
    this.limits = limits;
    ({ owners: this.owners, groups: this.groups } = fuse(graph, limits.maxStorageBuffersPerShaderStage));
    this.types = storageTypes(graph, this.owners, limits.precision ?? "float32");
  }

  run(): Lowered {
    const dispatches = this.groups.flatMap((group) => this.dispatchesOf(group));
    const inputs = this.graph.nodes.flatMap((node, index) =>
      node.operation === "input" ? [{ name: node.attributes.name, shape: node.shape, tensor: this.tensorOf(index)! }] : [],
    );
    return { tensors: this.tensors, dispatches, inputs };
  }

  private readonly tensorOf = (node: number): Tensor | undefined => {
    const owner = this.owners.get(node);
    if (owner === undefined) return undefined;
    let tensor = this.ownTensors.get(owner);
    if (!tensor) this.ownTensors.set(owner, (tensor = this.makeTensor(owner)));
    return tensor;
  };

  /** What an anchor reads from memory. Products have copies in f16 of the parameters that they read, where the run is in mixed precision. */
  private operandOf(node: Node, input: number): Tensor {
    const owner = this.owners.get(node.inputs[input])!;
    const parameter = this.graph.nodes[owner];
    if (this.limits.precision !== "mixed" || !isProduct(node) || parameter.operation !== "parameter") return this.tensorOf(owner)!;
    let half = this.halves.get(owner);
    if (!half) this.halves.set(owner, (half = this.add({ ...this.tensorOf(owner)!, storage: "half", type: "f16" }, parameter)));
    return half;
  }

  private makeTensor(index: number): Tensor {
    const node = this.graph.nodes[index];
    const type = this.types[index];
    const elements = elementCount(node.shape);
    if (node.operation === "parameter") {
      return this.add(
        { storage: "parameter", elements, type, offset: this.layout.parameters.get(node.attributes.name)!.device },
        node,
      );
    }
    if (node.operation === "constant")
      return this.add({ storage: "constant", elements, type, values: node.attributes.values }, node);
    return this.add({ storage: "arena", elements, type }, node);
  }

  private add(tensor: Omit<Tensor, "id">, node: Node): Tensor {
    const bytes = tensor.elements * bytesOf[tensor.type];
    if (bytes > this.limits.maxStorageBufferBindingSize) {
      throw new TabgradError(
        "ENGINE_UNSUPPORTED",
        `${node.label || node.operation}: a tensor of shape ${formatShape(node.shape)} takes ${bytes} bytes; this GPU binds at most ${this.limits.maxStorageBufferBindingSize}`,
        "Use a smaller microbatch, a smaller layer, or --engine cpu.",
      );
    }
    const added = { ...tensor, id: this.tensors.length };
    this.tensors.push(added);
    return added;
  }

  private dispatchesOf(group: Group): Dispatch[] {
    const root = this.graph.nodes[group.root];
    // Adding zero to a result is doing nothing.
    if (group.output !== undefined && root.operation === "constant" && root.attributes.values.every((value) => value === 0))
      return [];
    const target = this.targetOf(group, root);
    return group.anchor === undefined ? [this.loop(group, root, target)] : this.anchored(group, root, target);
  }

  private targetOf({ output, root: index }: Group, root: Node): Tensor {
    if (output === undefined) return this.tensorOf(index)!;
    const segment = this.layout.results.get(output)!;
    return this.add({ storage: "result", elements: segment.elements, type: "f32", offset: segment.device }, root);
  }

  /** A kernel without an anchor: each thread computes one element, or four. */
  private loop({ root: index, output }: Group, root: Node, target: Tensor): Dispatch {
    const shader = new Shader(labelOf(root));
    const result = shader.writes(target, output !== undefined);
    const lanes = lanesFor(root.shape);
    const threads = elementCount(root.shape) / lanes;
    const block = new Block();
    const thread = block.define("thread", plus(times("group", loopWorkgroup), "local"));
    if (threads % loopWorkgroup !== 0) block.add(`if (${thread} >= ${threads}u) { return; }`);
    const start = block.define("i", times(thread, lanes));
    const position = new Position(block, root.shape, lanes, { index: start });
    const value = new Emitter(this.graph, this.tensorOf, shader, block, { root: output === undefined ? index : undefined }).value(
      index,
      position,
    );
    block.add(result.store(position.linear(), widen(value, lanes), lanes));
    const groups = Math.ceil(threads / loopWorkgroup);
    return shader.finish(block, { workgroup: loopWorkgroup, groups }, this.limits.maxComputeWorkgroupsPerDimension);
  }

  private anchored(group: Group, root: Node, target: Tensor): Dispatch[] {
    const node = this.graph.nodes[group.anchor!];
    const shapeOf = (input: number): Shape => this.graph.nodes[node.inputs[input]].shape;
    const context: AnchorContext = {
      label: labelOf(node),
      outputShape: node.shape,
      maxGroups: this.limits.maxComputeWorkgroupsPerDimension,
      shapeOf,
      tensor: (input) => this.operandOf(node, input),
      operand: (shader, block, input, position) =>
        new Emitter(this.graph, this.tensorOf, shader, block).value(node.inputs[input], position),
      scratch: (elements) => this.add({ storage: "arena", elements, type: "f32" }, node),
      finish: (shader, block, position, value) => {
        const result = shader.writes(target, group.output !== undefined);
        const emitter = new Emitter(this.graph, this.tensorOf, shader, block, {
          root: group.output === undefined ? group.root : undefined,
          anchor: { node: group.anchor!, value: { code: value, lanes: position.lanes } },
        });
        const finished = emitter.value(group.root, position.reshaped(root.shape));
        block.add(result.store(position.linear(), widen(finished, position.lanes), position.lanes));
      },
    };
    return anchorLowering(node)!.lower(asAny(node), context);
  }
}

const labelOf = (node: Node): string => (node.label ? `${node.label}: ${node.operation}` : node.operation);
