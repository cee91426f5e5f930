// From a run file to the settings of a run: everything checked, every default filled in.
import type { z } from "zod";
import { TabgradError } from "../errors.ts";
import { valueAt } from "./fields.ts";
import { defaultMicrobatchSize, microbatchProblem } from "./microbatch-size.ts";
import { problemsOf } from "./problems.ts";
import { microbatchSizeSchema, runFileSchema, settingsShape } from "./schema.ts";

/** How long a run goes on. */
export type Duration = { readonly epochs: number } | { readonly steps: number };

/** A run file, checked and complete. Model, loss and metrics are still functions: the graph needs the data's description. */
export interface RunSettings extends Readonly<Omit<z.output<typeof runFileSchema>, "epochs" | "steps" | "microbatchSize">> {
  readonly microbatchSize: number;
  readonly duration: Duration;
}

/**
 * Checks what a run file exports by default.
 * @throws TabgradError RUN_FILE_INVALID with a line for every problem
 */
export function checkRun(exported: unknown): RunSettings {
  const problems = [...problemsOf(runFileSchema, exported), ...disagreements(exported)];
  if (problems.length > 0) {
    throw new TabgradError(
      "RUN_FILE_INVALID",
      problems.length === 1
        ? problems[0]
        : `There are ${problems.length} problems:\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
      problems.length === 1 ? "Correct it in the run file, or in --set." : "Correct them in the run file, or in --set.",
    );
  }
  const { epochs, steps, microbatchSize, ...rest } = runFileSchema.parse(exported);
  return {
    ...rest,
    microbatchSize: microbatchSize ?? defaultMicrobatchSize(rest.batchSize),
    duration: epochs === undefined ? { steps: steps! } : { epochs },
  };
}

/** What each field allows by itself, but not together with another. */
function disagreements(exported: unknown): string[] {
  if (typeof exported !== "object" || exported === null || Array.isArray(exported)) return [];
  const problems: string[] = [];
  const [epochs, steps] = [valueAt(exported, ["epochs"]), valueAt(exported, ["steps"])];
  if (epochs === undefined && steps === undefined) problems.push("epochs: expected epochs or steps, but both are missing");
  if (epochs !== undefined && steps !== undefined) problems.push("epochs: expected either epochs or steps, got both");
  const batchSize = settingsShape.batchSize.safeParse(valueAt(exported, ["batchSize"]));
  const microbatchSize = microbatchSizeSchema.safeParse(valueAt(exported, ["microbatchSize"]));
  const uneven = batchSize.success && microbatchSize.success ? microbatchProblem(batchSize.data, microbatchSize.data) : undefined;
  if (uneven) problems.push(uneven);
  return problems;
}
