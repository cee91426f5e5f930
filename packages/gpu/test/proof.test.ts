// The proof that `tabgrad doctor` and the join page ask for: the engine passes it, and soon, on a software adapter too.
import { proveEngine } from "@tabgrad/core";
import { expect, it } from "vitest";
import { sharedEngine } from "./support.ts";

const engine = sharedEngine();

it("passes the proof, with errors that are float32's", async () => {
  let time = 0;
  // Ten milliseconds a look: a budget of one is over after the first batch.
  const proof = await proveEngine(engine(), { now: () => (time += 10), budgetMs: 1 });
  expect(proof).toMatchObject({ passed: true, milliseconds: 10, samplesPerSecond: 25_600 });
  for (const error of [proof.relativeError, proof.worstError, proof.lossError]) expect(error).toBeLessThan(1e-5);
});
