// A learning rate as a person types it.

/** What the coordinator takes, too. */
const most = 1e6;

/** @returns undefined where it is none: above 0, at most 1e6 */
export function readLearningRate(text: string): number | undefined {
  const value = text.trim() === "" ? NaN : Number(text.trim().replace(",", "."));
  return value > 0 && value <= most ? value : undefined;
}
