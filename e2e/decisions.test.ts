// What evaluations decide (a lower learning rate, an early end) is decided alike whoever computes them, and whenever the coordinator is
// killed around them; and a head that is trained on such a run's body leaves the body as it was. Real processes, real signals.
import { readCheckpoint } from "@tabgrad/coordinator";
import { expect, it } from "vitest";
import { tabgrad, type Command, type JsonEvent } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { ownPort } from "./support/port.ts";

const runFile = "e2e/runs/watched.ts";

interface Moment {
  readonly event: "step" | "eval";
  readonly step: number;
}

interface Killed {
  readonly workers: number;
  readonly out: string;
  readonly more?: readonly string[];
  readonly onEvents?: (events: readonly JsonEvent[]) => void;
}

/**
 * One coordinator after another, each killed as soon as it tells of its moment, or of the next like it; with the same workers. Returns
 * what the last one ends with.
 */
async function killedAt(moments: readonly Moment[], { workers, out, more = [], onEvents = () => {} }: Killed) {
  const port = String(await ownPort());
  let coordinator = tabgrad(["coordinator", runFile, "--port", port, "--json", "--out", out, ...more]);
  const { url } = (await coordinator.event("start")) as unknown as { url: string };
  const team = Array.from({ length: workers }, () => tabgrad(["worker", url, "--engine", "cpu", "--threads", "1"]));
  for (const { event, step } of moments) {
    await coordinator.event(event, (told) => (told.step as number) >= step);
    coordinator.kill("SIGKILL");
    await coordinator.ended;
    // On a machine that has much else to do, it may have come to the end before the signal came to it.
    if (coordinator.events.some((told) => told.event === "done")) break;
    onEvents(coordinator.events);
    coordinator = tabgrad(["coordinator", "--resume", out, "--json"]);
  }
  const done = await coordinator.event("done");
  onEvents(coordinator.events);
  await coordinator.ended;
  // Whoever has not come back before the end looks for the coordinator for an hour.
  for (const worker of team) worker.kill("SIGKILL");
  return done;
}

async function quiet(...more: string[]): Promise<{ run: Command; done: JsonEvent }> {
  const args = ["train", runFile, "--workers", "1", "--engine", "cpu", "--json", "--out", temporaryFolder(), ...more];
  const run = tabgrad(args);
  const done = await run.event("done");
  expect(done.outcome).toBe("finished");
  return { run, done };
}

const of = (events: readonly JsonEvent[], name: string): readonly JsonEvent[] => events.filter(({ event }) => event === name);

/** What an exact run finds of a step or an evaluation, whoever computes it. */
const found = ({ event, step, loss, accuracy, gradientNorm, learningRate }: JsonEvent) =>
  [event, step, loss, accuracy, gradientNorm, learningRate].join(" ");

/** For processes to start, one after another, on a machine that has much else to do. */
const patience = { timeout: 600_000 };

it("falls, stops and ends with the same bits with a coordinator killed around what decides", patience, async () => {
  const { run, done } = await quiet();
  const steps = of(run.events, "step");
  const evaluations = of(run.events, "eval");
  const falls = steps.filter(({ learningRate }, i) => i > 0 && learningRate !== steps[i - 1].learningRate);
  expect(falls.length, "times that the learning rate fell").toBeGreaterThan(1);
  expect(done.why).toMatch(/^stopped early/);
  const [fall, stop] = [falls[1], evaluations.at(-1)!].map(({ step }) => step as number);
  // The rate falls in the step after the evaluation that decides.
  const moments: Moment[] = [
    { event: "eval", step: fall - 1 },
    { event: "step", step: stop },
  ];
  const expected = new Set([...steps, ...evaluations].map(found));
  const onEvents = (events: readonly JsonEvent[]): void => {
    for (const told of [...of(events, "step"), ...of(events, "eval")]) expect(expected).toContain(found(told));
  };
  const out = temporaryFolder();
  const end = await killedAt(moments, { workers: 3, out, onEvents });
  const { step, why, loss, parametersSha256 } = done;
  expect(end).toMatchObject({ outcome: "finished", step, why, loss, parametersSha256 });
  const audit = await tabgrad(["audit", out]).ended;
  expect(audit.exitCode, audit.stderr).toBe(0);
});

it("trains a head with the same bits, killed and resumed or not, on a body that keeps its own", patience, async () => {
  const { done } = await quiet("--steps", "6");
  // Batch normalisation and its statistics are frozen, too.
  const frozen = JSON.stringify([{ parameters: ["0.*", "1.*"], frozen: true }]);
  const head = ["--init", done.checkpoint as string, "--steps", "24", "--set", `parameterGroups=${frozen}`];
  const alone = await quiet(...head);
  const killed = await killedAt([{ event: "step", step: 10 }], { workers: 2, out: temporaryFolder(), more: head });
  expect(killed.parametersSha256).toBe(alone.done.parametersSha256);
  const [body, tuned] = await Promise.all([done, killed].map(({ checkpoint }) => readCheckpoint(checkpoint as string)));
  const changed = tuned.weights.filter(({ data }, i) => data.some((value, k) => value !== body.weights[i].data[k]));
  expect(changed.map(({ name }) => name)).toEqual(["3.weight", "3.bias"]);
});
