// The whole program: `tabgrad train` on MNIST with worker processes of one thread each, 128 samples a step for each of them.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
// As npm links it, with the flags that its first line gives Node.
const command = join(root, "node_modules/.bin/tabgrad");
const warmUp = 100;

/** @returns samples a second from step 100 on, evaluation left out */
export async function measureWorkers(workers: number, steps: number): Promise<number> {
  const out = mkdtempSync(join(tmpdir(), "tabgrad-bench-"));
  const batchSize = 128 * workers;
  const settings = [`batchSize=${batchSize}`, `steps=${warmUp + steps}`, "evaluateEvery=end", "checkpointEvery=end"];
  const args = ["train", "examples/mnist/mlp.ts", "--workers", String(workers), "--engine", "cpu", "--threads", "1"];
  const child = spawn(command, [...args, "--json", "--out", out, ...settings.flatMap((setting) => ["--set", setting])], {
    cwd: root,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let begin = 0;
  let beginSamples = 0;
  let samples = 0;
  let end = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event: string; step: number; samples: number };
    if (event.event !== "step") continue;
    samples += event.samples;
    end = performance.now();
    if (event.step === warmUp) [begin, beginSamples] = [end, samples];
  }
  rmSync(out, { recursive: true, force: true });
  if (begin === 0 || end === begin) throw new Error("the run ended before it could be measured; try it by hand");
  return ((samples - beginSamples) / (end - begin)) * 1000;
}
