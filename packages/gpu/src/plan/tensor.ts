// A tensor as the engine sees it: so many float32 elements, somewhere in one of a few buffers.

/**
 * Which buffer a tensor lies in. "parameter": the flat parameter vector; "result": gradients and sums, read back; "constant":
 * filled when the program is made; "arena": inputs and intermediate values, whose places the memory plan reuses.
 */
export type Storage = "parameter" | "result" | "constant" | "arena";

export interface Tensor {
  /** Its index in `Lowered.tensors`. */
  readonly id: number;
  readonly storage: Storage;
  readonly elements: number;
  /** Within the buffer, in elements; of a tensor in the arena the memory plan decides. */
  readonly offset?: number;
  /** The values of a constant: one that fills it, or one for each element. */
  readonly values?: readonly number[];
}

/** Bindings begin at multiples of 256 bytes: the strictest alignment that WebGPU asks for, and enough for vec4f. */
export const alignment = 64;

/** The next multiple of the alignment, in elements. */
export const aligned = (elements: number): number => Math.ceil(elements / alignment) * alignment;
