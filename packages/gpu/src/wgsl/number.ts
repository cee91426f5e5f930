// Numbers as WGSL text that reads back as exactly the same float32.

const smallestNormal = 2 ** -126;

/** The shortest decimal that rounds to the float32 `value`; finite numbers only. */
function shortest(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

/**
 * A float32 expression of this value. What WGSL cannot write as a literal (infinities, NaN, numbers below the normal range) is made
 * of its bits at run time by the function `fromBits`; `needs` is called with that name.
 */
export function f32(value: number, needs: (name: "fromBits") => string): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded) || (rounded !== 0 && Math.abs(rounded) < smallestNormal)) {
    const bits = new Uint32Array(Float32Array.of(rounded).buffer)[0];
    return `${needs("fromBits")}(0x${bits.toString(16)}u)`;
  }
  if (Object.is(rounded, -0)) return "-0.0";
  const text = shortest(rounded);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
