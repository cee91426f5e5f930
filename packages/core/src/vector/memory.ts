// Where long vectors live: one WebAssembly memory, so that a loop compiled to WebAssembly reaches all of them.
import { TabgradError } from "../errors.ts";

const valueBytes = 4;
/** A cache line: more than the 16 bytes that a SIMD register holds, and no two vectors share one. */
const alignment = 64;
const pageBytes = 65_536;
/** Addresses are 32 bits wide. */
const maxPages = 65_536;

interface Place {
  /** Address of the first value, in bytes. */
  readonly address: number;
  readonly view: Float32Array<ArrayBuffer>;
}

/**
 * Named float32 vectors, initially zero, in one memory that never grows: the views stay valid as long as the object lives.
 * A view shares its memory with the programs that run on it, so whoever hands its values on and does not use them at once copies.
 */
export class VectorMemory {
  readonly memory: WebAssembly.Memory;
  private readonly places: ReadonlyMap<string, Place>;

  /**
   * @param lengths the number of values in each vector
   * @throws TabgradError MODEL_TOO_LARGE if they need more than 4 GiB, or more than the machine gives
   */
  constructor(lengths: Readonly<Record<string, number>>) {
    const addresses = new Map<string, number>();
    let bytes = 0;
    for (const [name, length] of Object.entries(lengths)) {
      if (!Number.isSafeInteger(length) || length < 0) throw new Error(`vector ${name}: ${length} is not a number of values`);
      addresses.set(name, bytes);
      bytes += Math.ceil((length * valueBytes) / alignment) * alignment;
    }
    this.memory = allocate(bytes, lengths);
    const { buffer } = this.memory;
    this.places = new Map(
      [...addresses].map(([name, address]) => [name, { address, view: new Float32Array(buffer, address, lengths[name]) }]),
    );
  }

  get names(): string[] {
    return [...this.places.keys()];
  }

  /** The vector itself, not a copy. */
  vector(name: string): Float32Array<ArrayBuffer> {
    return this.place(name).view;
  }

  /** The address of a vector's first value, in bytes: a multiple of 64. */
  address(name: string): number {
    return this.place(name).address;
  }

  private place(name: string): Place {
    const place = this.places.get(name);
    if (!place) throw new Error(`there is no vector ${name}, only ${this.names.join(", ")}`);
    return place;
  }
}

function allocate(bytes: number, lengths: Readonly<Record<string, number>>): WebAssembly.Memory {
  const pages = Math.max(1, Math.ceil(bytes / pageBytes));
  const needed = () =>
    `The vectors ${Object.entries(lengths)
      .map(([name, length]) => `${name} (${length.toLocaleString("en")} values)`)
      .join(", ")} need ${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const remedy = "Use a model with fewer parameters, or an optimizer that keeps fewer vectors: sgd without momentum keeps none.";
  if (pages > maxPages) throw new TabgradError("MODEL_TOO_LARGE", `${needed()}; at most 4 GiB can be held.`, remedy);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    throw new TabgradError("MODEL_TOO_LARGE", `${needed()}, which this machine does not give.`, remedy, { cause });
  }
}
