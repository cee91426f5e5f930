// The decision core under random sequences of events, each of which is checked by itself.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Simulation } from "./simulation.ts";

describe("random schedules", () => {
  const availabilities = { rest: "paused", hide: "background", show: "available" } as const;
  const move = fc.record({
    kind: fc.constantFrom(
      ...["join", "join", "leave", "answer", "answer", "answer", "answer", "answer", "fail", "garble"],
      ...["rest", "hide", "show", "pause", "resume", "resume", "drop", "checkpoint", "learn"],
    ),
    worker: fc.constantFrom("a", "b", "c", "d"),
    pause: fc.nat({ max: 50 }),
  });

  it("count each microbatch once, leave nobody idle beside work, and finish once a worker stays", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 120 }), fc.integer({ min: 1, max: 9 }), (moves, microbatches) => {
        const run = new Simulation({
          steps: 6,
          stepSamples: (step) => Array.from({ length: microbatches }, (_, i) => (step % 3 === 0 ? 1 + i : 32)),
          evaluationSamples: [8, 8, 3],
          evaluateAfter: (step) => step % 2 === 0,
        });
        let life = 0;
        const living = new Map<string, string>();
        const play = (kind: string, worker: string): void => {
          const id = living.get(worker);
          if (kind === "join" && !id) {
            living.set(worker, `${worker}${++life}`);
            run.join(`${worker}${life}`);
          } else if (id && kind === "leave") {
            living.delete(worker);
            run.leave(id);
          } else if (id && kind === "fail") run.fail(id);
          else if (id && kind === "garble") run.answer(id, { samples: 1e6 });
          else if (id && kind === "answer") run.answer(id);
          else if (id && kind in availabilities) run.setAvailability(id, availabilities[kind as keyof typeof availabilities]);
          else if (kind === "pause" || kind === "resume") run.send({ kind });
          else if (kind === "checkpoint") run.send({ kind: "checkpointNow" });
          else if (kind === "learn") run.send({ kind: "learningRate", value: 1 + run.now });
          else if (id && kind === "drop") {
            living.delete(worker);
            run.send({ kind: "drop", worker: id });
          }
        };
        for (const { kind, worker, pause } of moves) {
          run.now += pause;
          play(kind, worker);
          run.check();
        }
        run.send({ kind: "resume" });
        run.join("last");
        for (let turn = 0; turn < 500 && !run.outcome; turn++) {
          run.now += 1;
          for (const id of [...run.state.workers.keys()]) run.answer(id);
          run.check();
        }
        expect(run.outcome).toEqual({ kind: "finished" });
        expect([...run.accepted.keys()]).toEqual([1, 2, 3, 4, 5, 6]);
        expect(run.evaluations.map((evaluation) => evaluation.step)).toEqual([2, 4, 6]);
      }),
      { numRuns: 300 },
    );
  });
});
