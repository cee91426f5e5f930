// Starting, stopping and dying, in any order: a checkpoint is left and no process is.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tabgrad } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { ownPort } from "./support/port.ts";
import { childrenOf, isAlive } from "./support/processes.ts";

const mlp = "examples/mnist/mlp.ts";
const endless = ["--engine", "cpu", "--json", "--epochs", "100000"];

describe("train", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("ends on %s with a checkpoint and without leaving a process", async (signal) => {
    const out = temporaryFolder();
    const run = tabgrad(["train", mlp, "--workers", "2", "--out", out, ...endless]);
    await run.event("step", ({ step }) => (step as number) > 5);
    const children = childrenOf(run.pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    run.kill(signal);
    const { exitCode } = await run.ended;
    expect(exitCode).toBe(130);
    const done = run.events.at(-1)!;
    expect(done).toMatchObject({ event: "done", outcome: "stopped", code: "INTERRUPTED" });
    expect(existsSync(join(done.checkpoint as string, "model.safetensors"))).toBe(true);
    expect(children.filter(isAlive)).toEqual([]);
  });

  it("ends with a checkpoint when nobody reads its output any more", async () => {
    const out = temporaryFolder();
    const run = tabgrad(["train", mlp, "--workers", "1", "--out", out, ...endless]);
    await run.event("step");
    const children = childrenOf(run.pid);
    run.closeOutput();
    const { exitCode, stderr } = await run.ended;
    expect(exitCode).toBe(130);
    expect(stderr).not.toMatch(/EPIPE|"level":50/);
    // That of step 0 is there from the beginning.
    const steps = readdirSync(out).filter((name) => name.startsWith("step-"));
    expect(Math.max(...steps.map((name) => Number(name.slice("step-".length))))).toBeGreaterThan(0);
    expect(children.filter(isAlive)).toEqual([]);
  });

  it("leaves no worker behind when it is killed outright", async () => {
    const run = tabgrad(["train", mlp, "--workers", "2", "--out", temporaryFolder(), ...endless]);
    await run.event("step");
    const children = childrenOf(run.pid);
    run.kill("SIGKILL");
    await run.ended;
    // The workers notice by themselves; how soon is theirs to say, that they do is ours to see.
    await expect.poll(() => children.filter(isAlive), { timeout: 60_000 }).toEqual([]);
  });

  it("ends within a step of being asked twice", async () => {
    const run = tabgrad(["train", mlp, "--workers", "1", "--out", temporaryFolder(), ...endless]);
    await run.event("step");
    const children = childrenOf(run.pid);
    run.kill("SIGINT");
    run.kill("SIGINT");
    expect((await run.ended).exitCode).toBe(130);
    await expect.poll(() => children.filter(isAlive), { timeout: 60_000 }).toEqual([]);
  });

  it("goes on while one of two workers dies, and says so", async () => {
    const run = tabgrad([
      "train",
      mlp,
      "--workers",
      "2",
      "--out",
      temporaryFolder(),
      "--engine",
      "cpu",
      "--json",
      "--steps",
      "300",
    ]);
    await run.event("step", ({ step }) => (step as number) > 5);
    process.kill(childrenOf(run.pid)[0], "SIGKILL");
    const left = await run.event("worker", ({ state }) => state === "left");
    const done = await run.event("done");
    expect(left).toMatchObject({ workers: 1 });
    expect(done).toMatchObject({ outcome: "finished", step: 300 });
    expect((await run.ended).exitCode).toBe(0);
  });
});

describe("coordinator and worker", () => {
  it("may be started in either order; the worker waits, and ends when the run does", async () => {
    const port = await ownPort();
    const worker = tabgrad(["worker", `http://127.0.0.1:${port}`, "--engine", "cpu", "--name", "early"]);
    await worker.said(/127\.0\.0\.1/);
    const out = temporaryFolder();
    const coordinator = tabgrad(["coordinator", mlp, "--port", String(port), "--steps", "20", "--json", "--out", out]);
    const done = await coordinator.event("done");
    expect(done).toMatchObject({ outcome: "finished" });
    expect((await coordinator.ended).exitCode).toBe(0);
    expect((await worker.ended).exitCode).toBe(0);
    expect(coordinator.events).toContainEqual(
      expect.objectContaining({ event: "worker", name: "early", engine: "cpu", host: "node", state: "joined" }),
    );
    expect(readdirSync(out).sort()).toContain("journal.msgpack");
  });

  it("waits for as many workers as it was told to", async () => {
    const coordinator = tabgrad([
      "coordinator",
      mlp,
      "--port",
      "0",
      "--min-workers",
      "2",
      "--steps",
      "5",
      "--json",
      "--out",
      temporaryFolder(),
    ]);
    const { url } = (await coordinator.event("start")) as unknown as { url: string };
    const first = tabgrad(["worker", url, "--engine", "cpu"]);
    await coordinator.event("decision", ({ reason }) => (reason as { kind: string }).kind === "waiting");
    expect(coordinator.events.some((event) => event.event === "step")).toBe(false);
    const second = tabgrad(["worker", url, "--engine", "cpu"]);
    await coordinator.event("done");
    expect(await Promise.all([coordinator, first, second].map(async (command) => (await command.ended).exitCode))).toEqual([
      0, 0, 0,
    ]);
  });

  it("a worker that is interrupted gives its work back and leaves politely", async () => {
    const coordinator = tabgrad(["coordinator", mlp, "--port", "0", "--json", "--epochs", "100000", "--out", temporaryFolder()]);
    const { url } = (await coordinator.event("start")) as unknown as { url: string };
    const worker = tabgrad(["worker", url, "--engine", "cpu"]);
    await coordinator.event("step");
    worker.kill("SIGINT");
    expect((await worker.ended).exitCode).toBe(130);
    await coordinator.event("worker", ({ state }) => state === "left");
    await coordinator.event("decision", ({ reason }) => (reason as { kind: string }).kind === "waiting");
    coordinator.kill("SIGINT");
    expect((await coordinator.ended).exitCode).toBe(130);
  });
});
