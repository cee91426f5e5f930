// Which engine is taken, what `doctor` is told, and what a run that does not fit is answered.
import { type ComputeSetup, type Engine, EngineCompute, TabgradError } from "@tabgrad/core";
import { type AdapterReport, isSoftware } from "@tabgrad/gpu";
import type { GpuOpening } from "@tabgrad/gpu/node";
import { afterEach, describe, expect, it } from "vitest";
import { chooseEngine, inspectEngines, openEngine, openProvenEngine } from "../src/engines.ts";
import { ThreadCompute } from "../src/thread-compute.ts";
import { assigned, assignment, parameters, shardBytes, welcome } from "./tiny-coordinator.ts";

const report: AdapterReport = {
  name: "NVIDIA H100",
  vendor: "nvidia",
  architecture: "hopper",
  description: "",
  fallback: false,
  features: [],
  limits: {},
};
const found = (difference: Partial<AdapterReport>): GpuOpening => ({
  available: true,
  adapter: {} as GPUAdapter,
  report: { ...report, ...difference },
});
const none: GpuOpening = { available: false, reason: "no-adapter", message: "Dawn found no adapter", remedy: "Install a driver." };

describe("the engine", () => {
  it("is the GPU where there is a real one, and else the CPU, with the reason", () => {
    expect(chooseEngine("auto", found({}))).toEqual({ kind: "gpu", reason: "the gpu engine on NVIDIA H100" });
    expect(chooseEngine("auto", none)).toEqual({ kind: "cpu", reason: "the cpu engine, since Dawn found no adapter" });
    expect(chooseEngine("auto", found({ name: "llvmpipe (LLVM 15)" }))).toEqual({
      kind: "cpu",
      reason: "the cpu engine, since the only GPU is a software one (llvmpipe (LLVM 15))",
    });
  });

  it("is the one that was asked for, software or not", () => {
    expect(chooseEngine("gpu", found({ fallback: true })).kind).toBe("gpu");
    expect(chooseEngine("cpu", found({})).kind).toBe("cpu");
  });

  it("knows software by its own word or by its name", () => {
    expect(isSoftware(report)).toBe(false);
    expect(isSoftware({ ...report, fallback: true })).toBe(true);
    expect(isSoftware({ ...report, architecture: "swiftshader" })).toBe(true);
  });

  it("opens on the CPU with the threads it is given", async () => {
    const { engine } = await openEngine("cpu", { threads: 2 });
    expect(engine.device).toMatch(/2 threads$/);
    await engine.close();
  });

  it("computes a known gradient before it takes part in anything", async () => {
    const { engine, reason } = await openProvenEngine("cpu");
    expect(reason).toBe("the cpu engine was asked for");
    await engine.close();
  });

  it("that computes wrongly takes part in nothing, and is closed", async () => {
    let closed = 0;
    const open: typeof openEngine = async (choice, options) => {
      const { engine, reason } = await openEngine(choice, options);
      const wrong: Engine = {
        ...{ kind: engine.kind, device: engine.device },
        async compile(graph) {
          const program = await engine.compile(graph);
          const train: typeof program.train = async (batches, gradients) => {
            const sums = await program.train(batches, gradients);
            gradients[7] *= 1.5;
            return sums;
          };
          return {
            parameterElements: program.parameterElements,
            setParameters: (parameters) => program.setParameters(parameters),
            evaluate: (batches) => program.evaluate(batches),
            predict: (inputs) => program.predict(inputs),
            close: () => program.close(),
            train,
          };
        },
        async close() {
          closed++;
          await engine.close();
        },
      };
      return { engine: wrong, reason };
    };
    await expect(openProvenEngine("cpu", {}, open)).rejects.toMatchObject({
      code: "ENGINE_FAILED",
      exitCode: 5,
      message: expect.stringMatching(
        /computes wrongly: its gradient of a known network is off by .*, allowed is 0\.0001/,
      ) as string,
    });
    expect(closed).toBe(1);
  });

  it("is reported for doctor, each with its device or with what to do", async () => {
    const { engines, auto } = await inspectEngines();
    expect(engines.map(({ kind }) => kind)).toEqual(["gpu", "cpu"]);
    expect(engines[1]).toMatchObject({ available: true, software: false, device: expect.stringContaining("ONNX Runtime") });
    expect(engines[1]).toMatchObject({ proof: { passed: true } });
    if (!engines[0].available)
      expect(engines[0]).toMatchObject({ message: expect.any(String), remedy: expect.stringContaining("cpu") });
    expect(auto).toMatch(/^the (cpu|gpu) engine/);
  });
});

