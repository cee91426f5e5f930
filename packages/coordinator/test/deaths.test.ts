// What a death costs the step that it happens in, under a virtual clock: workers of any speed, killed at any time of a step.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../src/decide/index.ts";
import { play, type SimulatedSpeed } from "./playing.ts";
import { Simulation } from "./simulation.ts";

/** The step that somebody dies in. Those before it show how fast the workers are. */
const struck = 13;

interface Scene {
  /** Milliseconds for a microbatch, of each worker. It is the first one that dies. */
  readonly speeds: readonly number[];
  /** Milliseconds for parameters down and gradient up. */
  readonly overhead: number;
  readonly microbatches: number;
  readonly exact: boolean;
  /** How much of the step has passed when it dies: 0 to 1. */
  readonly when: number;
}

/** Keeps in mind when each step was complete, and how much of the struck one was there when. */
class Timed extends Simulation {
  readonly ends: number[] = [];
  readonly arrivals: number[] = [];

  override send(event: RunEvent): void {
    const { step } = this.state;
    const before = this.arrived;
    super.send(event);
    if (this.state.step > step) this.ends[this.state.step] = this.now;
    if (step + 1 !== struck) return;
    const after = this.state.step === struck ? this.plan.stepSamples(struck).length : this.arrived;
    for (let count = before; count < after; count++) this.arrivals.push(this.now);
  }

  private get arrived(): number {
    return this.state.ledger?.entries.filter(({ state }) => state.kind === "done").length ?? 0;
  }
}

function played({ speeds, overhead, microbatches, exact }: Scene, dies?: SimulatedSpeed["dies"]): Timed {
  const stepSamples = (): number[] => Array.from({ length: microbatches }, () => 32);
  const run = new Timed({ steps: struck, startWorkers: speeds.length, stepSamples, exact });
  const workers = speeds.map((perMicrobatch, i) => [`${i}`, { perMicrobatch, overhead, ...(i === 0 && { dies }) }] as const);
  for (const [name] of workers) run.join(name);
  play(run, Object.fromEntries(workers));
  return run;
}

/**
 * @param silence milliseconds until the coordinator knows of the death
 * @returns how long the step took from the death on, beyond what the survivors need for all that was not there when it happened
 */
function costOf(scene: Scene, silence: number): number {
  const { ends } = played(scene);
  const at = ends[struck - 1] + scene.when * (ends[struck] - ends[struck - 1]);
  const run = played(scene, { at, noticedAt: at + silence });
  const missing = run.arrivals.filter((arrival) => arrival > at).length;
  const [, ...survivors] = scene.speeds;
  return run.ends[struck] - at - missing / survivors.reduce((sum, speed) => sum + 1 / speed, 0);
}

const whole = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

const scene = (speed: fc.Arbitrary<number>, overhead: fc.Arbitrary<number>): fc.Arbitrary<Scene> =>
  fc.record({
    speeds: fc.array(speed, { minLength: 2, maxLength: 5 }),
    overhead,
    microbatches: whole(1, 40),
    exact: fc.boolean(),
    when: whole(0, 99).map((percent) => (percent + 0.5) / 100),
  });

/** A microbatch takes fifty times as long as the way to its worker and back, or longer. */
const heavy = scene(whole(100, 400), whole(0, 2));

/** Milliseconds for a microbatch, of the slowest who is left. */
const slowest = ({ speeds: [, ...survivors] }: Scene): number => Math.max(...survivors);

describe("a death costs the step that it happens in", () => {
  it("no more than a microbatch of the slowest survivor, where microbatches are heavy", () => {
    fc.assert(
      fc.property(heavy, (one) => {
        expect(costOf(one, 0)).toBeLessThanOrEqual(slowest(one));
      }),
      { numRuns: 40 },
    );
  });

  it("the time until it is noticed, in addition", () => {
    fc.assert(
      fc.property(heavy, whole(0, 300), (one, silence) => {
        expect(costOf(one, silence)).toBeLessThanOrEqual(silence + slowest(one));
      }),
      { numRuns: 40 },
    );
  });

  it("no more than twice the time for one of the dead worker's microbatches, in addition, if that is never noticed", () => {
    fc.assert(
      fc.property(heavy, (one) => {
        expect(costOf(one, 1e9)).toBeLessThanOrEqual(2 * (one.overhead + one.speeds[0]) + slowest(one));
      }),
      { numRuns: 40 },
    );
  });

  it("no more than a hundred times the fixed time, in whole microbatches, where they are light", () => {
    fc.assert(
      fc.property(scene(whole(1, 60), whole(0, 20)), (one) => {
        const longest = 100 * Math.max(one.overhead, 1);
        const [, ...survivors] = one.speeds;
        const pieces = survivors.map((speed) => speed * Math.ceil(Math.max(longest / speed, 1)));
        expect(costOf(one, 0)).toBeLessThanOrEqual(one.overhead + Math.max(...pieces));
      }),
      { numRuns: 100 },
    );
  });
});
