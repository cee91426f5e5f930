// Shared memory for flat vectors on their way between threads, used again once the other side has answered.

export class SharedVectors {
  #bytes = 0;
  #free: SharedArrayBuffer[] = [];

  /** Memory of that size, of any content. */
  take(bytes: number): SharedArrayBuffer {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#free = [];
    }
    return this.#free.pop() ?? new SharedArrayBuffer(bytes);
  }

  /** Memory of a size that is no longer asked for is forgotten. */
  give(vector: SharedArrayBuffer): void {
    if (vector.byteLength === this.#bytes) this.#free.push(vector);
  }
}

/** Copies float32 values; both have the same size. */
export function copyVector(from: ArrayBufferLike, to: ArrayBufferLike): void {
  new Float32Array(to).set(new Float32Array(from));
}
