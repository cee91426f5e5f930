// Standard normal numbers from uniform ones, the same to the last bit on every machine. Math.log, Math.sin and Math.cos may differ
// from one JS engine to another, so this file has its own, made of + - * / only, which IEEE 754 fixes. (Math.sqrt it fixes too.)

const turn = 2 ** 24;

/** The natural logarithm of `n` / 2^24, for an integer `n` from 1 to 2^24. Within 2e-16 relative of the true value, or absolute near 0. */
export function logOfFraction(n: number): number {
  let exponent = 31 - Math.clz32(n);
  let mantissa = n / (1 << exponent);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  // log m = 2 artanh s with s = (m - 1) / (m + 1), |s| <= 0.1716: the series ends where a term falls below 2^-53.
  const s = (mantissa - 1) / (mantissa + 1);
  const t = s * s;
  const high = 1 / 13 + t * (1 / 15 + t * (1 / 17 + t * (1 / 19 + t * (1 / 21))));
  const series = 1 + t * (1 / 3 + t * (1 / 5 + t * (1 / 7 + t * (1 / 9 + t * (1 / 11 + t * high)))));
  return (exponent - 24) * Math.LN2 + 2 * s * series;
}

/** Taylor series of the sine for |x| <= pi / 4; the first term left out is below 2^-53 of the first. */
function sineSeries(x: number): number {
  const t = x * x;
  const high = 1 / 362880 - t * (1 / 39916800 - t * (1 / 6227020800 - t * (1 / 1307674368000)));
  return x * (1 - t * (1 / 6 - t * (1 / 120 - t * (1 / 5040 - t * high))));
}

/** Taylor series of the cosine for |x| <= pi / 4. */
function cosineSeries(x: number): number {
  const t = x * x;
  const high = 1 / 40320 - t * (1 / 3628800 - t * (1 / 479001600 - t * (1 / 87178291200 - t * (1 / 20922789888000))));
  return 1 - t * (1 / 2 - t * (1 / 24 - t * (1 / 720 - t * high)));
}

/** The cosine of `n` / 2^24 of a full turn, for an integer `n` from 0 to 2^24 - 1. */
export function cosineOfTurn(n: number): number {
  const quarter = ((n + turn / 8) >>> 22) & 3;
  const x = (((n + turn / 8) & (turn / 4 - 1)) - turn / 8) * ((2 * Math.PI) / turn);
  if (quarter === 0) return cosineSeries(x);
  if (quarter === 1) return -sineSeries(x);
  if (quarter === 2) return -cosineSeries(x);
  return sineSeries(x);
}

/** The sine of `n` / 2^24 of a full turn, for an integer `n` from 0 to 2^24 - 1. */
export function sineOfTurn(n: number): number {
  return cosineOfTurn((n + (turn / 4) * 3) & (turn - 1));
}

/**
 * The radius of the Box-Muller transform for a random word: sqrt(-2 ln u), with u in (0, 1] made of the word's upper 24 bits.
 * At most 5.77, so no normal number is further from 0 than that.
 * Box, Muller: "A Note on the Generation of Random Normal Deviates", 1958.
 */
export function normalRadius(word: number): number {
  return Math.sqrt(-2 * logOfFraction((word >>> 8) + 1));
}
