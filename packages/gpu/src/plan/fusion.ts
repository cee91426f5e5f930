// Decides which nodes become one kernel, and which values are stored at all. A group is the tree of nodes that one kernel computes:
// a root that is stored, below it elementwise operations, and among them at most one anchor (a matmul, a reduction …), whose result
// they finish. Leaves are values that are stored already.
import { elementCount, type Graph, type Node } from "@tabgrad/core";
import { anchorLowering, inlineLowering } from "../kernels/index.ts";

export interface Group {
  /** The node whose value the kernel writes. */
  readonly root: number;
  /** The node whose kernel it is; without one it is a plain loop over the root's elements. */
  readonly anchor: number | undefined;
  /** The graph output to add the value to; without one the value goes to the root's own tensor. */
  readonly output: string | undefined;
}

export interface Fusion {
  /** In an order in which they can run. */
  readonly groups: readonly Group[];
  /** For each stored node the node that owns its memory: itself, or what it is a reshape of. */
  readonly owners: ReadonlyMap<number, number>;
}

/** What a kernel that computes this node's value would consist of, below what is stored. */
interface Tree {
  readonly anchor: number | undefined;
  readonly exact: boolean;
  readonly cost: number;
  /** Owners of the stored values it reads. */
  readonly leaves: ReadonlySet<number>;
}

/** Above these it is cheaper to store a value than to compute it for every reader, or for every repetition. */
const maxSharedCost = 2;
const maxRepeatedCost = 4;

/** @param maxTensors the most tensors that a kernel may bind, its output included */
export function fuse(graph: Graph, maxTensors: number): Fusion {
  return new Fuser(graph, maxTensors).run();
}

class Fuser {
  private readonly graph: Graph;
  private readonly maxLeaves: number;
  private readonly readers: ReadonlySet<string>[];
  private readonly wantsMemory: ReadonlySet<number>;
  private readonly trees: Tree[] = [];
  private readonly owners = new Map<number, number>();
  private readonly groups: Group[] = [];

  constructor(graph: Graph, maxTensors: number) {
    this.graph = graph;
    this.maxLeaves = maxTensors - 1;
    this.readers = readersOf(graph);
    this.wantsMemory = memoryOperands(graph);
  }

  run(): Fusion {
    this.graph.nodes.forEach((node, index) => this.trees.push(this.visit(node, index)));
    for (const [name, node] of Object.entries(this.graph.outputs)) this.output(name, node);
    const order = (group: Group): number => group.root + (group.output === undefined ? 0 : 0.5);
    return { groups: this.groups.sort((a, b) => order(a) - order(b)), owners: this.owners };
  }

  private visit(node: Node, index: number): Tree {
    if (node.operation === "constant" && node.attributes.values.length === 1) {
      if (this.wantsMemory.has(index)) return this.own(index, index);
      return { anchor: undefined, exact: true, cost: 0, leaves: new Set() };
    }
    if (node.inputs.length === 0) return this.own(index, index);

    const anchor = anchorLowering(node);
    if (anchor?.operands === "memory") node.inputs.forEach((input) => this.store(input));
    else this.storeUnfusable(node);
    // The same memory in another shape.
    if (node.operation === "reshape" && this.isStored(node.inputs[0])) return this.own(index, this.owners.get(node.inputs[0])!);
    while (this.leavesOf(node).size > this.maxLeaves) this.storeWidest(node);

    const inputs = node.inputs.map((input) => this.trees[input]);
    return {
      anchor: anchor ? index : inputs.find((tree) => tree.anchor !== undefined)?.anchor,
      exact: !anchor && inlineLowering(node)!.exact && inputs.every((tree) => tree.exact),
      cost: anchor ? Infinity : inlineLowering(node)!.cost + inputs.reduce((total, tree) => total + tree.cost, 0),
      leaves: this.leavesOf(node),
    };
  }

  private storeUnfusable(node: Node): void {
    node.inputs.forEach((input) => {
      if (!this.fits(input, node)) this.store(input);
    });
    // Two anchors cannot share a kernel: the later one stays.
    const anchored = [...new Set(node.inputs)].filter((input) => this.trees[input].anchor !== undefined).sort((a, b) => a - b);
    anchored.slice(0, -1).forEach((input) => this.store(input));
  }

  /** May `node` compute the value of `input` for itself? */
  private fits(input: number, node: Node): boolean {
    const tree = this.trees[input];
    if (this.isStored(input)) return true;
    if (this.wantsMemory.has(input)) return false;
    const shared = this.readers[input].size > 1;
    if (shared && !(tree.exact && tree.cost <= maxSharedCost && tree.leaves.size <= maxSharedCost)) return false;
    const lowering = inlineLowering(node);
    const own = elementCount(this.graph.nodes[input].shape);
    const repeats = lowering !== undefined && elementCount(node.shape) > own;
    if (repeats && tree.cost > maxRepeatedCost) return false;
    if (tree.anchor === undefined) return true;
    // An anchor's result exists once, at its own element.
    return lowering?.inPlace === true && elementCount(node.shape) === own;
  }

  private leavesOf(node: Node): Set<number> {
    return new Set(node.inputs.flatMap((input) => [...this.trees[input].leaves]));
  }

  private storeWidest(node: Node): void {
    const open = node.inputs.filter((input) => !this.isStored(input));
    this.store(open.reduce((widest, input) => (this.trees[input].leaves.size > this.trees[widest].leaves.size ? input : widest)));
  }

  private isStored(index: number): boolean {
    return this.owners.has(index);
  }

  private store(index: number): void {
    if (this.isStored(index)) return;
    const node = this.graph.nodes[index];
    // A constant is filled by the host.
    if (node.operation !== "constant") this.groups.push({ root: index, anchor: this.trees[index].anchor, output: undefined });
    this.trees[index] = this.own(index, index);
  }

  private own(index: number, owner: number): Tree {
    this.owners.set(index, owner);
    return { anchor: undefined, exact: true, cost: 0, leaves: new Set([owner]) };
  }

  private output(name: string, index: number): void {
    if (this.readers[index].size > 1) this.store(index);
    const anchor = this.isStored(index) ? undefined : this.trees[index].anchor;
    this.groups.push({ root: index, anchor, output: name });
  }
}

/** Who reads each node: other nodes and outputs, by a name of their own. */
function readersOf(graph: Graph): Set<string>[] {
  const readers = graph.nodes.map(() => new Set<string>());
  graph.nodes.forEach((node, index) => node.inputs.forEach((input) => readers[input].add(`node ${index}`)));
  for (const [name, index] of Object.entries(graph.outputs)) readers[index].add(`output ${name}`);
  return readers;
}

/** The nodes that a kernel reads from memory, through reshapes, which are the same memory. */
function memoryOperands(graph: Graph): Set<number> {
  const result = new Set<number>();
  for (const node of graph.nodes) {
    if (anchorLowering(node)?.operands !== "memory") continue;
    for (let input of node.inputs) {
      result.add(input);
      while (graph.nodes[input].operation === "reshape") result.add((input = graph.nodes[input].inputs[0]));
    }
  }
  return result;
}
