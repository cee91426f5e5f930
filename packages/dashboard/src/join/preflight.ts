// The preflight's judgement, a pure function: what was found → a line for each question with its remedy, and which engines may join.
import type { EngineKind } from "@tabgrad/core";
import { brief, bytes } from "../shared/format.ts";
import type { AdapterFinding, Findings } from "./findings.ts";

export type LineStatus = "pending" | "passed" | "warning" | "failed" | "skipped";

export interface PreflightLine {
  readonly id: "secure" | "webgpu" | "adapter" | "limits" | "gradient" | "speed";
  readonly status: LineStatus;
  /** What was asked, in a word or two. */
  readonly title: string;
  /** What was found. */
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
  readonly link?: string;
}

/** What the run and the place of the page have to do with it. */
export interface Circumstances {
  /** Where the same page is on https, if the coordinator speaks that. */
  readonly httpsLink?: string;
  /** Values of the run's parameters, once the run is known. */
  readonly parameters?: number;
}

export interface Preflight {
  readonly lines: readonly PreflightLine[];
  /** Nothing more is coming. */
  readonly complete: boolean;
  /** The engines that this tab may join with, the best first. */
  readonly engines: readonly EngineKind[];
}

/** Samples a second of the test network (784-256-128-10) below which people are told. A laptop's CPU does ten times as many. */
export const slowSamplesPerSecond = 3000;

/** What WebGPU promises of every adapter outside its compatibility mode; the engine counts on it (https://www.w3.org/TR/webgpu/#limits). */
const leastLimits = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16_384,
} as const satisfies Partial<Record<keyof AdapterFinding, number>>;

type Verdict = Omit<PreflightLine, "id" | "title">;

const pending: Verdict = { status: "pending", detail: "looking…" };
const skipped: Verdict = { status: "skipped", detail: "not asked: see above" };

const questions = [
  { id: "secure", title: "Secure page", judge: judgeSecurity },
  { id: "webgpu", title: "WebGPU", judge: judgeWebgpu },
  { id: "adapter", title: "Graphics card", judge: judgeAdapter },
  { id: "limits", title: "Limits", judge: judgeLimits },
  { id: "gradient", title: "Known gradient", judge: judgeGradient },
  { id: "speed", title: "Speed", judge: judgeSpeed },
] as const satisfies readonly (Pick<PreflightLine, "id" | "title"> & {
  readonly judge: (findings: Findings, circumstances: Circumstances) => Verdict;
})[];

export function preflight(findings: Findings, circumstances: Circumstances): Preflight {
  const lines: PreflightLine[] = [];
  let barred = false;
  for (const { id, title, judge } of questions) {
    const verdict: Verdict = barred ? skipped : judge(findings, circumstances);
    // A page that is not secure has no WebGPU, and the first line says why.
    barred ||= verdict.status === "failed";
    lines.push({ id, title, ...verdict });
  }
  const complete = findings.complete;
  return { lines, complete, engines: complete ? enginesOf(findings, { gpu: !barred }) : [] };
}

/** A GPU that is a program on the CPU computes what the CPU engine does, several times slower. */
function enginesOf({ adapter, webAssembly }: Findings, { gpu }: { gpu: boolean }): EngineKind[] {
  const engines: EngineKind[] = [];
  if (gpu) engines.push("gpu");
  if (webAssembly) engines.push("cpu");
  return adapter?.software ? engines.reverse() : engines;
}

function judgeSecurity({ secure }: Findings, { httpsLink }: Circumstances): Verdict {
  if (secure) return { status: "passed", detail: "the browser lets this page see the GPU" };
  const detail = "This page came over plain http from another machine; browsers hide the GPU from such pages.";
  if (httpsLink !== undefined) {
    const remedy = "Open the same page over https. If the browser warns of the certificate, it is the coordinator's own.";
    return { status: "failed", detail, remedy, link: httpsLink };
  }
  return { status: "failed", detail, remedy: "Ask whoever runs the coordinator to start it with --tls, and open the https link." };
}

function judgeWebgpu({ webgpu }: Findings): Verdict {
  if (webgpu) return { status: "passed", detail: "this browser has it" };
  return {
    status: "failed",
    detail: "This browser has no WebGPU.",
    remedy: "Use a recent Chrome, Edge, Safari or Firefox; on Linux, Chrome may want WebGPU switched on at chrome://flags.",
  };
}

function judgeAdapter({ adapter, complete }: Findings): Verdict {
  if (adapter === undefined) return complete ? skipped : pending;
  if (adapter === null) {
    return {
      status: "failed",
      detail: "The browser has WebGPU, but found no GPU that it may use.",
      remedy: "Switch on graphics acceleration in the browser's settings, update the driver, and restart the browser.",
    };
  }
  if (!adapter.software) return { status: "passed", detail: adapter.name };
  return {
    status: "warning",
    detail: `${adapter.name}: a GPU made of software`,
    remedy:
      "It computes correctly, on the CPU and slowly. Switch on graphics acceleration in the browser's settings, or join with the CPU.",
  };
}

function judgeLimits({ adapter, device, complete }: Findings, { parameters = 0 }: Circumstances): Verdict {
  if (!adapter || device === undefined) return complete ? skipped : pending;
  for (const [name, least] of Object.entries(leastLimits)) {
    const found = adapter[name as keyof typeof leastLimits];
    if (found < least) return { status: "failed", detail: `${name} is ${found}; the engine needs ${least}.`, remedy: otherMachine };
  }
  const most = Math.min(adapter.maxBufferSize, adapter.maxStorageBufferBindingSize);
  const needed = parameters * Float32Array.BYTES_PER_ELEMENT;
  if (needed > most) {
    const detail = `The model's parameters take ${bytes(needed)}; this GPU holds at most ${bytes(most)} in one piece.`;
    return { status: "failed", detail, remedy: otherMachine };
  }
  if (device !== "opened") return { status: "failed", detail: device.message, remedy: device.remedy };
  return { status: "passed", detail: `${bytes(most)} in one piece` };
}

const otherMachine = "Join with the CPU here, or from another machine.";

function judgeGradient({ proof, complete }: Findings): Verdict {
  if (proof === undefined) return complete ? skipped : { status: "pending", detail: "computing one…" };
  if ("message" in proof) return { status: "failed", detail: proof.message, remedy: proof.remedy };
  const error = proof.relativeError.toExponential(1);
  if (proof.passed) return { status: "passed", detail: `correct to ${error}` };
  return {
    status: "failed",
    detail: `This GPU computes wrongly: its gradient is off by ${error}, where ${proof.tolerance.toExponential(0)} is allowed.`,
    remedy: "Update the graphics driver and the browser. Wrong gradients would spoil the run for everybody, so this GPU stays out.",
  };
}

function judgeSpeed({ proof, complete }: Findings): Verdict {
  if (proof === undefined || "message" in proof) return complete ? skipped : pending;
  const detail = `about ${brief(proof.samplesPerSecond)} samples a second of a small test network`;
  if (proof.samplesPerSecond >= slowSamplesPerSecond) return { status: "passed", detail };
  return {
    status: "warning",
    detail,
    remedy: "That is slow. It still helps: everybody gets a share that fits, and nobody waits for the slowest.",
  };
}
