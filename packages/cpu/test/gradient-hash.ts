// The bits of one gradient of the MNIST perceptron, in a line: for a test, and as a program for a process of its own
// (`gradient-hash.ts ROWS THREADS`).
import type { Batch, Program } from "@tabgrad/core";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createNodeCpuEngine } from "../src/node.ts";
import { batchOf, classifier, parametersOf } from "./models.ts";

const sizes = [784, 256, 128, 10];
const graph = classifier(sizes);
export const perceptron = { sizes, graph, parameters: parametersOf(graph, 1) } as const;

/** SHA-256 of the gradient and the sums. */
export async function gradientHashOf(
  program: Program,
  batch: Batch,
  gradients = new Float32Array(program.parameterElements),
): Promise<string> {
  const sums = await program.train([batch], gradients);
  const bytes = new Uint8Array(gradients.buffer, gradients.byteOffset, gradients.byteLength);
  return createHash("sha256").update(bytes).update(JSON.stringify(sums)).digest("hex");
}

/** Of a batch of `rows` samples, in an engine of its own. */
export async function gradientHash(rows: number, { threads }: { threads: number }): Promise<string> {
  const engine = await createNodeCpuEngine({ threads });
  const program = await engine.compile(graph, { reproducible: true });
  await program.setParameters(perceptron.parameters);
  const hash = await gradientHashOf(program, batchOf(sizes, rows, 5));
  await engine.close();
  return hash;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [rows, threads] = process.argv.slice(2).map(Number);
  process.stdout.write(await gradientHash(rows, { threads }));
}
