// Inputs, parameters and constants: values that are in a buffer before the first kernel runs.
import type { SourceLowering } from "./lowering.ts";

export const input: SourceLowering = { kind: "source" };
export const parameter: SourceLowering = { kind: "source" };
export const constant: SourceLowering = { kind: "source" };
