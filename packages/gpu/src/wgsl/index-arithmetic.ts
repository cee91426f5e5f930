// u32 index arithmetic as WGSL text, folded where the numbers are known, so that shaders hold no `* 1u` and no `+ 0u`.

const literal = /^\d+u$/;
const atom = /^[\w.]+$/;

export const u32 = (value: number): string => `${value}u`;

const known = (code: string): number | undefined => (literal.test(code) ? Number(code.slice(0, -1)) : undefined);

const group = (code: string): string => (atom.test(code) ? code : `(${code})`);

export function times(code: string, factor: number): string {
  const value = known(code);
  if (value !== undefined) return u32(value * factor);
  if (factor === 0) return u32(0);
  return factor === 1 ? code : `${group(code)} * ${u32(factor)}`;
}

export function plus(a: string, b: string): string {
  const [x, y] = [known(a), known(b)];
  if (x !== undefined && y !== undefined) return u32(x + y);
  if (x === 0) return b;
  return y === 0 ? a : `${a} + ${b}`;
}

/** A number that may be negative, taken off; what falls below 0 wraps around. */
export function minus(a: string, number: number): string {
  if (number <= 0) return plus(a, u32(-number));
  const value = known(a);
  return value === undefined ? `${a} - ${u32(number)}` : u32((value - number) >>> 0);
}

export function dividedBy(code: string, divisor: number): string {
  const value = known(code);
  if (value !== undefined) return u32(Math.floor(value / divisor));
  return divisor === 1 ? code : `${group(code)} / ${u32(divisor)}`;
}

export function modulo(code: string, divisor: number): string {
  const value = known(code);
  if (value !== undefined) return u32(value % divisor);
  return divisor === 1 ? u32(0) : `${group(code)} % ${u32(divisor)}`;
}

/** True for a name or a number: text that costs nothing to repeat. */
export const isAtom = (code: string): boolean => atom.test(code);
