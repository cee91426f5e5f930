// npm run bench:elastic [-- ROUNDS]; with 0 rounds, slow workers are left out
//
// What a slow worker and a death cost a run of real processes, and what exact mode costs a worker. Machines are noisy, so everything is measured in turns within one run, and
// what counts is the median of the ratios.
import { availableParallelism, cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { measureExact } from "./exact.ts";
import { LiveRun, type LiveStep } from "./live-run.ts";
import { Throttle } from "./throttle.ts";

const rounds = Number(process.argv[2] ?? 3);
/** Milliseconds in which the coordinator may find out how a worker is, and in which it is then measured. */
const settlingMs = 2_000;
const measuringMs = 3_000;
const deaths = 8;

/** Ten times slower, each in another way. */
const slow = [
  { name: "evenly (2 of every 20 ms)", run: 2, stand: 18 },
  { name: "in bursts (10 of every 100 ms)", run: 10, stand: 90 },
  { name: "in long bursts (200 of every 2,000 ms)", run: 200, stand: 1_800 },
] as const;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

const each = (values: readonly number[], digits = 0): string =>
  values.map((value) => value.toLocaleString("en", { maximumFractionDigits: digits })).join(" ");

interface Beside {
  /** Samples a second, with the slow worker and without it. */
  readonly beside: number;
  readonly alone: number;
  /** The part of the time in which it ran, and of the steps in which something of it counted. */
  readonly ran: number;
  readonly counted: number;
}

/** Has a worker join that is as fast as the others, makes it slow, measures, kills it, and measures again. */
async function measureBeside(run: LiveRun, name: string, duty: { readonly run: number; readonly stand: number }): Promise<Beside> {
  const worker = await run.join(name);
  await run.take(100);
  const throttle = new Throttle(worker, duty);
  await sleep(settlingMs);
  const first = run.steps.length;
  const beside = await run.rate(measuringMs);
  const steps = run.steps.slice(first);
  await throttle.end();
  await run.kill(worker, name);
  await run.take(20);
  const alone = await run.rate(measuringMs);
  const counted = steps.filter(({ shares }) => shares.some((share) => share.name === name)).length / steps.length;
  return { beside, alone, ran: throttle.part, counted };
}

async function measureSlow(run: LiveRun): Promise<void> {
  const measured = slow.map((): Beside[] => []);
  for (let round = 1; round <= rounds; round++)
    for (const [i, duty] of slow.entries()) measured[i].push(await measureBeside(run, `slow-${i}-${round}`, duty));
  slow.forEach(({ name }, i) => {
    const of = (key: keyof Beside): number[] => measured[i].map((one) => one[key]);
    const ratios = measured[i].map(({ beside, alone }) => beside / alone);
    console.log(`beside a worker that is ten times slower ${name}`);
    console.log(`    beside it ${each(of("beside"))}\n    alone     ${each(of("alone"))}`);
    console.log(`    ratio     ${median(ratios).toFixed(3)} (${each(ratios, 3)})`);
    console.log(
      `    it ran for ${each([100 * median(of("ran"))], 1)} % of the time; of it counted something in ${each([100 * median(of("counted"))], 1)} % of the steps`,
    );
  });
}

const endOf = ({ shares }: LiveStep): number => Math.max(...shares.map(({ endedAt }) => endedAt));
const durations = (steps: readonly LiveStep[]): number[] => steps.slice(1).map((step, i) => endOf(step) - endOf(steps[i]));

/** Kills one of two equal workers, anywhere in a step, again and again. */
async function measureDeaths(run: LiveRun): Promise<void> {
  const both: number[] = [];
  const alone: number[] = [];
  const struck: number[] = [];
  const noticed: number[] = [];
  const shared: number[] = [];
  for (let turn = 0; turn < deaths; turn++) {
    const name = `mortal-${turn}`;
    const worker = await run.join(name);
    await run.take(100);
    await sleep(3 + 1.3 * turn);
    const before = run.steps.length;
    const began = performance.now();
    await run.kill(worker, name);
    noticed.push(performance.now() - began);
    const at = run.steps.length;
    await run.take(60);
    const last = run.steps.slice(before - 60, before);
    both.push(...durations(last));
    shared.push(last.filter(({ shares }) => shares.length > 1).length / last.length);
    alone.push(...durations(run.steps.slice(at + 5)));
    struck.push(Math.max(...durations(run.steps.slice(before - 1, at + 2))));
  }
  const [two, one] = [median(both), median(alone)];
  console.log(`a death: a step takes two workers ${two} ms, one ${one} ms (medians)`);
  console.log(`    both have a part in ${each([100 * median(shared)])} % of the steps before it`);
  console.log(`    the longest step around a kill of one of two: ${median(struck)} ms (${each(struck)})`);
  console.log(`    the coordinator knows of the death after ${median(noticed).toFixed(1)} ms (${each(noticed, 1)})`);
}

/** Prints how many times as long a worker's microbatches take in exact mode. */
async function printExact(): Promise<void> {
  const counts = [1, 2, 4, 8];
  console.log(`exact mode: time of a worker for ${counts.join(", ")} microbatches, as a multiple of fast mode`);
  for (const size of [32, 64, 128]) {
    const ratios = await measureExact(size, counts, 120);
    console.log(`    of ${size} samples: ${ratios.map((ratio) => ratio.toFixed(1)).join(" ")}`);
  }
}

console.log(`MLP 784-256-128-10, 1,024 samples a step, workers of one thread; samples a second, ${rounds} rounds`);
console.log(`${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, Node ${process.versions.node}\n`);
const run = await LiveRun.begin("batchSize=1024");
await run.join("fast");
await run.take(200);
if (rounds > 0) await measureSlow(run);
await measureDeaths(run);
await run.end();
await printExact();
