// Finding out what the preflight asks, question by question, and telling each answer as soon as it is there.
import { type Engine, proveEngine } from "@tabgrad/core";
import { createGpuEngine, isSoftware, reportAdapter, type GpuEngine } from "@tabgrad/gpu";
import type { AdapterFinding, Findings } from "./findings.ts";
import { failureOf } from "./messages.ts";

/** How long the speed is measured. */
const budgetMs = 300;

/** @returns the engine, if it computes correctly: open, and nobody else's */
export async function gather(tell: (findings: Findings) => void): Promise<GpuEngine | undefined> {
  let findings: Findings = {
    secure: isSecureContext,
    webgpu: "gpu" in navigator && navigator.gpu !== undefined,
    webAssembly: typeof WebAssembly === "object",
    complete: false,
  };
  const found = (more: Partial<Findings>): void => tell((findings = { ...findings, ...more }));
  found({});
  try {
    return findings.webgpu ? await tryGpu(found) : undefined;
  } finally {
    found({ complete: true });
  }
}

async function tryGpu(found: (more: Partial<Findings>) => void): Promise<GpuEngine | undefined> {
  const adapter = await requestAdapter();
  found({ adapter: adapter && describe(adapter) });
  if (!adapter) return undefined;
  let engine: GpuEngine;
  try {
    engine = await createGpuEngine({ adapter });
  } catch (error) {
    found({ device: failureOf(error) });
    return undefined;
  }
  found({ device: "opened" });
  try {
    const proof = await proveEngine(engine, { budgetMs });
    found({ proof });
    if (proof.passed) return engine;
  } catch (error) {
    found({ proof: failureOf(error) });
  }
  await closeFailed(engine);
  return undefined;
}

export async function requestAdapter(): Promise<GPUAdapter | null> {
  // Browsers that have the interface and not the thing throw here.
  return navigator.gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
}

/** What a failed engine says while it is closed is of no interest. */
export async function closeFailed(engine: Engine): Promise<void> {
  await engine.close().catch(() => undefined);
}

function describe(adapter: GPUAdapter): AdapterFinding {
  const report = reportAdapter(adapter);
  const { limits } = report;
  return {
    name: report.name,
    software: isSoftware(report),
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
  };
}
