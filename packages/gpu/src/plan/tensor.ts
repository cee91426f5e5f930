// A tensor as the engine sees it: so many elements of one type, somewhere in one of a few buffers.

/**
 * Which buffer a tensor lies in. "parameter": the flat parameter vector; "half": its copy in f16; "result": gradients and sums, read
 * back; "constant": filled when the program is made; "arena": inputs and intermediate values, whose places the memory plan reuses.
 */
export type Storage = "parameter" | "half" | "result" | "constant" | "arena";

/** How an element is stored. Kernels compute in float32 with either. */
export type ElementType = "f32" | "f16";

export interface Tensor {
  /** Its index in `Lowered.tensors`. */
  readonly id: number;
  readonly storage: Storage;
  readonly elements: number;
  readonly type: ElementType;
  /** Within the buffer, in elements; of a tensor in the arena the memory plan decides. */
  readonly offset?: number;
  /** The values of a constant: one that fills it, or one for each element. */
  readonly values?: readonly number[];
}

export const bytesOf = { f32: 4, f16: 2 } as const satisfies Record<ElementType, number>;

/** What a tensor takes in words of four bytes, in which buffers are counted. */
export const wordsOf = ({ elements, type }: Pick<Tensor, "elements" | "type">): number => Math.ceil((elements * bytesOf[type]) / 4);

/** In words. Bindings begin at multiples of 256 bytes: the strictest alignment that WebGPU asks for, and enough for vec4f. */
export const alignment = 64;

/** The next multiple of the alignment, in words. */
export const aligned = (elements: number): number => Math.ceil(elements / alignment) * alignment;
