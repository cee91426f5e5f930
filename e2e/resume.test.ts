// A coordinator that is killed in mid-run, by the operating system and without a word: started again, it goes on where it was, its
// worker finds it by itself, and what comes out is what an undisturbed run computes.
import { readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tabgrad, type Command } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { ownPort } from "./support/port.ts";
import { checkpointParameters, referenceParameters, relativeDifference } from "./support/reference.ts";
import smooth from "./runs/smooth.ts";

const runFile = "e2e/runs/smooth.ts";
const reached = (coordinator: Command, count: number) => coordinator.event("step", ({ step }) => (step as number) >= count);

describe("a coordinator that is killed", () => {
  it("goes on where it was, with the same worker, and the audit passes", async () => {
    const out = temporaryFolder();
    const begin = ["coordinator", runFile, "--steps", "120", "--checkpoint-every", "7steps", "--json", "--out", out];
    const first = tabgrad([...begin, "--port", String(await ownPort())]);
    const { url, runId } = (await first.event("start")) as unknown as { url: string; runId: string };
    const worker = tabgrad(["worker", url, "--engine", "cpu", "--threads", "1", "--name", "faithful"]);
    await reached(first, 25);
    first.kill("SIGKILL");
    await first.ended;
    const token = readFileSync(join(out, "control-token"), "utf8");

    const second = tabgrad(["coordinator", "--resume", out, "--json"]);
    const again = (await second.event("start")) as unknown as { url: string; runId: string; step: number };
    expect(again).toMatchObject({ url, runId });
    expect(again.step % 7).toBe(0);
    await reached(second, 70);
    second.kill("SIGKILL");
    await second.ended;

    // Nobody else is here: it waits for the worker that it knows.
    const third = tabgrad(["coordinator", runFile, "--resume", out, "--steps", "120", "--json"]);
    const done = await third.event("done");
    expect(done).toMatchObject({ outcome: "finished", step: 120, checkpoint: join(out, "step-00000120") });
    expect((await third.ended).exitCode).toBe(0);
    expect((await worker.ended).exitCode).toBe(0);
    expect(readFileSync(join(out, "control-token"), "utf8")).toBe(token);
    expect(third.events.some(({ event, name, state }) => event === "worker" && name === "faithful" && state === "joined")).toBe(
      true,
    );

    const audit = await tabgrad(["audit", out]).ended;
    expect(audit.exitCode, audit.stderr).toBe(0);
    expect(audit.stdout).toMatch(/120 steps.*every microbatch counted once/);
    expect(audit.stdout).toMatch(/2 resumptions/);
    const found = await checkpointParameters(done.checkpoint as string);
    expect(relativeDifference(found, await referenceParameters(smooth, ["steps=120"]))).toBeLessThan(1e-5);
  });
});

describe("an exact run", () => {
  it("has the same bits, killed and resumed with other workers or not", async () => {
    const train = ["train", runFile, "--set", "exact=true", "--steps", "60", "--engine", "cpu", "--json"];
    const quiet = tabgrad([...train, "--workers", "1", "--out", temporaryFolder()]);
    const { parametersSha256 } = await quiet.event("done");
    const out = temporaryFolder();
    const port = ["--port", String(await ownPort())];
    const killed = tabgrad([...train, ...port, "--workers", "2", "--checkpoint-every", "9steps", "--out", out]);
    await reached(killed, 30);
    killed.kill("SIGKILL");
    await killed.ended;
    const resumed = tabgrad(["train", "--resume", out, "--workers", "3", "--engine", "cpu", "--json"]);
    expect(await resumed.event("done")).toMatchObject({ step: 60, parametersSha256 });
    expect((await tabgrad(["audit", out]).ended).exitCode).toBe(0);
  });
});

describe("resuming", () => {
  const fails = async (args: readonly string[]) => {
    const { exitCode, stderr } = await tabgrad(args).ended;
    expect(stderr, "no stack trace").not.toMatch(/^\s+at .*:\d+:\d+/m);
    return { exitCode, stderr };
  };

  it("is refused with a reason where there is nothing to resume, the run is over, or it is another one", async () => {
    const out = temporaryFolder();
    expect(await fails(["coordinator"])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--resume") as string });
    expect(await fails(["train", "--resume", out])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("RESUME_IMPOSSIBLE") as string,
    });
    const run = tabgrad(["train", runFile, "--workers", "1", "--engine", "cpu", "--steps", "5", "--out", out]);
    expect((await run.ended).exitCode).toBe(0);
    for (const [args, message] of [
      [["--resume", out], /RESUME_IMPOSSIBLE.*is over/],
      [["--resume", out, "--steps", "3"], /RESUME_IMPOSSIBLE.*5 steps already/],
      [["--resume", out, "--out", out], /OPTION_INVALID.*--out/],
      [["--resume", out, "--set", "batchSize=32"], /OPTION_INVALID.*--set/],
      [[runFile, "--resume", out, "--steps", "9", "--set", "batchSize=32"], /RESUME_IMPOSSIBLE.*batchSize: was 256, is 32/],
      [[runFile, "--out", out], /OUTPUT_IN_USE.*step 5/],
      [["--resume", out, "--checkpoint-every", "3parsecs"], /OPTION_INVALID.*--checkpoint-every 3parsecs/],
    ] as const) {
      const { exitCode, stderr } = await fails(["train", ...args]);
      expect(stderr).toMatch(message);
      expect(exitCode).toBe(2);
    }
    const more = tabgrad(["train", "--resume", out, "--steps", "9", "--workers", "1", "--engine", "cpu", "--json"]);
    expect(await more.event("done")).toMatchObject({ outcome: "finished", step: 9 });
    const report = await tabgrad(["audit", out, "--json"]).ended;
    expect(JSON.parse(report.stdout)).toMatchObject({ steps: 9, resumptions: 1, repeatedSteps: 0 });

    // A journal that lost something proves nothing, and a checkpoint whose bytes were changed is none.
    const journal = join(out, "journal.msgpack");
    truncateSync(journal, Math.floor(statSync(journal).size / 2));
    const { exitCode, stderr } = await fails(["audit", out]);
    expect(stderr).toMatch(/AUDIT_FAILED.*step \d+/);
    expect(exitCode).toBe(3);
    truncateSync(join(out, "step-00000009", "model.safetensors"), 1000);
    expect((await fails(["audit", join(out, "step-00000009")])).stderr).toMatch(/CHECKPOINT_INVALID.*1000 bytes/);
  });
});
