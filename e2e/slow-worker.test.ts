// A worker that stands still most of the time, as a real process: the run goes on without it, sends it nothing that it does not need, and
// counts on it again.
import { expect, it } from "vitest";
import { tabgrad, type Command, type JsonEvent } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";

/** Steps in which it would have been sent far more than the coordinator keeps for a worker: 0.9 MB of parameters each. */
const longStop = 100;
const bursts = 15;

const stepOf = (event: JsonEvent): number => event.step as number;
const contributed = ({ shares }: JsonEvent, name: string): boolean =>
  (shares as { name: string }[]).some((share) => share.name === name);

/** Resolves when so many steps more have been told of. */
async function take(coordinator: Command, steps: number): Promise<JsonEvent> {
  const newest = coordinator.events.findLast(({ event }) => event === "step");
  return coordinator.event("step", (event) => stepOf(event) >= stepOf(newest!) + steps);
}

it("a worker that stops again and again is neither waited for nor sent away, and takes part again", async () => {
  const out = temporaryFolder();
  const settings = ["steps=1000000", "evaluateEvery=end", "checkpointEvery=end"].flatMap((setting) => ["--set", setting]);
  const coordinator = tabgrad(["coordinator", "examples/mnist/mlp.ts", "--port", "0", "--json", "--out", out, ...settings]);
  const { url } = await coordinator.event("start");
  const work = (name: string): Command => tabgrad(["worker", url as string, "--engine", "cpu", "--threads", "1", "--name", name]);
  work("fast");
  const slow = work("slow");
  await coordinator.event("step", (event) => contributed(event, "slow") && contributed(event, "fast"));

  slow.kill("SIGSTOP");
  await take(coordinator, longStop);
  slow.kill("SIGCONT");
  for (let burst = 0; burst < bursts; burst++) {
    await take(coordinator, 1);
    slow.kill("SIGSTOP");
    await take(coordinator, 9);
    slow.kill("SIGCONT");
  }
  const woken = stepOf(await take(coordinator, 1));
  await coordinator.event("step", (event) => stepOf(event) > woken && contributed(event, "slow"));

  coordinator.kill("SIGINT");
  await coordinator.event("done");
  const left = coordinator.events.filter(({ event, state }) => event === "worker" && state === "left");
  expect(left.filter(({ why }) => why === "it does not read what it is sent")).toEqual([]);
  await coordinator.ended;
  const audit = await tabgrad(["audit", out]).ended;
  expect(audit.exitCode, audit.stderr).toBe(0);
  expect(audit.stdout).toMatch(/every microbatch counted once/);
});
