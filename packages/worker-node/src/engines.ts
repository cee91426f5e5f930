// Which engines this machine has, and which one to take.
import { type Engine, type EngineKind, type EngineProof, proveEngine, TabgradError } from "@tabgrad/core";
import { createNodeCpuEngine } from "@tabgrad/cpu/node";
import { type AdapterReport, createGpuEngine, isSoftware } from "@tabgrad/gpu";
import { type GpuOpening, openGpu } from "@tabgrad/gpu/node";
import type { EngineChoice } from "./thread-messages.ts";

export interface EngineOptions {
  /** Threads of the CPU engine. Default: 1. */
  readonly threads?: number;
}

/** An engine, and in one line why it is this one. */
export interface ChosenEngine {
  readonly engine: Engine;
  readonly reason: string;
}

/**
 * Opens an engine. "auto" is the GPU where there is a real one, and else the CPU.
 * @throws TabgradError ENGINE_UNAVAILABLE, saying what was found instead
 */
export async function openEngine(choice: EngineChoice, { threads = 1 }: EngineOptions = {}): Promise<ChosenEngine> {
  if (choice === "cpu") return { engine: await createNodeCpuEngine({ threads }), reason: "the cpu engine was asked for" };
  const opening = await openGpu();
  const { kind, reason } = chooseEngine(choice, opening);
  if (kind === "cpu") return { engine: await createNodeCpuEngine({ threads }), reason };
  if (!opening.available)
    throw new TabgradError("ENGINE_UNAVAILABLE", `There is no gpu engine: ${opening.message}`, opening.remedy);
  try {
    return { engine: await createGpuEngine({ adapter: opening.adapter }), reason };
  } catch (error) {
    if (choice === "gpu") throw error;
    return { engine: await createNodeCpuEngine({ threads }), reason: `the cpu engine, since ${(error as Error).message}` };
  }
}

/**
 * Opens an engine that has shown that it computes a known gradient: nobody takes part in a run without that.
 * @param open another way to open one
 * @throws TabgradError ENGINE_UNAVAILABLE as `openEngine`, ENGINE_FAILED where the gradient is wrong
 */
export async function openProvenEngine(
  choice: EngineChoice,
  options: EngineOptions = {},
  open = openEngine,
): Promise<ChosenEngine> {
  const chosen = await open(choice, options);
  const { engine } = chosen;
  try {
    const { passed, relativeError, tolerance } = await proveEngine(engine, { budgetMs: 0 });
    if (passed) return chosen;
    throw new TabgradError(
      "ENGINE_FAILED",
      `the ${engine.kind} engine (${engine.device}) computes wrongly: its gradient of a known network is off by ${relativeError.toExponential(1)}, allowed is ${tolerance}`,
      engine.kind === "gpu"
        ? "Update the graphics driver, or start the worker with --engine cpu. `tabgrad doctor` says more."
        : "Run `tabgrad doctor`; this machine's memory or processor may be defective.",
    );
  } catch (error) {
    await engine.close().catch(() => {});
    throw error;
  }
}

/** The decision alone: what was asked for, what looking for a GPU came to → which engine, and why. */
export function chooseEngine(choice: EngineChoice, opening: GpuOpening): { kind: EngineKind; reason: string } {
  if (choice !== "auto") return { kind: choice, reason: `the ${choice} engine was asked for` };
  if (!opening.available) return { kind: "cpu", reason: `the cpu engine, since ${opening.message}` };
  const { name } = opening.report;
  if (isSoftware(opening.report)) return { kind: "cpu", reason: `the cpu engine, since the only GPU is a software one (${name})` };
  return { kind: "gpu", reason: `the gpu engine on ${name}` };
}

/** One engine, as `tabgrad doctor` shows it. */
export type EngineReport =
  | {
      readonly kind: EngineKind;
      readonly available: true;
      /** For people. */
      readonly device: string;
      /** Of a GPU: features and limits. */
      readonly adapter?: AdapterReport;
      /** True for a GPU that is a program on the CPU. */
      readonly software: boolean;
      /** Whether it computes rightly, and how fast. */
      readonly proof: EngineProof;
    }
  | { readonly kind: EngineKind; readonly available: false; readonly message: string; readonly remedy: string };

/** Looks for all engines, has each one that opens prove itself, and says which of them "auto" takes. */
export async function inspectEngines(options: EngineOptions = {}): Promise<{ engines: EngineReport[]; auto: string }> {
  const opening = await openGpu();
  const engines = [await inspectGpu(opening), await inspectCpu(options)];
  return { engines, auto: chooseEngine("auto", opening).reason };
}

async function inspectGpu(opening: GpuOpening): Promise<EngineReport> {
  if (!opening.available) return { kind: "gpu", available: false, message: opening.message, remedy: opening.remedy };
  return inspect("gpu", async () => {
    const engine = await createGpuEngine({ adapter: opening.adapter });
    return { engine, adapter: opening.report, software: isSoftware(opening.report) };
  });
}

function inspectCpu(options: EngineOptions): Promise<EngineReport> {
  return inspect("cpu", async () => ({ engine: await createNodeCpuEngine(options), software: false }));
}

async function inspect(
  kind: EngineKind,
  open: () => Promise<{ engine: Engine; adapter?: AdapterReport; software: boolean }>,
): Promise<EngineReport> {
  try {
    const { engine, ...details } = await open();
    try {
      return { kind, available: true, device: engine.device, ...details, proof: await proveEngine(engine) };
    } finally {
      await engine.close();
    }
  } catch (error) {
    const remedy = error instanceof TabgradError ? error.remedy : "This is a defect: please report it.";
    return { kind, available: false, message: (error as Error).message, remedy };
  }
}
