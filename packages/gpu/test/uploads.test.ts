// The way of large values to the device: right and in order, however many are on their way and however their sizes change.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBuffer } from "../src/device/buffers.ts";
import { usage } from "../src/device/flags.ts";
import { readBack } from "../src/device/results.ts";
import { Uploads } from "../src/device/uploads.ts";
import { requestDevice } from "../src/index.ts";
import { openGpu } from "../src/node.ts";

const most = 2 ** 19;

describe("uploads", () => {
  let device: GPUDevice;
  beforeAll(async () => {
    const opening = await openGpu();
    if (!opening.available) throw new Error(opening.message);
    device = await requestDevice(opening.adapter);
  });
  afterAll(() => device.destroy());

  it("arrive before what is recorded next, and after what was submitted before", async () => {
    const uploads = new Uploads(device);
    const target = await createBuffer(device, "target", most, usage.storage | usage.copySource | usage.copyTarget);
    const sizes = [16, most, 300_000, 400_000, 262_145, 262_144, most];
    const copies: { staging: GPUBuffer; values: Float32Array }[] = [];
    for (let round = 0; round < 3; round++) {
      for (const [i, elements] of sizes.entries()) {
        const values = Float32Array.from({ length: elements }, (_, at) => round * 1000 + i * 100 + (at % 97));
        const staging = await createBuffer(device, "staging", elements, usage.mapRead | usage.copyTarget);
        const encoder = device.createCommandEncoder();
        await uploads.write(encoder, target, 0, values);
        encoder.copyBufferToBuffer(target, 0, staging, 0, values.byteLength);
        device.queue.submit([encoder.finish()]);
        uploads.submitted();
        copies.push({ staging, values });
      }
    }
    for (const { staging, values } of copies) {
      const found = await readBack(staging, values.length, (mapped) => mapped.slice());
      expect(found.every((value, i) => value === values[i])).toBe(true);
    }
    uploads.destroy();
  });

  it("may be given up while they are on their way", async () => {
    const uploads = new Uploads(device);
    const target = await createBuffer(device, "target", most, usage.storage | usage.copyTarget);
    const encoder = device.createCommandEncoder();
    await uploads.write(encoder, target, 0, new Float32Array(most));
    device.queue.submit([encoder.finish()]);
    uploads.submitted();
    uploads.destroy();
    await device.queue.onSubmittedWorkDone();
  });
});
