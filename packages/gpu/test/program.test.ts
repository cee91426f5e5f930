// The program around the kernels: batches, padding, numbers of rows, resources, and every way it can fail.
import {
  accuracy,
  confusionMatrix,
  crossEntropy,
  dense,
  f1,
  forwardGraph,
  GraphBuilder,
  math,
  parameterElements,
  sequential,
  TabgradError,
  tanh,
  withFrozen,
  type Batch,
  type Graph,
} from "@tabgrad/core";
import { afterEach, describe, expect, it } from "vitest";
import { requestDevice } from "../src/device/adapter.ts";
import { DeviceHealth } from "../src/device/health.ts";
import { PipelineCache } from "../src/device/pipelines.ts";
import { createGpuEngine, type GpuEngine } from "../src/index.ts";
import { createNodeGpuEngine, openGpu } from "../src/node.ts";
import { GpuProgram } from "../src/program.ts";
import type { ProgramLimits } from "../src/variant.ts";
import { classifierBatch, dataset, expectClose, limits, mlp, numbers, parameter, reference, sharedEngine } from "./support.ts";

const engine = sharedEngine();
const sizes = [6, 8, 3];
const forward = mlp(sizes);
const parameters = numbers(parameterElements(forward));

async function started(): Promise<GpuProgram> {
  const program = await engine().compile(forward);
  await program.setParameters(parameters);
  return program;
}

describe("batches", () => {
  it("of several numbers of rows add up in one call", async () => {
    const program = await started();
    const batches = [
      classifierBatch(sizes, 8, 8, 1),
      classifierBatch(sizes, 3, 5, 2),
      classifierBatch(sizes, 8, 8, 3),
      classifierBatch(sizes, 1, 1, 4),
    ];
    const gradients = new Float32Array(parameters.length);
    const sums = await program.train(batches, gradients);
    const expected = reference(forward, batches, parameters);
    expectClose(gradients, expected.gradients);
    expectClose([sums.lossSum, ...sums.metricSums], [expected.sums.lossSum, ...expected.sums.metricSums]);
    expect(sums.samples).toBe(20);
    expect(await program.evaluate(batches)).toEqual(sums);
    await program.close();
  });

  it("give frozen parameters zeros, and the others the same bits", async () => {
    const batches = [classifierBatch(sizes, 8, 8, 1), classifierBatch(sizes, 3, 5, 2)];
    const trained = async (graph: Graph): Promise<Float32Array> => {
      const program = await engine().compile(graph);
      await program.setParameters(parameters);
      const gradients = new Float32Array(parameters.length).fill(NaN);
      await program.train(batches, gradients);
      await program.close();
      return gradients;
    };
    const expected = (await trained(forward)).fill(0, 6 * 8, 6 * 8 + 8 + 8 * 3);
    expect(await trained(withFrozen(forward, ["0.bias", "1.weight"]))).toEqual(expected);
  });

  it("give all sums of metrics that have several, and the weights of a loss", async () => {
    const many = forwardGraph({
      model: sequential(dense(5, { flatten: false }), tanh(), dense(3)),
      loss: crossEntropy({ classWeights: [1, 2, 3], ignoreIndex: -1 }),
      metrics: [confusionMatrix(), f1(), accuracy()],
      data: { features: { shape: [4, 6], scale: 1, shift: 0 }, labels: { kind: "classes", count: 3, shape: [4] } },
    });
    const values = numbers(parameterElements(many));
    const program = await engine().compile(many);
    await program.setParameters(values);
    const batches = [8, 3].map((samples, i): Batch => {
      const labels = Float32Array.from({ length: 32 }, (_, j) => ((j * 5 + i) % 4) - 1);
      const weights = Float32Array.from({ length: 8 }, (_, row) => (row < samples ? 1 : 0));
      return { rows: 8, samples, inputs: { features: numbers(192, i), labels }, weights };
    });
    const gradients = new Float32Array(values.length);
    const sums = await program.train(batches, gradients);
    const expected = reference(many, batches, values);
    expectClose(gradients, expected.gradients);
    expect(sums.metricSums).toHaveLength(9 + 9 + 2 + 1);
    expectClose([sums.lossSum, ...sums.metricSums], [expected.sums.lossSum, ...expected.sums.metricSums]);
    expect(await program.evaluate(batches)).toEqual(sums);
    await program.close();
  });

  it("do not remember the call before", async () => {
    const program = await started();
    const gradients = [0, 1].map(() => new Float32Array(parameters.length).fill(NaN));
    const batch = classifierBatch(sizes, 4);
    const first = await program.train([batch], gradients[0]);
    expect(await program.train([batch], gradients[1])).toEqual(first);
    expect(gradients[1]).toEqual(gradients[0]);
    await program.close();
  });

  it("count padding for exactly nothing", async () => {
    const program = await started();
    const clean = classifierBatch(sizes, 5, 8);
    const x = clean.inputs.x.slice();
    x.set(numbers(18, 9), 30);
    const label = clean.inputs.label.slice();
    label.set([2, 1, 2], 5);
    const dirty: Batch = { ...clean, inputs: { x, label } };
    const gradients = [clean, dirty].map(() => new Float32Array(parameters.length));
    const sums = [await program.train([clean], gradients[0]), await program.train([dirty], gradients[1])];
    expect(sums[1]).toEqual(sums[0]);
    expect(gradients[1]).toEqual(gradients[0]);
    expect(sums[0].samples).toBe(5);
    await program.close();
  });

  it("may be none", async () => {
    const program = await started();
    const gradients = new Float32Array(parameters.length).fill(7);
    expect(await program.train([], gradients)).toEqual({ samples: 0, lossSum: 0, metricSums: [0] });
    expect(gradients).toEqual(new Float32Array(parameters.length));
    await program.close();
  });

  it("may come in more numbers of rows than are kept compiled, in one call and in several", async () => {
    const builder = new GraphBuilder(1);
    const x = math.add(dataset(builder, "x"), parameter(builder, "shift", []));
    const simple = builder.graph({ loss: math.multiply(x, x) });
    const program = await engine().compile(simple);
    await program.setParameters(Float32Array.of(1));
    const batches = Array.from({ length: 20 }, (_, i): Batch => {
      const rows = i + 1;
      return { rows, samples: rows, inputs: { x: numbers(rows, rows) }, weights: new Float32Array(rows).fill(1) };
    });
    const expected = reference(simple, batches, [1]);
    for (let call = 0; call < 2; call++) {
      const gradients = new Float32Array(1);
      const { lossSum } = await program.train(batches, gradients);
      expectClose([lossSum, ...gradients], [expected.sums.lossSum, ...expected.gradients]);
    }
    await program.close();
  });

  it("are computed with the parameters set last", async () => {
    const program = await started();
    const other = numbers(parameters.length, 5);
    await program.setParameters(other);
    const batch = classifierBatch(sizes, 4);
    const { lossSum } = await program.evaluate([batch]);
    expectClose([lossSum], [reference(forward, [batch], other).sums.lossSum]);
    await program.close();
  });
});