describe("computing on an engine", () => {
  const closing: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function compute(): Promise<EngineCompute> {
    const { engine } = await openEngine("cpu");
    const compute = new EngineCompute(engine);
    closing.push(() => compute.close());
    return compute;
  }

  const setup: ComputeSetup = welcome;

  it.each<[string, Partial<ComputeSetup>, string, RegExp]>([
    ["a graph that is none", { graph: "[]" }, "GRAPH_INVALID", /not a graph/],
    [
      "an input that the dataset does not feed",
      { fields: setup.fields.slice(1) },
      "GRAPH_INVALID",
      /an input "features", but the dataset has only "labels"/,
    ],
    ["other metrics", { metrics: [] }, "PROTOCOL_VIOLATION", /Welcome.metrics is \[\]; its graph has \[accuracy\]/],
    [
      "another number of parameters",
      { parameterElements: 3 },
      "PROTOCOL_VIOLATION",
      /Welcome.parameter_elements is 3; its graph has 53/,
    ],
  ])("refuses %s", async (_, difference, code, message) => {
    const attempt = (await compute()).load({ ...setup, ...difference });
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("takes calls in their order without waiting, gives buffers back, and does not care how the microbatches are grouped", async () => {
    const losses = await Promise.all(
      [4, 256].map(async (maxRows) => {
        const { engine } = await openEngine("cpu");
        closing.push(() => engine.close());
        const on = new EngineCompute(engine, { maxRows });
        const first = parameters.slice().buffer;
        void on.load(setup);
        shardBytes.forEach((bytes, shard) => void on.putShard(shard, bytes.slice().buffer));
        const before = on.setParameters(first);
        const trained = on.run({ ...assignment, gradients: new ArrayBuffer(first.byteLength) });
        const returned = on.setParameters(parameters.slice().buffer);
        const evaluated = on.run({ ...assignment, purpose: "evaluate" });
        expect(await before).toBeUndefined();
        expect(await returned).toBe(first);
        const [a, b] = await Promise.all([trained, evaluated]);
        expect(a.gradients?.byteLength).toBe(first.byteLength);
        expect(b.gradients).toBeUndefined();
        expect(a.sums.lossSum).toBeCloseTo(b.sums.lossSum, 4);
        await on.close();
        return a.sums.lossSum;
      }),
    );
    expect(losses[0]).toBeCloseTo(losses[1], 4);
  });

  it("goes on after a failed call", async () => {
    const on = await compute();
    await expect(on.run({ ...assignment, gradients: new ArrayBuffer(4) })).rejects.toThrow("no run is loaded");
    await on.load(setup);
    await on.setParameters(parameters.slice().buffer);
    await expect(on.run({ ...assignment, purpose: "evaluate" })).rejects.toThrow("shard 0 is not there");
    await expect(on.run({ ...assignment })).rejects.toThrow("belongs to training");
    await on.close();
  });
});

describe("an engine that fails", () => {
  /** A real engine that fails when it is told to, as one whose device is lost, and counts how often it is closed. */
  async function fragile(): Promise<{ engine: Engine; breaks: () => void; closed: () => number }> {
    const { engine } = await openEngine("cpu");
    let isBroken = false;
    let closings = 0;
    const check = (): void => {
      if (isBroken) throw new TabgradError("ENGINE_FAILED", "the device was lost", "");
    };
    const guarded = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      check();
      return call();
    };
    return {
      engine: {
        ...engine,
        compile: (compiled) =>
          guarded(async () => {
            const program = await engine.compile(compiled);
            return {
              parameterElements: program.parameterElements,
              setParameters: (values) => guarded(() => program.setParameters(values)),
              train: (batches, gradients) => guarded(() => program.train(batches, gradients)),
              evaluate: (batches) => guarded(() => program.evaluate(batches)),
              predict: (inputs) => guarded(() => program.predict(inputs)),
              close: () => program.close().finally(check),
            };
          }),
        close: () => {
          closings += 1;
          return engine.close().finally(check);
        },
      },
      breaks: () => (isBroken = true),
      closed: () => closings,
    };
  }

  async function ready(on: EngineCompute): Promise<void> {
    await on.load(welcome);
    shardBytes.forEach((bytes, shard) => void on.putShard(shard, bytes.slice().buffer));
    await on.setParameters(parameters.slice().buffer);
  }

  const evaluation = { ...assignment, purpose: "evaluate" } as const;

  it("is replaced at the next load, closed, and the other one closed in the end", async () => {
    const [first, second] = [await fragile(), await fragile()];
    const on = new EngineCompute(first.engine, { reopen: () => Promise.resolve(second.engine) });
    await ready(on);
    const { sums } = await on.run(evaluation);
    first.breaks();
    await expect(on.run(evaluation)).rejects.toMatchObject({ code: "ENGINE_FAILED" });
    await ready(on);
    expect(first.closed()).toBe(1);
    expect((await on.run(evaluation)).sums).toEqual(sums);
    await on.load(welcome);
    expect(second.closed()).toBe(0);
    await on.close();
    expect([first.closed(), second.closed()]).toEqual([1, 1]);
  });

  it("may take several attempts to replace", async () => {
    const [first, second] = [await fragile(), await fragile()];
    let attempts = 0;
    const reopen = (): Promise<Engine> =>
      ++attempts === 1
        ? Promise.reject(new TabgradError("ENGINE_UNAVAILABLE", "there is no device", ""))
        : Promise.resolve(second.engine);
    const on = new EngineCompute(first.engine, { reopen });
    await ready(on);
    first.breaks();
    await expect(on.setParameters(parameters.slice().buffer)).rejects.toThrow("the device was lost");
    await expect(on.load(welcome)).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    await ready(on);
    expect((await on.run(evaluation)).sums.samples).toBe(assigned.length);
    await on.close();
  });

  it("has to do where there is no other", async () => {
    const { engine, breaks, closed } = await fragile();
    const on = new EngineCompute(engine);
    await ready(on);
    breaks();
    await expect(on.run(evaluation)).rejects.toThrow("the device was lost");
    await expect(on.load(welcome)).rejects.toThrow("the device was lost");
    await on.close();
    expect(closed()).toBe(1);
  });
});

describe("the engine's thread", () => {
  it("opens, passes failures on in words, and ends when it is closed", async () => {
    const { compute, opened } = await ThreadCompute.open({ kind: "cpu", threads: 1 });
    expect(opened).toMatchObject({ kind: "cpu", device: expect.stringMatching(/ONNX Runtime .*, 1 thread$/) });
    const bad = compute.load({ ...welcome, graph: "[]" });
    await expect(bad).rejects.toMatchObject({ name: "TabgradError", code: "GRAPH_INVALID", remedy: expect.any(String) });
    await expect(compute.dropShard(0)).resolves.toBeUndefined();
    await compute.close();
    await expect(compute.dropShard(0)).rejects.toMatchObject({
      code: "ENGINE_FAILED",
      message: expect.stringContaining("thread has ended"),
    });
  });
});
