// SHA-256 beside the training: in slices, between which everything else gets its turn. (Node's own threads would copy the bytes first,
// at once, which takes this thread as long as hashing them does where the processor helps.)
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";

/** A millisecond or two. */
const sliceBytes = 2 ** 20;

/** In hexadecimal digits. @param bytes must not change before the promise resolves */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < bytes.length; offset += sliceBytes) {
    hash.update(bytes.subarray(offset, offset + sliceBytes));
    await setImmediate();
  }
  return hash.digest("hex");
}
