// What goes wrong is said with the name of the layer or the tensor, and nothing native is left behind.
import { GraphBuilder, math, parameterSlots, type Node } from "@tabgrad/core";
import { createCpuEngine, type OrtModule } from "../src/index.ts";
import { createNodeCpuEngine } from "../src/node.ts";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { batchOf, classifier, parametersOf, trained } from "./models.ts";

const sizes = [3, 4, 2];
const forward = classifier(sizes);

/** ONNX Runtime, counting the sessions that are open. */
function counted(): { runtime: OrtModule; open: () => number } {
  let open = 0;
  const create: OrtModule["InferenceSession"]["create"] = async (model, options) => {
    const session = await ort.InferenceSession.create(model, options);
    open++;
    return {
      run: (feeds, fetches) => session.run(feeds as ort.InferenceSession.FeedsType, fetches as ort.InferenceSession.FetchesType),
      release: () => (open--, session.release()),
    };
  };
  return { runtime: { InferenceSession: { create }, Tensor: ort.Tensor }, open: () => open };
}

const engineOn = (runtime: OrtModule) => createCpuEngine({ ort: runtime, threads: 1, results: "written", description: "test" });

describe("an operation that there is no rule for", () => {
  it("is named with its layer when the model is compiled", async () => {
    const engine = await createNodeCpuEngine();
    const nodes = forward.nodes.map((node): Node =>
      node.operation === "relu" ? ({ ...node, operation: "cumulativeSum", label: "layer 7" } as unknown as Node) : node,
    );
    await expect(engine.compile({ ...forward, nodes })).rejects.toMatchObject({
      code: "ENGINE_UNSUPPORTED",
      message: 'layer 7: the cpu engine cannot do the operation "cumulativeSum".',
    });
    await engine.close();
  });
});

describe("a runtime that fails", () => {
  it("is reported as ENGINE_FAILED with its own words, when it compiles and when it runs", async () => {
    const broken = (stage: "create" | "run"): OrtModule => ({
      Tensor: ort.Tensor,
      InferenceSession: {
        create: async () => {
          if (stage === "create") throw new Error("out of memory");
          return { run: () => Promise.reject(new Error("device asleep")), release: async () => {} };
        },
      },
    });
    for (const [stage, words] of [
      ["create", /could not compile the model: out of memory/],
      ["run", /failed: device asleep/],
    ] as const) {
      const program = await engineOn(broken(stage)).compile(forward);
      await program.setParameters(parametersOf(forward, 1));
      const attempt = trained(program, [batchOf(sizes, 4, 1)]);
      await expect(attempt).rejects.toMatchObject({ code: "ENGINE_FAILED", message: expect.stringMatching(words) as string });
    }
  });
});

describe("arrays that do not fit", () => {
  it("are refused with the input's name and shape", async () => {
    const engine = await createNodeCpuEngine();
    const program = await engine.compile(forward);
    const batch = batchOf(sizes, 4, 1);
    await expect(program.evaluate([batch])).rejects.toThrow("setParameters");
    await expect(program.setParameters(new Float32Array(5))).rejects.toThrow(/26 values here, not 5/);
    await program.setParameters(parametersOf(forward, 1));
    await expect(program.evaluate([{ ...batch, inputs: { label: batch.inputs.label } }])).rejects.toThrow(
      '"x" of shape [4, 3] was fed no values',
    );
    await expect(program.evaluate([{ ...batch, weights: new Float32Array(3) }])).rejects.toThrow(
      '"weights" of shape [4] was fed 3 values',
    );
    await engine.close();
  });
});

describe("sessions", () => {
  it("are compiled once for each number of rows, bounded in number, and released with the program", async () => {
    const { runtime, open } = counted();
    const program = await engineOn(runtime).compile(forward);
    await program.setParameters(parametersOf(forward, 1));
    const four = batchOf(sizes, 4, 1);
    await trained(program, [four]);
    await trained(program, [four]);
    expect(open()).toBe(1);
    await trained(program, [four, four, batchOf(sizes, 3, 1)]);
    await program.evaluate([four]);
    expect(open()).toBe(4);
    for (let rows = 1; rows < 40; rows++) await program.evaluate([batchOf(sizes, rows, 1)]);
    expect(open()).toBe(16);
    await program.close();
    expect(open()).toBe(0);
  });

  it("are released with the engine", async () => {
    const { runtime, open } = counted();
    const engine = engineOn(runtime);
    for (const rows of [2, 3]) {
      const program = await engine.compile(forward);
      await program.setParameters(parametersOf(forward, 1));
      await program.evaluate([batchOf(sizes, rows, 1)]);
    }
    expect(open()).toBe(2);
    await engine.close();
    expect(open()).toBe(0);
  });
});

describe("odd graphs", () => {
  it("run: a parameter that nothing uses, an input that nothing uses, a result that is a constant", async () => {
    const builder = new GraphBuilder(1);
    const x = builder.emit("input", [], { name: "x", shape: [2], batched: true });
    builder.emit("input", [], { name: "unused", shape: [], batched: true });
    const initialisation = { kind: "constant", value: 0 } as const;
    const weight = builder.emit("parameter", [], { name: "weight", shape: [2], initialisation });
    builder.emit("parameter", [], { name: "idle", shape: [3], initialisation });
    const scale = builder.emit("parameter", [], { name: "scale", shape: [], initialisation });
    const loss = math.multiply(math.sum(math.multiply(x, weight), [1]), scale);
    const graph = builder.graph({ loss, "metric:same": loss, "metric:one": math.broadcastTo(math.constant(x, 1), [1]) });
    expect(parameterSlots(graph)).toHaveLength(3);

    const engine = await createNodeCpuEngine();
    const program = await engine.compile(graph);
    await program.setParameters(Float32Array.of(2, 3, 9, 9, 9, 0.5));
    const batch = {
      rows: 1,
      samples: 1,
      inputs: { x: Float32Array.of(1, 10), unused: Float32Array.of(0) },
      weights: Float32Array.of(1),
    };
    const { sums, gradients } = await trained(program, [batch, batch]);
    expect(sums).toEqual({ samples: 2, lossSum: 32, metricSums: [32, 2] });
    expect([...gradients]).toEqual([1, 10, 0, 0, 0, 64]);
    await engine.close();
  });
});
