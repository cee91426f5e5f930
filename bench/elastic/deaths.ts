// What a death costs: one of two equal workers is killed, anywhere in a step, again and again.
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./median.ts";
import type { LiveRun, LiveStep } from "./live-run.ts";

export interface DeathOptions {
  readonly deaths: number;
  /** Steps that both take before each death, and that the survivor takes alone after it. */
  readonly together: number;
  readonly alone: number;
}

/** Medians, in milliseconds where nothing else is said. */
export interface DeathCost {
  /** A step with both, with one, and with a death. */
  readonly together: number;
  readonly alone: number;
  readonly struck: number;
  /** Until the coordinator knows of the death. */
  readonly noticed: number;
  /** One microbatch of one worker. */
  readonly microbatch: number;
  /** Contributions of the one who dies to a step before. */
  readonly pieces: number;
  /** From when the coordinator knows on, beyond what the survivor needs for the microbatches that were not there then: one for each death. */
  readonly beyond: readonly number[];
  /** The part of the steps before the deaths in which both had a part. */
  readonly shared: number;
}

const endOf = ({ shares }: LiveStep): number => Math.max(...shares.map(({ endedAt }) => endedAt));
const durations = (steps: readonly LiveStep[]): number[] => steps.slice(1).map((step, i) => endOf(step) - endOf(steps[i]));
const microbatchesOf = (shares: LiveStep["shares"]): number =>
  shares.reduce((sum, { microbatches }) => sum + microbatches.reduce((own, [, count]) => own + count, 0), 0);

/** `run` has one worker. */
export async function measureDeaths(run: LiveRun, options: DeathOptions): Promise<DeathCost> {
  const together: number[] = [];
  const alone: number[] = [];
  const struck: number[] = [];
  const noticed: number[] = [];
  const pieces: number[] = [];
  const shared: number[] = [];
  const missing: { readonly rest: number; readonly microbatches: number }[] = [];
  for (let turn = 0; turn < options.deaths; turn++) {
    const name = `mortal-${turn}`;
    const worker = await run.join(name);
    await run.take(options.together);
    const usual = median(durations(run.steps.slice(-Math.min(options.together, 10))));
    await sleep(((turn + 0.5) / options.deaths) * usual);
    const before = run.steps.length;
    const began = performance.now();
    await run.kill(worker, name);
    const known = Date.now();
    noticed.push(performance.now() - began);
    const at = run.steps.length;
    await run.take(options.alone + 1);
    const last = run.steps.slice(before - Math.ceil(options.together / 2), before);
    together.push(...durations(last));
    shared.push(last.filter(({ shares }) => new Set(shares.map((share) => share.name)).size > 1).length / last.length);
    pieces.push(...last.map(({ shares }) => shares.filter((share) => share.name === name).length));
    alone.push(...durations(run.steps.slice(at + 1)));
    struck.push(Math.max(...durations(run.steps.slice(before - 1, at + 2))));
    const { shares } = run.steps[at];
    const there = shares.filter(({ endedAt }) => endedAt <= known);
    missing.push({ rest: endOf(run.steps[at]) - known, microbatches: microbatchesOf(shares) - microbatchesOf(there) });
  }
  const microbatch = median(alone) / microbatchesOf(run.steps[run.steps.length - 1].shares);
  return {
    ...{ together: median(together), alone: median(alone), struck: median(struck), noticed: median(noticed), microbatch },
    ...{ pieces: median(pieces), shared: median(shared) },
    beyond: missing.map(({ rest, microbatches }) => rest - microbatches * microbatch),
  };
}

export function printDeaths({ together, alone, struck, noticed, microbatch, pieces, beyond, shared }: DeathCost): void {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  console.log(`    a step takes two workers ${ms(together)}, one ${ms(alone)}; a microbatch of one ${ms(microbatch)} (medians)`);
  console.log(`    both have a part in ${(100 * shared).toFixed(0)} % of the steps before a death, in ${pieces} pieces`);
  console.log(`    the longest step around a death: ${ms(struck)}; the coordinator knows of it after ${ms(noticed)}`);
  console.log(
    `    from then on, beyond what is left to compute: ${ms(median(beyond))}, ${(median(beyond) / microbatch).toFixed(2)} microbatches` +
      ` (${beyond.map((one) => (one / microbatch).toFixed(2)).join(" ")})`,
  );
}
