// The functions that generated shaders call: what WGSL lacks, or defines too loosely. Each exists for one element and for four.
// WGSL lets max(), min(), tanh() and log() do as they like with NaN and infinities, and a compiler may take x != x for false, so
// NaN is told by its bits.

/** T is f32 or vec4f, U is u32 or vec4u, H is f16 or vec4<f16>; `name` of another function stands as `$name`. */
const sources = {
  isNan: `fn $isNan(x: T) -> B { return (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u); }`,
  // To f16. What is too large becomes an infinity, which WGSL leaves open.
  narrowed: `fn $narrowed(x: T) -> H {
  let bits = bitcast<U>(x);
  let size = bits & U(0x7fffffffu);
  let special = select(U(0x7c00u), U(0x7e00u), size > U(0x7f800000u)) | ((bits >> U(16u)) & U(0x8000u));
  let large = size >= U(0x477ff000u);
  return select(H(select(x, T(0.0), large)), $halfFromBits(special), large);
}`,
  maximum: `fn $maximum(a: T, b: T) -> T { return select(select(b, a, a > b), a, $isNan(a)); }`,
  minimum: `fn $minimum(a: T, b: T) -> T { return select(select(b, a, a < b), a, $isNan(a)); }`,
  sign: `fn $sign(x: T) -> T { return select(select(x, T(-1.0), x < T(0.0)), T(1.0), x > T(0.0)); }`,
  // Infinity and NaN stand for themselves, also where the built-in returns a finite number.
  log: `fn $log(x: T) -> T {
  let special = (bitcast<U>(x) & U(0x7f800000u)) == U(0x7f800000u);
  let ordinary = select(log(x), T(fromBits(0xff800000u)), x == T(0.0));
  return select(select(ordinary, x, special), T(fromBits(0x7fc00000u)), x < T(0.0));
}`,
  exp: `fn $exp(x: T) -> T {
  let bounded = select(select(exp(x), T(0.0), x < T(-104.0)), T(fromBits(0x7f800000u)), x > T(88.73));
  return select(bounded, x, $isNan(x));
}`,
  sqrt: `fn $sqrt(x: T) -> T { return select(select(sqrt(x), T(fromBits(0x7fc00000u)), x < T(0.0)), x, x == T(fromBits(0x7f800000u))); }`,
  // tanh x = (1 - e^-2|x|) / (1 + e^-2|x|); near 0, where that cancels, the first terms of its series.
  tanh: `fn $tanh(x: T) -> T {
  let square = x * x;
  let series = x * (T(1.0) + square * (T(-0.33333334) + square * (T(0.13333334) + square * (T(-0.053968254) + square * T(0.021869488)))));
  let e = $exp(T(-2.0) * abs(x));
  let size = (T(1.0) - e) / (T(1.0) + e);
  return select(series, select(size, -size, x < T(0.0)), abs(x) > T(0.25));
}`,
  sigmoid: `fn $sigmoid(x: T) -> T {
  let e = $exp(-abs(x));
  return select(e, T(1.0), x >= T(0.0)) / (T(1.0) + e);
}`,
  // ln(1 + e) loses a small e; its series does not.
  softplus: `fn $softplus(x: T) -> T {
  let e = $exp(-abs(x));
  let series = e * (T(1.0) - e * (T(0.5) - e * (T(0.33333334) - e * T(0.25))));
  return select(x, T(0.0), x < T(0.0)) + select(log(T(1.0) + e), series, e < T(0.01));
}`,
  // Below 1 the Maclaurin series, beyond it a rational of e^-x² (Abramowitz & Stegun 1964, 7.1.5 and 7.1.26): to 2.1e-7 of erf x.
  erf: `fn $erf(x: T) -> T {
  let size = abs(x);
  let square = x * x;
  let series = x * (T(1.1283792) + square * (T(-0.37612638) + square * (T(0.11283792) + square * (T(-0.026866172) + square * (T(0.005223978) + square * (T(-0.0008548327) + square * (T(0.000120553326) + square * (T(-1.492565e-05) + square * (T(1.6462114e-06) + square * (T(-1.6365844e-07)))))))))));
  let t = T(1.0) / (T(1.0) + T(0.3275911) * size);
  let tail = t * (T(0.2548296) + t * (T(-0.28449672) + t * (T(1.4214138) + t * (T(-1.4531521) + t * T(1.0614054)))));
  let far = select(T(1.0) - tail * $exp(-square), T(1.0), size > T(6.0));
  return select(select(select(far, -far, x < T(0.0)), series, size < T(1.0)), x, $isNan(x));
}`,
  // The share of a standard normal distribution below x.
  cumulative: `fn $cumulative(x: T) -> T { return T(0.5) * (T(1.0) + $erf(x * T(0.70710677))); }`,
  // sin(x + quarter · π/2). The built-in may be off by 2^-11. The multiple of π/2 nearest to x is taken off in three parts, of which the
  // first two times a whole number below 2^15 are exact (Cody & Waite 1980); then the series. Beyond, sin(x) still is a sine.
  turned: `fn $turned(x: T, quarter: T) -> T {
  let turns = round(x * T(0.63661975));
  let r = ((x - turns * T(1.5703125)) - turns * T(0.00048351288)) - turns * T(3.1391647e-7);
  let square = r * r;
  let sine = r + r * square * (T(-0.16666667) + square * (T(0.008333334) + square * (T(-0.0001984127) + square * T(2.7557319e-6))));
  let cosine = T(1.0) + square * (T(-0.5) + square * (T(0.041666668) + square * (T(-0.0013888889) + square * (T(2.4801588e-5) + square * T(-2.7557319e-7)))));
  let sum = turns + quarter;
  let quadrant = sum - T(4.0) * floor(sum * T(0.25));
  let even = select(sine, -sine, quadrant == T(2.0));
  let odd = select(cosine, -cosine, quadrant == T(3.0));
  let near = select(odd, even, (quadrant == T(0.0)) | (quadrant == T(2.0)));
  let far = select(sin(x), cos(x), quarter == T(1.0));
  let special = (bitcast<U>(x) & U(0x7f800000u)) == U(0x7f800000u);
  return select(select(near, far, abs(x) > T(50000.0)), T(fromBits(0x7fc00000u)), special);
}`,
  // pow() is undefined for a negative base; a whole exponent has a meaning there, and everything to the power of 0 is 1.
  power: `fn $power(a: T, b: T) -> T {
  let whole = floor(b) == b;
  let odd = whole & (floor(b * T(0.5)) * T(2.0) != b);
  let size = $exp(b * $log(abs(a)));
  let finite = (bitcast<U>(size) & U(0x7f800000u)) != U(0x7f800000u);
  let positive = select(size, pow(abs(a), b), finite & (a != T(0.0)));
  let signed = select(positive, select(select(T(fromBits(0x7fc00000u)), positive, whole), -positive, odd), a < T(0.0));
  return select(select(signed, T(1.0), b == T(0.0)), T(fromBits(0x7fc00000u)), $isNan(b) | ($isNan(a) & (b != T(0.0))));
}`,
} as const;

