// SHA-256 beside the training: on one of Node's own threads, while steps are taken on this one.
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";

/** What the threads take at most. */
const threadBytes = 2 ** 31 - 1;
const sliceBytes = 2 ** 20;

/** In hexadecimal digits. @param bytes must not change before the promise resolves */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (bytes.length <= threadBytes) {
    return Buffer.from(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString("hex");
  }
  const hash = createHash("sha256");
  for (let offset = 0; offset < bytes.length; offset += sliceBytes) {
    hash.update(bytes.subarray(offset, offset + sliceBytes));
    await setImmediate();
  }
  return hash.digest("hex");
}
