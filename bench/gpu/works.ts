// What the GPU is measured on: the networks of the CPU's bench with more samples, and heavier ones.
import { heavyNetworks, networks } from "../networks.ts";
import { classifierWork, transformerWork, type Work } from "../work.ts";

export type GpuWorkName = "mlp" | "cnn" | "transformer" | "wide" | "deep";

export interface GpuWork {
  readonly name: GpuWorkName;
  /** Rows of a batch. */
  readonly rows: number;
  /** Of what speeds are counted. */
  readonly unit: "samples" | "tokens";
  /** As many as take about a second on a fast GPU. */
  readonly steps: number;
}

export const gpuWorks: readonly GpuWork[] = [
  { name: "mlp", rows: 128, unit: "samples", steps: 500 },
  { name: "mlp", rows: 1024, unit: "samples", steps: 500 },
  { name: "cnn", rows: 128, unit: "samples", steps: 300 },
  { name: "cnn", rows: 512, unit: "samples", steps: 200 },
  { name: "transformer", rows: 32, unit: "tokens", steps: 100 },
  { name: "transformer", rows: 256, unit: "tokens", steps: 50 },
  { name: "wide", rows: 2048, unit: "samples", steps: 20 },
  { name: "deep", rows: 128, unit: "samples", steps: 50 },
];

export function workOf({ name, rows }: Pick<GpuWork, "name" | "rows">): Work {
  if (name === "transformer") return transformerWork(rows);
  return classifierWork({ ...networks, ...heavyNetworks }[name], rows);
}