/** A program that is cut as for a device with these limits. */
async function limited(graph: Graph, changed: Partial<ProgramLimits>): Promise<{ program: GpuProgram; close(): Promise<void> }> {
  const opening = await openGpu();
  if (!opening.available) throw new Error(opening.message);
  const device = await requestDevice(opening.adapter);
  const lent = {
    device,
    limits: { ...limits, ...changed },
    pipelines: new PipelineCache(device),
    health: new DeviceHealth(device),
  };
  const program = await GpuProgram.create(graph, lent);
  return { program, close: async () => (await program.close(), device.destroy()) };
}

describe("small limits", () => {
  it.each([
    ["few workgroups in a dimension", { maxComputeWorkgroupsPerDimension: 2 }],
    ["few buffers for a kernel", { maxStorageBuffersPerShaderStage: 4 }],
    ["small buffers", { maxBufferSize: 8192 }],
  ])("%s", async (_, changed) => {
    const model = mlp([40, 70, 37], "tanh");
    const values = numbers(parameterElements(model)).map((value) => value / 8);
    const { program, close } = await limited(model, changed);
    await program.setParameters(values);
    const batches = [classifierBatch([40, 37], 9)];
    const gradients = new Float32Array(values.length);
    await program.train(batches, gradients);
    expectClose(gradients, reference(model, batches, values).gradients);
    await close();
  });

  it("a tensor that cannot be bound is refused with its layer and shape", async () => {
    const { program, close } = await limited(forward, { maxStorageBufferBindingSize: 1024 });
    const refused = program.evaluate([classifierBatch(sizes, 100)]);
    await expect(refused).rejects.toMatchObject({
      code: "ENGINE_UNSUPPORTED",
      message: expect.stringMatching(/relu 1: .*\[100, 8\] takes 3200 bytes; .* at most 1024/) as string,
    });
    await close();
  });

  it("an expression of more tensors than a kernel may bind becomes several kernels", async () => {
    const builder = new GraphBuilder(1);
    const terms = Array.from({ length: 30 }, (_, i) => parameter(builder, `${i}`, [5]));
    const total = terms.reduce((a, b) => math.tanh(math.add(a, b)));
    const graph = builder.graph({ loss: math.reshape(math.sum(total), [1]) });
    const values = numbers(150);
    const program = await engine().compile(graph);
    await program.setParameters(values);
    const batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };
    const gradients = new Float32Array(150);
    await program.train([batch], gradients);
    expectClose(gradients, reference(graph, [batch], values).gradients);
    await program.close();
  });
});

