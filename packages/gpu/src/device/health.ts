// Notices that a device was lost or complained, so that no result is taken for good afterwards.
import { TabgradError } from "@tabgrad/core";

export class DeviceHealth {
  private readonly device: GPUDevice;
  private failure: string | undefined;
  private readonly listener = (event: GPUUncapturedErrorEvent): void => {
    event.preventDefault();
    this.failure ??= event.error.message;
  };

  constructor(device: GPUDevice) {
    this.device = device;
    device.addEventListener("uncapturederror", this.listener);
    void device.lost.then(({ reason, message }) => {
      this.failure ??= `the GPU device was lost (${reason}${message ? `: ${message}` : ""})`;
    });
  }

  /** @throws TabgradError ENGINE_FAILED if anything went wrong since the device was made */
  check(): void {
    if (this.failure !== undefined) throw failed(this.failure);
  }

  /** What a rejected promise of the device means. */
  async explain(cause: unknown): Promise<TabgradError> {
    if (cause instanceof TabgradError) return cause;
    // The news of the loss may be a turn behind the rejection that it caused.
    await Promise.race([this.device.lost, new Promise<void>((resolve) => setTimeout(resolve, 0))]);
    return failed(this.failure ?? (cause instanceof Error ? cause.message : String(cause)), cause);
  }

  close(): void {
    this.device.removeEventListener("uncapturederror", this.listener);
  }
}

const failed = (message: string, cause?: unknown): TabgradError =>
  new TabgradError(
    "ENGINE_FAILED",
    `the GPU failed: ${message}`,
    "Start the engine again; if it happens again, use a smaller microbatch or --engine cpu.",
    { cause },
  );
