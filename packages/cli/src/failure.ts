// How a failure reaches a person: what came, what was expected, what to do, and a code; with --verbose where it happened, too.
import type { TabgradError } from "@tabgrad/core";
import { errorKinds, exitCodes } from "@tabgrad/core";
import pc from "picocolors";
import { createLog } from "./log.ts";

/**
 * A TabgradError by its shape: a run file may bring its own copy of the package, whose errors are no instances of our class.
 */
export function asTabgradError(error: unknown): TabgradError | undefined {
  const candidate = error as Partial<TabgradError> | undefined;
  return candidate?.name === "TabgradError" && candidate.code !== undefined && candidate.code in errorKinds
    ? (error as TabgradError)
    : undefined;
}

/** Text for stderr and the exit code. */
export function describeFailure(error: unknown, verbose: boolean): { text: string; exitCode: number } {
  const known = asTabgradError(error);
  if (known) {
    const lines = [`${pc.red("error")} ${pc.dim(known.code)}  ${known.message}`, `      ${known.remedy}`];
    if (verbose) lines.push("", known.stack ?? "", ...causes(known));
    return { text: lines.join("\n"), exitCode: known.exitCode };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const lines = [
    `${pc.red("error")} ${pc.dim("INTERNAL")}  ${message}`,
    "      This is a defect of tabgrad. Please report it with the output of the same command with --verbose.",
  ];
  if (verbose) lines.push("", stack ?? "", ...causes(error));
  return { text: lines.join("\n"), exitCode: exitCodes.internal };
}

/**
 * Says on stderr what went wrong, as the log format asks for; returns the exit code.
 * @param args the command line: it may be what could not be read, so it is only looked at
 */
export function reportFailure(error: unknown, args: readonly string[]): number {
  const verbose = args.includes("--verbose");
  const { text, exitCode } = describeFailure(error, verbose);
  const known = asTabgradError(error);
  const json = args[args.indexOf("--log") + 1] === "json" && args.includes("--log");
  if (json && known) createLog({ verbose, format: "json" }).error({ code: known.code, remedy: known.remedy }, known.message);
  else process.stderr.write(`${text}\n`);
  return exitCode;
}

function causes(error: unknown): string[] {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? [`caused by ${cause.stack ?? cause.message}`, ...causes(cause)] : [];
}
