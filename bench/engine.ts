// The CPU engine alone, on one thread: forward, loss, backward and optimizer.
import { createNodeCpuEngine } from "@tabgrad/cpu/node";
import { timeTraining } from "./timed-training.ts";
import type { Work } from "./work.ts";

/** @returns samples, or tokens, a second */
export async function measureEngine(work: Work, steps: number): Promise<number> {
  const engine = await createNodeCpuEngine({ threads: 1 });
  // In PyTorch as many.
  const speed = await timeTraining(engine, work, { warmUp: 5, steps });
  await engine.close();
  return speed;
}
