// The predictions' session against a coordinator's answers: what it fetches and when, what it says, and who is answered first.
import {
  indexOfGreatest,
  evaluate,
  featuresField,
  inferenceGraph,
  parametersPath,
  predictionOutput,
  shardPath,
} from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import type { FromPredictor, ToPredictor } from "../src/predict/messages.ts";
import { createPlainPredictor } from "../src/predict/predictor.ts";
import { PredictSession } from "../src/predict/session.ts";
import { classes, Coordinator, graph, parametersOf, runOf, side } from "./predict-model.ts";

const looking = { kind: "follow", visible: true, reachable: true, runStep: 0, over: false } as const;

/** A session on a clock of its own: a call of the predictor takes `msPerSample` for each sample. */
function begin(coordinator: Coordinator, { msPerSample = 0.5 } = {}) {
  const said: FromPredictor[] = [];
  const timers = new Set<{ at: number; then: () => void }>();
  let now = 0;
  const session = new PredictSession({
    fetch: coordinator.fetch,
    post: (message) => said.push(message),
    async createPredictor(of) {
      const plain = createPlainPredictor(of);
      return { ...plain, predict: (features, rows) => ((now += rows * msPerSample), plain.predict(features, rows)) };
    },
    now: () => now,
    after(milliseconds, then) {
      const timer = { at: now + milliseconds, then };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  });
  /** Lets everything happen that needs no time to pass. */
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < 40; quiet++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (milliseconds: number): Promise<void> => {
    now += milliseconds;
    for (const timer of [...timers]) if (timer.at <= now && timers.delete(timer)) timer.then();
    await settle();
  };
  const tell = async (message: ToPredictor): Promise<void> => {
    session.receive(message);
    await settle();
  };
  const kinds = (kind: FromPredictor["kind"]): FromPredictor[] => said.filter((message) => message.kind === kind);
  const last = <K extends FromPredictor["kind"]>(kind: K) =>
    said.findLast((message): message is Extract<FromPredictor, { kind: K }> => message.kind === kind);
  return { session, said, settle, pass, tell, kinds, last };
}

describe("what is assessed", () => {
  it("is what the model says of the held-out samples", async () => {
    const coordinator = new Coordinator(runOf([4, 5, 6]));
    coordinator.version = 3;
    const { tell, last } = begin(coordinator);
    await tell({ ...looking, runStep: 3 });

    const assessed = last("assessed")!;
    const { values } = coordinator.run;
    const held = Float32Array.from(values.subarray(4 * side * side));
    const { data } = evaluate(inferenceGraph(graph, 11), { [featuresField]: held }, parametersOf(3))[predictionOutput];
    const expected = Array.from({ length: 11 }, (_, i) => indexOfGreatest(data.subarray(3 * i, 3 * i + 3)));
    expect(assessed.version).toBe(3);
    expect(assessed.assessment).toMatchObject({ kind: "classes", count: 11 });
    expect(Array.from(assessed.assessment.predicted)).toEqual(expected);
    expect(Array.from(assessed.assessment.truth)).toEqual([1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(coordinator.asked).not.toContain(shardPath("hash0"));
  });

  it("grows to all samples where there is time, and stays small where there is not", async () => {
    const [quick, slow] = [0.1, 40].map((msPerSample) => begin(new Coordinator(runOf([4, 400])), { msPerSample }));
    await quick.tell(looking);
    await expect.poll(() => quick.last("assessed")?.assessment.count).toBe(400);
    await slow.tell(looking);
    await expect.poll(() => slow.last("assessed")?.assessment.count).toBeLessThan(50);
    await slow.pass(2000);
    await slow.tell({ ...looking, runStep: 1 });
    expect(slow.last("assessed")?.version).toBe(0);
  });

  it("is nothing where nothing is held out, and a drawing is answered all the same", async () => {
    const { tell, kinds, last } = begin(new Coordinator(runOf([4])));
    await tell(looking);
    expect(last("opened")?.opened).toMatchObject({ heldOut: 0, pad: { centred: true, light: false } });
    expect(kinds("assessed")).toEqual([]);
    const drawing = { width: 12, height: 12, ink: new Uint8Array(144).fill(255, 60, 84) };
    await tell({ kind: "ask", question: { kind: "drawing", drawing } });
    expect(last("reply")?.reply).toMatchObject({ version: 0, question: "drawing" });
  });
});

it("says of samples with a label at each position how many there are, and fetches none of them", async () => {
  const coordinator = new Coordinator(runOf([4, 5]));
  const { dataset } = coordinator.run.document;
  const labels = { kind: "classes", count: classes, shape: [side] } as const;
  Object.assign(coordinator.run.document, { dataset: { ...dataset, labels } });
  const { tell, kinds, last } = begin(coordinator);
  await tell(looking);
  expect(last("opened")?.opened).toMatchObject({ classesOfSample: side, heldOut: 5, pad: undefined });
  expect(kinds("assessed")).toEqual([]);
  expect(kinds("problem")).toEqual([]);
  expect(coordinator.asked.filter((path) => path.startsWith(shardPath("")))).toEqual([]);
});

describe("parameters", () => {
  it("are asked for every two seconds, and only if the run has gone on", async () => {
    const coordinator = new Coordinator(runOf([4, 5]));
    const { tell, pass, last } = begin(coordinator);
    await tell(looking);
    await pass(5000);
    expect(coordinator.count(parametersPath)).toBe(1);
    coordinator.version = 2;
    await tell({ ...looking, runStep: 2 });
    expect(coordinator.count(parametersPath)).toBe(2);
    expect(last("assessed")?.version).toBe(2);
    coordinator.version = 3;
    await tell({ ...looking, runStep: 3 });
    expect(coordinator.count(parametersPath)).toBe(2);
    await pass(2000);
    expect(coordinator.count(parametersPath)).toBe(3);
    expect(last("parameters")?.version).toBe(3);
  });

  it("are not asked for while nobody looks, or nobody is there to answer", async () => {
    const coordinator = new Coordinator(runOf([4, 5]));
    const { tell, pass } = begin(coordinator);
    await tell({ ...looking, visible: false });
    await tell({ ...looking, reachable: false });
    await pass(10_000);
    expect(coordinator.asked).toEqual([]);
  });

  it("are asked for once more when the run is over", async () => {
    const coordinator = new Coordinator(runOf([4, 5]));
    const { tell, pass, last } = begin(coordinator);
    await tell(looking);
    coordinator.version = 9;
    await tell({ ...looking, runStep: 9, over: true });
    await pass(2000);
    expect(last("assessed")?.version).toBe(9);
    coordinator.down = true;
    await pass(20_000);
    expect(coordinator.count(parametersPath)).toBe(2);
  });

  it("that cannot be fetched are asked for again, and the old ones go on answering", async () => {
    const coordinator = new Coordinator(runOf([4, 5]));
    coordinator.down = true;
    const { tell, pass, last, kinds } = begin(coordinator);
    await tell(looking);
    expect(last("problem")?.message).toBe("/run.json does not answer");
    coordinator.down = false;
    await pass(2000);
    expect(last("parameters")?.version).toBe(0);
    coordinator.down = true;
    await tell({ ...looking, runStep: 4 });
    await pass(2000);
    expect(last("problem")?.message).toBe("/parameters does not answer");
    await tell({ kind: "ask", question: { kind: "sample", sample: 1 } });
    expect(kinds("reply")).toMatchObject([{ reply: { version: 0 } }]);
  });

  it("of another length are refused", async () => {
    const coordinator = new Coordinator(runOf([4, 5]));
    const { tell, last } = begin({
      ...coordinator,
      fetch: async (path: string) =>
        path === parametersPath
          ? new Response(new Float32Array(3), { headers: { "x-tabgrad-version": "1" } })
          : coordinator.fetch(path),
    } as Coordinator);
    await tell(looking);
    expect(last("problem")?.message).toMatch(/^\/parameters has 12 bytes; the model's 323 parameters take 1292$/);
  });
});

it("answers a question before the samples are through, and only the newest one", async () => {
  const { session, settle, said } = begin(new Coordinator(runOf([4, 300])), { msPerSample: 5 });
  session.receive(looking);
  while (!said.some(({ kind }) => kind === "parameters")) await new Promise((resolve) => setImmediate(resolve));
  session.receive({ kind: "ask", question: { kind: "sample", sample: 1 } });
  session.receive({ kind: "ask", question: { kind: "sample", sample: 2 } });
  await expect.poll(() => said.some(({ kind }) => kind === "assessed")).toBe(true);
  await settle();
  const kinds = said.map(({ kind }) => kind);
  expect(kinds.indexOf("reply")).toBeLessThan(kinds.indexOf("assessed"));
  expect(kinds.filter((kind) => kind === "reply")).toHaveLength(1);
});
