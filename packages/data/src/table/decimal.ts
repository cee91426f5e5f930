// Reads numbers from the bytes of a text, without making a text of them first.

/** Whole numbers of so many digits, and powers of ten up to this one, are exact as doubles. */
const maxDigits = 15;
const maxPower = 22;

const powers = Array.from({ length: maxPower + 1 }, (_, power) => 10 ** power);

/**
 * The number that bytes `from` up to `to` spell in decimal, as `Number` would read it; undefined where this is no plain decimal, or has
 * more digits or a larger exponent than can be read so. Two exact doubles are multiplied or divided, so that the result is rounded once:
 * W. D. Clinger: "How to Read Floating Point Numbers Accurately", 1990.
 */
export function parseDecimal(bytes: Uint8Array, from: number, to: number): number | undefined {
  let at = from;
  const sign = bytes[at];
  if (sign === 0x2d || sign === 0x2b) at += 1;
  let value = 0;
  let digits = 0;
  let seen = 0;
  let scale = 0;
  let isFraction = false;
  for (; at < to; at += 1) {
    const digit = bytes[at] - 0x30;
    if (digit >= 0 && digit <= 9) {
      value = 10 * value + digit;
      // Zeros at the front take no room.
      if (value > 0) digits += 1;
      seen += 1;
      if (isFraction) scale -= 1;
    } else if (bytes[at] === 0x2e && !isFraction) isFraction = true;
    else break;
  }
  if (seen === 0 || digits > maxDigits) return undefined;
  if (at < to) {
    const exponent = parseExponent(bytes, at, to);
    if (exponent === undefined) return undefined;
    scale += exponent;
  }
  if (scale < -maxPower || scale > maxPower) return undefined;
  const result = scale < 0 ? value / powers[-scale] : value * powers[scale];
  return sign === 0x2d ? -result : result;
}

/** What follows the digits: "e-3", of at most three digits. */
function parseExponent(bytes: Uint8Array, from: number, to: number): number | undefined {
  if (bytes[from] !== 0x65 && bytes[from] !== 0x45) return undefined;
  const sign = bytes[from + 1];
  const first = sign === 0x2d || sign === 0x2b ? from + 2 : from + 1;
  if (first >= to || to - first > 3) return undefined;
  let exponent = 0;
  for (let at = first; at < to; at += 1) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    exponent = 10 * exponent + digit;
  }
  return sign === 0x2d ? -exponent : exponent;
}
