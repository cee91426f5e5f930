// `tabgrad doctor`: which engines work here, on what, and why one does not.
import { inspectEngines, type EngineReport } from "@tabgrad/worker-node";
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
    .description("say which engines work on this machine, and why one does not")
    .addOption(options.verbose())
    .option("--json", "print the findings as one JSON object")
    .action(async (given: { json?: true; verbose?: true }) => {
      const findings = await inspectEngines();
      process.stdout.write(given.json ? `${JSON.stringify(findings)}\n` : report(findings, given.verbose ?? false));
    });

function report({ engines, auto }: Awaited<ReturnType<typeof inspectEngines>>, verbose: boolean): string {
  const machine = `${process.platform}-${process.arch}, ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const lines = [`tabgrad ${version} on Node ${process.versions.node}`, machine, ""];
  for (const engine of engines) lines.push(...describe(engine, verbose), "");
  lines.push(`--engine auto takes ${auto}.`);
  return `${lines.join("\n")}\n`;
}

function describe(engine: EngineReport, verbose: boolean): string[] {
  if (!engine.available) return [`${pc.red("✗")} ${pc.bold(engine.kind)}  ${engine.message}`, `       ${engine.remedy}`];
  const note = engine.software ? pc.yellow("  a software adapter: right, but slower than the cpu engine") : "";
  const lines = [`${pc.green("✓")} ${pc.bold(engine.kind)}  ${engine.device}${note}`];
  if (!engine.adapter) return lines;
  const { limits, features } = engine.adapter;
  lines.push(`       features  ${[...features].sort().join(", ") || "none"}`);
  for (const [name, value] of Object.entries(limits).sort(([a], [b]) => a.localeCompare(b))) {
    if (verbose || tellingLimits.includes(name)) lines.push(`       ${name}  ${value.toLocaleString("en")}`);
  }
  return lines;
}
