// npm run bench:kernels [-- NAME [ROWS [PRECISION [DAWN-OPTION…]]]]
//
// Where the GPU's time of a training step goes, kernel by kernel: share of the time, and of products the GFLOP/s reached.
import type { Precision } from "@tabgrad/core";
import { profileTraining, type KernelTime } from "@tabgrad/gpu/profile";
import { gpuWorks, workOf, type GpuWorkName } from "./works.ts";

const [name = "cnn", rows, precision = "float32", ...dawnOptions] = process.argv.slice(2);
const work = gpuWorks.find((candidate) => candidate.name === name);
if (!work) throw new Error(`there is no network ${name}; use one of ${[...new Set(gpuWorks.map(({ name }) => name))].join(", ")}`);
const { graph, batch } = workOf({ name: name as GpuWorkName, rows: Number(rows ?? work.rows) });

const { kernels, microseconds } = await profileTraining(graph, batch, {
  precision: precision as Precision,
  dawnOptions: dawnOptions.length > 0 ? dawnOptions : undefined,
});
const sum = kernels.reduce((total, kernel) => total + kernel.microseconds, 0);
console.log(
  `${name}, ${batch.rows} rows, ${precision}: ${kernels.length} kernels, ${microseconds.toFixed(1)} µs in one pass, ${sum.toFixed(1)} µs one by one`,
);
console.log("      µs  share  GFLOP/s  workgroups  kernel");
for (const kernel of [...kernels].sort((a, b) => b.microseconds - a.microseconds)) console.log(line(kernel));

function line({ label, groups, microseconds: time, operations }: KernelTime): string {
  const speed = operations === undefined ? "" : (operations / time / 1000).toFixed(0);
  const share = `${((time / sum) * 100).toFixed(1)} %`;
  return `${time.toFixed(1).padStart(8)} ${share.padStart(6)} ${speed.padStart(8)} ${String(groups).padStart(11)}  ${label}`;
}
