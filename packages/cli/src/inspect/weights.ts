// What a bare file of weights holds.
import { readSafetensors } from "@tabgrad/coordinator";
import { stat } from "node:fs/promises";
import { tensorFindings, type TensorFindings } from "./tensors.ts";

export interface WeightsFindings {
  readonly kind: "weights";
  readonly path: string;
  readonly bytes: number;
  /** What whoever wrote the file said of it. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly TensorFindings[];
}

/** @throws TabgradError CHECKPOINT_INVALID, DATA_UNREADABLE */
export async function inspectWeights(path: string): Promise<WeightsFindings> {
  const { header, weights } = await readSafetensors(path);
  const { size } = await stat(path);
  const tensors = header.tensors.map((entry, i) => tensorFindings(entry, weights[i]));
  return { kind: "weights", path, bytes: size, metadata: header.metadata, tensors };
}
