// How long to wait before the next attempt to connect: doubling, with a ceiling, and spread so that workers which lost the same
// coordinator do not all come back at once.
import { KeyedRandom } from "../random/keyed.ts";

const firstMs = 100;
const ceilingMs = 5000;

/** When people are told that a worker still waits for a coordinator: after so long for the first time, then after twice as long each. */
export const reminderMs = 60_000;

/** Connected at least this long, a worker begins again with the shortest delay. */
export const steadyMs = ceilingMs;

/**
 * Milliseconds before attempt `attempt` (from 0): 100 · 2^attempt, at most 5000, times a number from 0.5 to 1 that is a function of
 * the worker and the attempt.
 */
export function backOffMs(workerId: string, attempt: number): number {
  const random = new KeyedRandom(parseInt(workerId.slice(0, 8), 16), parseInt(workerId.slice(8, 16), 16));
  // 2 ** 6 is above the ceiling already; the exponent stays bounded for attempts without end.
  const delay = Math.min(ceilingMs, firstMs * 2 ** Math.min(attempt, 10));
  return delay * (0.5 + 0.5 * random.uniform(attempt));
}
