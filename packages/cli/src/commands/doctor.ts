// `tabgrad doctor`: which engines work here, on what, whether they compute rightly, and why one does not.
import type { EngineKind, EngineProof } from "@tabgrad/core";
import { inspectEngines, type EngineReport } from "@tabgrad/worker-node/engines";
import { Command } from "commander";
import { availableParallelism, cpus, totalmem } from "node:os";
import pc from "picocolors";
import { options } from "../options.ts";
import { version } from "../version.ts";

/** Of all the limits that an adapter states, those that decide which models fit. */
const tellingLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
];

export const doctorCommand = (): Command =>
  new Command("doctor")
    .description("say which engines work on this machine, how fast, and why one does not")
    .addOption(options.verbose())
    .option("--json", "print the findings as one JSON object")
    .action(async (given: { json?: true; verbose?: true }) => {
      const findings = await inspectEngines();
      process.stdout.write(given.json ? `${JSON.stringify(findings)}\n` : report(findings, { verbose: given.verbose ?? false }));
    });

interface ReportOptions {
  /** All limits of a GPU, not only the telling ones. */
  readonly verbose: boolean;
}

function report({ engines, auto }: Awaited<ReturnType<typeof inspectEngines>>, options: ReportOptions): string {
  const machine = `${process.platform}-${process.arch}, ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const lines = [`tabgrad ${version} on Node ${process.versions.node}`, machine, ""];
  for (const engine of engines) lines.push(...describeEngine(engine, options), "");
  lines.push(`--engine auto takes ${auto}.`);
  return `${lines.join("\n")}\n`;
}

/** An engine in a few lines: the first with its sign, the others indented. */
export function describeEngine(engine: EngineReport, { verbose }: ReportOptions): string[] {
  if (!engine.available) return [`${pc.red("✗")} ${pc.bold(engine.kind)}  ${engine.message}`, `       ${engine.remedy}`];
  const { proof } = engine;
  const sign = proof.passed ? pc.green("✓") : pc.red("✗");
  const note = engine.software ? pc.yellow("  a software adapter: slower than the cpu engine") : "";
  const lines = [`${sign} ${pc.bold(engine.kind)}  ${engine.device}${note}`];
  lines.push(...describeProof(proof, engine.kind).map((line) => `       ${line}`));
  if (!engine.adapter) return lines;
  const { limits, features } = engine.adapter;
  const half = features.includes("shader-f16");
  lines.push(`       precision ${half ? "float32, mixed" : "float32 (mixed needs shader-f16)"}`);
  lines.push(`       features  ${[...features].sort().join(", ") || "none"}`);
  for (const [name, value] of Object.entries(limits).sort(([a], [b]) => a.localeCompare(b))) {
    if (verbose || tellingLimits.includes(name)) lines.push(`       ${name}  ${value.toLocaleString("en")}`);
  }
  return lines;
}

function describeProof(proof: EngineProof, kind: EngineKind): string[] {
  const speed = `about ${Number(proof.samplesPerSecond.toPrecision(2)).toLocaleString("en")} samples/s`;
  if (proof.passed) return [`gradient right (relative error ${proof.relativeError.toExponential(0)}), ${speed}`];
  return [`${pc.red(whatIsWrong(proof))}, ${speed}`, remedies[kind]];
}

/** The gradient where it is wrong; else all that is left to be wrong is the loss. */
function whatIsWrong({ relativeError, worstError, lossError, tolerance }: EngineProof): string {
  const gradientError = Math.max(relativeError, worstError);
  const [what, error] = gradientError > tolerance ? ["gradient", gradientError] : ["loss", lossError];
  if (!Number.isFinite(error)) return `${what} wrong (it is not finite)`;
  return `${what} wrong (relative error ${error.toExponential(0)}, at most ${tolerance.toExponential(0)} is rounding)`;
}

const remedies: Readonly<Record<EngineKind, string>> = {
  gpu: "Do not train with it: update the GPU's driver, or use --engine cpu.",
  cpu: "Do not train with it: install again with `npm ci`, or use --engine gpu.",
};
