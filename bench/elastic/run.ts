// npm run bench:elastic [-- ROUNDS]; with 0 rounds, slow workers are left out
//
// What a slow worker and a death cost a run of real processes, and what exact mode costs a worker. Machines are noisy, so everything is
// measured in turns within one run, and what counts is the median.
import { availableParallelism, cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { measureDeaths, printDeaths } from "./deaths.ts";
import { measureExact } from "./exact.ts";
import { LiveRun } from "./live-run.ts";
import { median } from "./median.ts";
import { Throttle } from "./throttle.ts";

const rounds = Number(process.argv[2] ?? 3);
/** Milliseconds in which the coordinator may find out how a worker is, and in which it is then measured. */
const settlingMs = 2_000;
const measuringMs = 3_000;

/** Ten times slower, each in another way. */
const slow = [
  { name: "evenly (2 of every 20 ms)", run: 2, stand: 18 },
  { name: "in bursts (10 of every 100 ms)", run: 10, stand: 90 },
  { name: "in long bursts (200 of every 2,000 ms)", run: 200, stand: 1_800 },
] as const;

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
const run = await LiveRun.begin("examples/mnist/mlp.ts", "batchSize=1024");
await run.join("survivor");
await run.take(200);
if (rounds > 0) await measureSlow(run);
console.log("a death, where microbatches are light: the perceptron");
printDeaths(await measureDeaths(run, { deaths: 8, together: 100, alone: 60 }));
await run.end();
const heavy = await LiveRun.begin("bench/elastic/heavy.ts");
await heavy.join("survivor");
await heavy.take(3);
console.log(
  "a death, where they are heavy: a convolutional network of 14,000 parameters, eight microbatches of 128 samples a step",
);
printDeaths(await measureDeaths(heavy, { deaths: 6, together: 8, alone: 3 }));
await heavy.end();
await printExact();
