// Reads a safetensors file tensor by tensor, so that it may be larger than what fits into one buffer.
import { open, type FileHandle } from "node:fs/promises";
import { TabgradError } from "@tabgrad/core";
import { headerLength, lengthBytes, parseHeader, tensorOf, type NamedTensor, type SafetensorsHeader } from "./safetensors.ts";

export interface SafetensorsFile {
  readonly header: SafetensorsHeader;
  /** In the order of the header, as float32. */
  readonly weights: readonly NamedTensor[];
}

/** @throws TabgradError DATA_UNREADABLE, CHECKPOINT_INVALID */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path).catch((error: Error) => {
    throw new TabgradError("DATA_UNREADABLE", `${path} cannot be read: ${error.message}`, "Check its permissions.", {
      cause: error,
    });
  });
  try {
    const { size } = await file.stat();
    const length = headerLength(await bytesAt(file, 0, Math.min(size, lengthBytes)), size, path);
    const header = parseHeader(await bytesAt(file, lengthBytes, lengthBytes + length), size, path);
    const weights: NamedTensor[] = [];
    for (const entry of header.tensors) weights.push(tensorOf(entry, await bytesAt(file, entry.begin, entry.end)));
    return { header, weights };
  } finally {
    await file.close();
  }
}

/** One call reads at most so much. */
const most = 2 ** 30;

async function bytesAt(file: FileHandle, begin: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, Math.min(most, bytes.length - filled), begin + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes;
}
