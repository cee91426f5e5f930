// Nobody has to stay: whoever dies, stalls, is cut off or sends nonsense, and be it the coordinator, an exact run ends with the bits of
// a quiet run on a single worker. Real processes, real signals, real sockets.
import { sentence } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { tabgrad, type Command } from "./support/command.ts";
import { FaultScript } from "./support/faults.ts";
import { playFaults } from "./support/faulty-run.ts";
import { temporaryFolder } from "./support/folder.ts";

const runFile = "e2e/runs/elastic.ts";
const workers = 3;
/** For dozens of processes to start, one after another, and connections to be given up, on a machine that has much else to do. */
const patienceMs = 900_000;

async function quietHash(count: number, ...more: string[]): Promise<unknown> {
  const args = ["train", runFile, "--workers", String(count), "--engine", "cpu", "--json", "--out", temporaryFolder(), ...more];
  const run = tabgrad(args);
  const { parametersSha256, outcome } = await run.event("done");
  expect(outcome).toBe("finished");
  expect((await run.ended).exitCode).toBe(0);
  return parametersSha256;
}

/** The hash of 200 steps on one worker that nothing happens to; computed once. */
const expectedHash = (() => {
  let hash: Promise<unknown> | undefined;
  return () => (hash ??= quietHash(1));
})();

async function play(script: FaultScript) {
  const out = temporaryFolder();
  const result = await playFaults({ script, runFile, workers, minWorkers: 2, out });
  expect(result.done, `replay with ${String(script)}`).toMatchObject({
    outcome: "finished",
    step: 200,
    parametersSha256: await expectedHash(),
  });
  const audit = await tabgrad(["audit", out]).ended;
  expect(audit.exitCode, `${audit.stderr}\nreplay with ${String(script)}`).toBe(0);
  expect(audit.stdout).toMatch(/200 steps.*every microbatch counted once/);
  return result;
}

const count = <T>(items: readonly T[], fits: (item: T) => boolean): number => items.filter(fits).length;

describe("an exact run", () => {
  it("has the same bits on 1, 2, 3 and 5 workers", { timeout: patienceMs }, async () => {
    const steps = ["--steps", "60"];
    const hashes = [];
    for (const number of [1, 2, 3, 5]) hashes.push(await quietHash(number, ...steps));
    expect(new Set(hashes).size, hashes.join("\n")).toBe(1);
    expect(await quietHash(1, ...steps, "--seed", "2")).not.toBe(hashes[0]);
  });

  it("has the same bits after 50 kills of workers and 5 of the coordinator", { timeout: patienceMs }, async () => {
    const script = FaultScript.random(1, { kills: 50, restarts: 5, firstStep: 2, lastStep: 160 });
    const { played, joins } = await play(script);
    expect(count(played, ({ fault }) => fault.kind === "kill")).toBe(50);
    expect(count(played, ({ fault }) => fault.kind === "restartCoordinator")).toBe(5);
    // Everyone who was killed had joined.
    expect(joins).toBeGreaterThanOrEqual(50 + workers);
  });

  it(
    "has the same bits though workers stall, are cut off, and send nonsense, and the coordinator is killed meanwhile",
    { timeout: patienceMs },
    async () => {
      const script = new FaultScript()
        .stallAt(10, 0, 40)
        .corruptAt(45, 1)
        .partitionAt(60, 2, 90)
        .corruptAt(95, 0)
        .stallAt(110, 1, 150)
        .restartCoordinatorAt(120)
        .partitionAt(130, 0, 160);
      const { played, decisions } = await play(script);
      const corrupted = played.filter(({ fault }) => fault.kind === "corrupt").map(({ name }) => name);
      expect(corrupted).toHaveLength(2);
      const refused = decisions.filter((reason) => reason.kind === "refused").map(({ worker }) => worker);
      expect(new Set(refused), "only who sent nonsense was refused").toEqual(new Set(corrupted));
    },
  );

  it(
    "has the same bits though two workers send nonsense again and again, each of another kind, until they are sent away",
    { timeout: patienceMs },
    async () => {
      const script = new FaultScript().corruptAt(40, 0, "notFinite", 3).corruptAt(42, 1, "outlandish", 3);
      const { played, decisions, ends } = await play(script);
      const [notFinite, outlandish] = played.map(({ name }) => name!);
      const reasonsOf = (kind: "refused" | "quarantined", name: string) =>
        decisions.flatMap((reason) => (reason.kind === kind && reason.worker === name ? [reason] : []));
      for (const [name, why] of [
        [notFinite, /not finite/],
        [outlandish, /times as long as its peers'/],
      ] as const) {
        const refused = reasonsOf("refused", name);
        expect(refused).toHaveLength(3);
        for (const reason of refused) expect(sentence(reason)).toMatch(why);
        expect(reasonsOf("quarantined", name)).toHaveLength(1);
        expect(ends.get(name)).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("WORKER_QUARANTINED") as string });
      }
      const blamed = decisions.filter(({ kind }) => kind === "refused" || kind === "quarantined");
      expect(blamed, "nobody else was blamed").toHaveLength(8);
    },
  );

  it(
    "has the same bits whenever people start workers and kill them: while one comes, many at once, all of them",
    { timeout: patienceMs },
    async () => {
      const args = ["coordinator", runFile, "--port", "0", "--min-workers", "2", "--json", "--out", temporaryFolder()];
      const coordinator = tabgrad(args);
      const { url } = (await coordinator.event("start")) as unknown as { url: string };
      let count = 0;
      const add = (): { name: string; command: Command } => {
        const name = `hand-${++count}`;
        return { name, command: tabgrad(["worker", url, "--engine", "cpu", "--threads", "1", "--name", name]) };
      };
      const joined = ({ name }: { name: string }) =>
        coordinator.event("worker", (event) => event.name === name && event.state === "joined");
      const after = (step: number) => coordinator.event("step", (event) => (event.step as number) >= step);
      const kill = (...workers: readonly { command: Command }[]) => workers.forEach(({ command }) => command.kill("SIGKILL"));
      const [first, second] = [add(), add()];
      await after(3);
      kill(second);
      const early = add();
      await early.command.said(/computing on/);
      kill(early);
      const third = add();
      await joined(third);
      kill(third);
      const crowd = [add(), add(), add()];
      await after(30);
      kill(first, ...crowd);
      add();
      add();
      expect(await coordinator.event("done")).toMatchObject({
        outcome: "finished",
        step: 200,
        parametersSha256: await expectedHash(),
      });
    },
  );

  it("is played again from its printed script", () => {
    const draw = () => FaultScript.random(7, { kills: 4, restarts: 1, firstStep: 2, lastStep: 30 });
    expect(String(draw())).toBe(String(draw()));
    const script = new FaultScript().killAt(3, 1).stallAt(4, 2, 9).corruptAt(5, 0, "outlandish", 2).restartCoordinatorAt(12);
    expect(String(script)).toBe(
      'new FaultScript().killAt(3, 1).stallAt(4, 2, 9).corruptAt(5, 0, "outlandish", 2).restartCoordinatorAt(12)',
    );
  });
});