describe("an unused parameter and a constant output", () => {
  it("have gradient zero and their value", async () => {
    const builder = new GraphBuilder(1);
    const used = parameter(builder, "used", [3]);
    parameter(builder, "unused", [5]);
    const loss = math.reshape(math.sum(used), [1]);
    const graph = builder.graph({ loss, "metric:two": math.add(math.multiply(loss, 0), 2), "metric:loss": loss });
    const program = await engine().compile(graph);
    await program.setParameters(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const gradients = new Float32Array(8).fill(NaN);
    const batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };
    expect(await program.train([batch, batch], gradients)).toEqual({ samples: 2, lossSum: 12, metricSums: [4, 12] });
    expect([...gradients]).toEqual([2, 2, 2, 0, 0, 0, 0, 0]);
    await program.close();
  });
});

describe("failures", () => {
  const opened: GpuEngine[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });
  const own = async (): Promise<{ device: GPUDevice; engine: GpuEngine }> => {
    const opening = await openGpu();
    if (!opening.available) throw new Error(opening.message);
    const device = await requestDevice(opening.adapter);
    const made = await createGpuEngine({ adapter: opening.adapter, device });
    opened.push(made);
    return { device, engine: made };
  };

  it("a lost device fails the call under way, and every later one", async () => {
    const { device, engine: mine } = await own();
    const program = await mine.compile(forward);
    await program.setParameters(parameters);
    await program.evaluate([classifierBatch(sizes, 4)]);
    const running = program.evaluate([classifierBatch(sizes, 4)]);
    device.destroy();
    await expect(running).rejects.toMatchObject({ code: "ENGINE_FAILED" });
    expect((await mine.lost).reason).toBe("destroyed");
    await expect(program.train([], new Float32Array(parameters.length))).rejects.toMatchObject({
      code: "ENGINE_FAILED",
      message: expect.stringContaining("lost") as string,
    });
    await expect(mine.compile(forward)).rejects.toBeInstanceOf(TabgradError);
  });

  it("a shader that does not compile is shown with line, column and source", async () => {
    const { device } = await own();
    const code = "@compute @workgroup_size(1)\nfn main() {\n  let x = 1 +;\n}\n";
    const made = new PipelineCache(device).get({ label: "dense 1: matmul", code, bindings: [], groups: [1, 1] });
    const error: unknown = await made.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ENGINE_FAILED" });
    expect((error as Error).message).toMatch(/dense 1: matmul[^]*\n3:14: .*\n {4}let x = 1 \+;\n {15}\^$/);
  });

  it("what a device complains about later is not passed over", async () => {
    const { device, engine: mine } = await own();
    const program = await mine.compile(forward);
    await program.setParameters(parameters);
    device.createBuffer({ size: 16, usage: 0xffff });
    await expect(program.evaluate([classifierBatch(sizes, 4)])).rejects.toMatchObject({ code: "ENGINE_FAILED" });
  });

  it("an operation without a kernel is named, with its layer", async () => {
    const nodes = forward.nodes.map((node) => (node.operation === "relu" ? { ...node, operation: "exotic" } : node));
    const refused = engine().compile({ ...forward, nodes } as unknown as Graph);
    await expect(refused).rejects.toMatchObject({
      code: "ENGINE_UNSUPPORTED",
      message: expect.stringContaining("exotic") as string,
    });
  });

  it("wrong lengths are told", async () => {
    const program = await started();
    await expect(program.setParameters(new Float32Array(3))).rejects.toThrow(/3 parameters came; the model has/);
    await expect(program.train([], new Float32Array(3))).rejects.toThrow(/3 gradients came/);
    const batch = classifierBatch(sizes, 4);
    await expect(program.evaluate([{ ...batch, inputs: { x: batch.inputs.x } }])).rejects.toThrow(/input label was fed nothing/);
    await program.close();
  });

  it("a closed program says so, and closing twice is fine", async () => {
    const program = await started();
    await program.close();
    await program.close();
    await expect(program.evaluate([])).rejects.toThrow(/closed/);
  });
});

describe("resources", () => {
  it("are all destroyed by close, and do not grow from call to call", async () => {
    const opening = await openGpu();
    if (!opening.available) throw new Error(opening.message);
    const device = await requestDevice(opening.adapter);
    let alive = 0;
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      const destroy = buffer.destroy.bind(buffer);
      let counted = true;
      alive++;
      buffer.destroy = () => {
        if (counted) alive--;
        counted = false;
        destroy();
      };
      return buffer;
    };
    const mine = await createGpuEngine({ adapter: opening.adapter, device });
    const program = await mine.compile(forward);
    await program.setParameters(parameters);
    const gradients = new Float32Array(parameters.length);
    const batches = [classifierBatch(sizes, 4), classifierBatch(sizes, 40)];
    await program.train(batches, gradients);
    const after = alive;
    for (let i = 0; i < 20; i++) await program.train(batches, gradients);
    expect(alive).toBe(after);
    await mine.close();
    expect(alive).toBe(0);
    device.destroy();
  });

  it("an engine reports its adapter", async () => {
    const mine = await createNodeGpuEngine();
    expect(mine.kind).toBe("gpu");
    expect(mine.device).not.toBe("");
    expect(mine.adapter.limits.maxBufferSize).toBeGreaterThan(0);
    await mine.close();
  });
});
