// A buffer that kernels add their results to, with its way back to the host.
import { createBuffer, ReadbackRing } from "./buffers.ts";
import { mapMode, usage } from "./flags.ts";

export class Results {
  readonly buffer: GPUBuffer;
  private readonly readback: ReadbackRing;

  private constructor(buffer: GPUBuffer, readback: ReadbackRing) {
    this.buffer = buffer;
    this.readback = readback;
  }

  /** @param label for people: what the results are */
  static async create(device: GPUDevice, label: string, elements: number): Promise<Results> {
    const buffer = await createBuffer(device, label, elements, usage.storage | usage.copySource | usage.copyTarget);
    try {
      return new Results(buffer, await ReadbackRing.create(device, elements));
    } catch (error) {
      buffer.destroy();
      throw error;
    }
  }

  /** Records that the first `elements` begin at zero. */
  clear(encoder: GPUCommandEncoder, elements: number): void {
    encoder.clearBuffer(this.buffer, 0, elements * 4);
  }

  /** Records the copy of the first `elements`; returns where to read them when the work was submitted. */
  copy(encoder: GPUCommandEncoder, elements: number): GPUBuffer {
    const staging = this.readback.take();
    encoder.copyBufferToBuffer(this.buffer, 0, staging, 0, elements * 4);
    return staging;
  }

  destroy(): void {
    this.buffer.destroy();
    this.readback.destroy();
  }
}

/** Waits for the copy, and shows it to `take` while it is there. Mapping waits for the work by itself. */
export async function readBack<T>(staging: GPUBuffer, elements: number, take: (values: Float32Array) => T): Promise<T> {
  await staging.mapAsync(mapMode.read, 0, elements * 4);
  try {
    return take(new Float32Array(staging.getMappedRange(0, elements * 4)));
  } finally {
    staging.unmap();
  }
}
