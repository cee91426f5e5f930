// The host's values on their way to the device. What is large goes through buffers that stay mapped: a queue's own `writeBuffer` makes
// and frees one whenever more than about 4 MB are on their way, which takes ten times as long as the copy (Dawn, 50 MB: 32 ms, 4.6 so).
import { createBuffer } from "./buffers.ts";
import { mapMode, usage } from "./flags.ts";

/** Bytes up to which `writeBuffer` is as quick. */
const fewBytes = 2 ** 20;
/** Bytes that may wait for the device at once; whoever brings more waits, too. */
const mostWaiting = 2 ** 28;

export class Uploads {
  private readonly device: GPUDevice;
  /** Mapped, to be written to. */
  private readonly idle = new Set<GPUBuffer>();
  /** In copies that are recorded, and not submitted yet. */
  private readonly recorded = new Set<GPUBuffer>();
  /** Read by the device, until they are mapped again. */
  private readonly waiting = new Map<GPUBuffer, Promise<void>>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /**
   * Brings values to a buffer, ahead of what is recorded next and behind all that was submitted before: nothing must be submitted
   * between this and the encoder.
   * @param offset in bytes
   */
  async write(encoder: GPUCommandEncoder, target: GPUBuffer, offset: number, values: Float32Array): Promise<void> {
    const { byteLength } = values;
    if (byteLength <= fewBytes) {
      this.device.queue.writeBuffer(target, offset, values);
      return;
    }
    const staging = await this.take(byteLength);
    new Float32Array(staging.getMappedRange(0, byteLength)).set(values);
    staging.unmap();
    encoder.copyBufferToBuffer(staging, 0, target, offset, byteLength);
    this.recorded.add(staging);
  }

  /** The encoder has been submitted. */
  submitted(): void {
    for (const buffer of this.recorded) {
      const mapped = buffer.mapAsync(mapMode.write).then(
        () => void this.idle.add(buffer),
        // The device is lost, which others notice, or all this is destroyed.
        () => buffer.destroy(),
      );
      this.waiting.set(
        buffer,
        mapped.finally(() => this.waiting.delete(buffer)),
      );
    }
    this.recorded.clear();
  }

  destroy(): void {
    for (const buffer of [...this.idle, ...this.recorded, ...this.waiting.keys()]) buffer.destroy();
    this.idle.clear();
    this.recorded.clear();
  }

  /** A mapped buffer of so many bytes or more. */
  private async take(bytes: number): Promise<GPUBuffer> {
    while (this.waiting.size > 0 && this.waitingBytes() + bytes > mostWaiting) await Promise.race(this.waiting.values());
    const fitting = [...this.idle].filter(({ size }) => size >= bytes).sort((a, b) => a.size - b.size)[0];
    if (fitting) {
      this.idle.delete(fitting);
      return fitting;
    }
    return createBuffer(this.device, "uploads", bytes / 4, usage.mapWrite | usage.copySource, { mapped: true });
  }

  private waitingBytes(): number {
    return [...this.waiting.keys()].reduce((total, { size }) => total + size, 0);
  }
}
