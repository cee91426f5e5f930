// How many samples a refresh takes. A viewer's machine may be a phone, and the model anything: as many as fit into a second.
/** What a refresh may take, in milliseconds. */
export const refreshBudgetMs = 1000;
/** Until this many have been through, nothing is known of the speed. */
export const firstSamples = 100;
/** Fewer say nothing, however long they take. */
const fewestSamples = 10;

/** Whether to be content with the samples that are through, because the speed was misjudged. */
export const isOverdue = (samples: number, milliseconds: number): boolean =>
  samples >= fewestSamples && milliseconds > 1.5 * refreshBudgetMs;

/** 10, 20, 50, 100, 200 …: so that small changes of speed don't change what is shown. */
const steps = [1, 2, 3, 4].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

/** More only where there is a margin, so that the number does not swing. */
const margin = 1.25;

export interface Pace {
  readonly millisecondsPerSample: number;
  /** How many samples are there. */
  readonly available: number;
  /** How many the refresh before took. */
  readonly before: number;
}

/** @returns the number of samples of a refresh, at most `available` */
export function samplesToAssess({ millisecondsPerSample, available, before }: Pace): number {
  const affordable = refreshBudgetMs / Math.max(millisecondsPerSample, 1e-6);
  const allowed = [...steps.filter((step) => step < available), available];
  const fits = (step: number): boolean => step * (step > before ? margin : 1) <= affordable || step <= fewestSamples;
  return allowed.findLast(fits) ?? allowed[0];
}

/** Long enough to be worth a call, short enough that somebody who draws gets an answer in between. */
const sliceMs = 10;
const sliceRows = [128, 32, 8, 1];

/** Rows of the next call. Of few different numbers, since a program is compiled for each. */
export const rowsOfSlice = (millisecondsPerSample: number): number =>
  sliceRows.find((rows) => rows * millisecondsPerSample <= sliceMs) ?? 1;
