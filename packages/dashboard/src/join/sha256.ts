// SHA-256 in a tab: the browser's own, which only secure pages have, else one in JavaScript.
import { sha256 as plainSha256 } from "@noble/hashes/sha2.js";

/** In lower-case hexadecimal digits. */
export async function sha256(bytes: ArrayBuffer): Promise<string> {
  const { subtle } = crypto as { subtle?: SubtleCrypto };
  return hexadecimal(subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : plainSha256(new Uint8Array(bytes)));
}

export const hexadecimal = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
