// Buffers of the device: every one is made here, with its out-of-memory answer, and destroyed by whoever asked for it.
import { TabgradError } from "@tabgrad/core";
import { usage } from "./flags.ts";

/**
 * A zeroed buffer of so many float32 elements.
 * @throws TabgradError ENGINE_UNSUPPORTED if it is larger than the device's largest, ENGINE_FAILED if there is no memory for it
 */
export async function createBuffer(
  device: GPUDevice,
  label: string,
  elements: number,
  flags: number,
  { mapped = false } = {},
): Promise<GPUBuffer> {
  const size = Math.max(4, elements) * 4;
  if (size > device.limits.maxBufferSize) {
    throw new TabgradError(
      "ENGINE_UNSUPPORTED",
      `${label} takes ${size} bytes; this GPU's largest buffer has ${device.limits.maxBufferSize}`,
      "Use a smaller model, a smaller microbatch, or --engine cpu.",
    );
  }
  device.pushErrorScope("out-of-memory");
  const buffer = device.createBuffer({ label, size, usage: flags, mappedAtCreation: mapped });
  const error = await device.popErrorScope();
  if (error) {
    buffer.destroy();
    throw new TabgradError(
      "ENGINE_FAILED",
      `no GPU memory for ${label} (${size} bytes): ${error.message}`,
      "Use a smaller microbatch.",
    );
  }
  return buffer;
}

/**
 * The buffers that hold inputs and intermediate values: as large as the largest program variant needs, shared by all of them, since
 * only one runs at a time.
 */
export class Arena {
  private readonly device: GPUDevice;
  private readonly list: { buffer: GPUBuffer; elements: number }[] = [];
  /** Changes whenever a buffer is replaced by a larger one; bind groups made before are void then. */
  generation = 0;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  buffer(index: number): GPUBuffer {
    return this.list[index].buffer;
  }

  /** Bytes on the device. */
  get bytes(): number {
    return this.list.reduce((total, { elements }) => total + elements * 4, 0);
  }

  /** Makes every buffer at least this large, in elements. */
  async grow(sizes: readonly number[]): Promise<void> {
    for (const [index, elements] of sizes.entries()) {
      const present = this.list[index];
      if (present && present.elements >= elements) continue;
      const buffer = await createBuffer(this.device, "intermediate values", elements, usage.storage | usage.copyTarget);
      // Work that was submitted keeps what it uses.
      present?.buffer.destroy();
      this.list[index] = { buffer, elements };
      this.generation++;
    }
  }

  destroy(): void {
    this.list.forEach(({ buffer }) => buffer.destroy());
    this.list.length = 0;
  }
}

/** A ring of staging buffers: the next result is copied into one while the last one is still mapped. */
export class ReadbackRing {
  private readonly buffers: GPUBuffer[];
  private next = 0;

  private constructor(buffers: GPUBuffer[]) {
    this.buffers = buffers;
  }

  static async create(device: GPUDevice, elements: number, length = 2): Promise<ReadbackRing> {
    const buffers: GPUBuffer[] = [];
    for (let i = 0; i < length; i++)
      buffers.push(await createBuffer(device, "read-back", elements, usage.mapRead | usage.copyTarget));
    return new ReadbackRing(buffers);
  }

  /** The buffer to copy the next result into. */
  take(): GPUBuffer {
    const buffer = this.buffers[this.next];
    this.next = (this.next + 1) % this.buffers.length;
    return buffer;
  }

  destroy(): void {
    this.buffers.forEach((buffer) => buffer.destroy());
  }
}
