// The engine's thread, from TypeScript source: it opens, answers, fails in words, and ends.
import { describe, expect, it } from "vitest";
import { ThreadCompute } from "../src/thread-compute.ts";

describe("the engine's thread", () => {
  it("opens the cpu engine and ends when it is closed", async () => {
    const { compute, opened } = await ThreadCompute.open({ kind: "cpu", threads: 1 });
    expect(opened).toMatchObject({ kind: "cpu", device: expect.stringMatching(/ONNX Runtime .*, 1 thread/) });
    await compute.close();
    await expect(compute.dropShard(0)).rejects.toThrow(expect.objectContaining({ code: "ENGINE_FAILED" }));
  });
});