export type FunctionName = keyof typeof sources;

/** By lanes: the low 16 bits of each number as an f16. */
const halfFromBits = {
  1: "fn halfFromBits1(bits: u32) -> f16 { return bitcast<vec2<f16>>(bits).x; }",
  4: `fn halfFromBits4(bits: vec4u) -> vec4<f16> {
  return bitcast<vec4<f16>>(vec2u(bits.x | (bits.y << 16u), bits.z | (bits.w << 16u)));
}`,
} as const;

const scalarOnly = {
  fromBits: "fn fromBits(bits: u32) -> f32 { return bitcast<f32>(bits); }",
  // Threefry-2x32, 20 rounds, as core's random/threefry.ts has it (Salmon et al. 2011).
  threefry: `fn threefry(key: vec2u, counter: vec2u) -> vec2u {
  var keys = array<u32, 3>(key.x, key.y, 0x1bd11bdau ^ key.x ^ key.y);
  var turns = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  var x = counter + key;
  for (var i = 0u; i < 5u; i++) {
    for (var j = 0u; j < 4u; j++) {
      let turn = turns[4u * (i & 1u) + j];
      x.x += x.y;
      x.y = ((x.y << turn) | (x.y >> (32u - turn))) ^ x.x;
    }
    x += vec2u(keys[(i + 1u) % 3u], keys[(i + 2u) % 3u] + i + 1u);
  }
  return x;
}`,
  uniform: `fn uniformAt(halves: vec4f, stream: u32, index: u32) -> f32 {
  let parts = vec4u(halves);
  let key = threefry(vec2u((parts.x << 16u) | parts.y, (parts.z << 16u) | parts.w), vec2u(stream, 1u));
  let words = threefry(key, vec2u(index >> 1u, 0u));
  return f32(select(words.x, words.y, (index & 1u) == 1u) >> 8u) * 5.9604644775390625e-8;
}`,
} as const;

/** Collects the functions that one shader calls, with those that they call in turn. */
export class FunctionSet {
  private readonly texts = new Map<string, string>();

  /** Adds a function for one or four lanes and returns its name in the shader. */
  use(name: FunctionName, lanes: 1 | 4): string {
    const own = `${name}${lanes}`;
    if (!this.texts.has(own)) {
      // Callees first, for the reader; WGSL itself does not mind.
      const source = sources[name];
      const callees = new Set([...source.matchAll(/\$(\w+)/g)].map(([, callee]) => callee as FunctionName | "halfFromBits"));
      if (source.includes("fromBits")) this.fromBits();
      callees.forEach((callee) => callee !== name && this.callee(callee, lanes));
      const [t, u, b, h] = lanes === 1 ? ["f32", "u32", "bool", "f16"] : ["vec4f", "vec4u", "vec4<bool>", "vec4<f16>"];
      this.texts.set(
        own,
        source.replace(/\$(\w+)/g, `$1${lanes}`).replace(/\b([TUBH])\b/g, (letter) => ({ T: t, U: u, B: b, H: h })[letter]!),
      );
    }
    return own;
  }

  private callee(name: FunctionName | "halfFromBits", lanes: 1 | 4): void {
    if (name === "halfFromBits") this.texts.set(`${name}${lanes}`, halfFromBits[lanes]);
    else this.use(name, lanes);
  }

  fromBits(): string {
    this.texts.set("fromBits", scalarOnly.fromBits);
    return "fromBits";
  }

  uniform(): string {
    this.texts.set("threefry", scalarOnly.threefry);
    this.texts.set("uniformAt", scalarOnly.uniform);
    return "uniformAt";
  }

  text(): string[] {
    return [...this.texts.values()];
  }
}
