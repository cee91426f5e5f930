// Builds graphs: infers every shape as a node is added, and words what does not fit with the layer's name.
import { TabgradError } from "../errors.ts";
import type { OperationAttributes, OperationName } from "./attributes.ts";
import type { Graph, Node } from "./graph.ts";
import { takesInputs } from "./operation.ts";
import { definitionOf } from "./operations/index.ts";
import { ShapeError } from "./shape.ts";
import type { Emitter, Value } from "./value.ts";

export class GraphBuilder implements Emitter {
  readonly nodes: Node[] = [];
  readonly rows: number;
  private label = "";

  /** @param rows the number of rows that batched inputs have while shapes are inferred */
  constructor(rows: number) {
    this.rows = rows;
  }

  emit<K extends OperationName>(operation: K, inputs: readonly Value[], attributes: OperationAttributes[K]): Value {
    const definition = definitionOf(operation);
    const foreign = inputs.find((input) => input.emitter !== this);
    if (foreign) throw new Error(`${operation}: an input belongs to another graph`);
    if (!takesInputs(definition, inputs.length))
      throw new Error(`${operation} takes ${definition.arity} inputs, not ${inputs.length}`);
    const shape = this.fitting(operation, () =>
      definition.shape(
        inputs.map((input) => input.shape),
        attributes,
        this.rows,
      ),
    );
    this.nodes.push({ operation, inputs: inputs.map((input) => input.node), attributes, shape, label: this.label } as Node);
    return { emitter: this, node: this.nodes.length - 1, shape };
  }

  /** Names what `build` emits, for messages and listings; nested names are joined with " › ". */
  scope<T>(label: string, build: () => T): T {
    const outer = this.label;
    this.label = outer ? `${outer} › ${label}` : label;
    try {
      return this.fitting(label, build);
    } finally {
      this.label = outer;
    }
  }

  valueOf(node: number): Value {
    return { emitter: this, node, shape: this.nodes[node].shape };
  }

  /** The graph so far, with the given results. */
  graph(outputs: Readonly<Record<string, Value>>): Graph {
    return {
      nodes: [...this.nodes],
      outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, value.node])),
      rows: this.rows,
    };
  }

  /**
   * Words what does not fit while `build` runs.
   * @param what is named where no scope says what is built
   * @throws TabgradError MODEL_INVALID
   */
  fitting<T>(what: string, build: () => T): T {
    try {
      return build();
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      throw new TabgradError(
        "MODEL_INVALID",
        `${this.label || what}: ${error.message}`,
        "Change the layer, or the one before it, so that the shapes fit.",
        { cause: error },
      );
    }
  }
}

/** Emits every node of `graph` again into `builder`; returns the new values by old index. */
export function replay(graph: Graph, builder: GraphBuilder): Value[] {
  const values: Value[] = [];
  for (const node of graph.nodes) {
    const emit = () =>
      builder.emit(
        node.operation,
        node.inputs.map((input) => values[input]),
        node.attributes,
      );
    values.push(node.label ? builder.scope(node.label, emit) : emit());
  }
  return values;
}

/** The same graph with its shapes inferred for another number of rows. */
export function withRows(graph: Graph, rows: number): Graph {
  if (rows === graph.rows) return graph;
  const builder = new GraphBuilder(rows);
  replay(graph, builder);
  return { nodes: builder.nodes, outputs: graph.outputs, rows };
}
