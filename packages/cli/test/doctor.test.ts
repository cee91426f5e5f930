// What `tabgrad doctor` says of an engine: that it is right and how fast, what is wrong with it, or why it is not there.
import type { EngineProof } from "@tabgrad/core";
import type { EngineReport } from "@tabgrad/worker-node/engines";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { describeEngine } from "../src/commands/doctor.ts";

const proof: EngineProof = {
  passed: true,
  relativeError: 2.04e-7,
  worstError: 3e-7,
  lossError: 1e-8,
  tolerance: 1e-4,
  samplesPerSecond: 61_234,
  milliseconds: 400,
};
const gpu: EngineReport = {
  kind: "gpu",
  available: true,
  device: "NVIDIA H100",
  software: false,
  proof,
  adapter: {
    name: "NVIDIA H100",
    vendor: "nvidia",
    architecture: "hopper",
    description: "",
    fallback: false,
    features: ["timestamp-query", "shader-f16"],
    limits: { maxBufferSize: 1_000_000, maxBindGroups: 4 },
  },
};

const described = (engine: EngineReport, { verbose = false } = {}): string[] =>
  describeEngine(engine, { verbose }).map((line) => stripVTControlCharacters(line));

describe("doctor", () => {
  it("says that an engine is right and how fast, and what its adapter has", () => {
    expect(described(gpu)).toEqual([
      "✓ gpu  NVIDIA H100",
      "       gradient right (relative error 2e-7), about 61,000 samples/s",
      "       precision float32, mixed",
      "       features  shader-f16, timestamp-query",
      "       maxBufferSize  1,000,000",
    ]);
    expect(described(gpu, { verbose: true })).toContain("       maxBindGroups  4");
  });

  it("notes that a software adapter is slow", () => {
    const [first] = described({ ...gpu, software: true, device: "SwiftShader" });
    expect(first).toBe("✓ gpu  SwiftShader  a software adapter: slower than the cpu engine");
  });

  it.each<[string, Partial<EngineProof>, string]>([
    ["a gradient", { relativeError: 0.31, worstError: 0.52 }, "gradient wrong (relative error 5e-1, at most 1e-4 is rounding)"],
    ["one value of it", { worstError: 2e-3 }, "gradient wrong (relative error 2e-3, at most 1e-4 is rounding)"],
    ["a gradient that is not finite", { relativeError: Infinity, worstError: Infinity }, "gradient wrong (it is not finite)"],
    ["a loss", { lossError: 0.1 }, "loss wrong (relative error 1e-1, at most 1e-4 is rounding)"],
  ])("says what is wrong and what to do: %s", (_, errors, message) => {
    const wrong: EngineProof = { ...proof, passed: false, ...errors };
    expect(described({ ...gpu, proof: wrong }).slice(0, 3)).toEqual([
      "✗ gpu  NVIDIA H100",
      `       ${message}, about 61,000 samples/s`,
      "       Do not train with it: update the GPU's driver, or use --engine cpu.",
    ]);
    const cpu: EngineReport = {
      kind: "cpu",
      available: true,
      device: "ONNX Runtime 1.30.0, 1 thread",
      software: false,
      proof: wrong,
    };
    expect(described(cpu)[2]).toContain("npm ci");
  });

  it("says why an engine is not there, or failed, and what to do", () => {
    expect(described({ kind: "gpu", available: false, message: "Dawn found no adapter", remedy: "Install a driver." })).toEqual([
      "✗ gpu  Dawn found no adapter",
      "       Install a driver.",
    ]);
  });
});
