// Whether a dataset is still the one that a run was begun with.
import type { DatasetDescription } from "@tabgrad/core";
import { createHash } from "node:crypto";

/** Depends on every sample, on their order, and on which of them are held out. */
export function fingerprint({ fields, shards, train, evaluation }: DatasetDescription): string {
  const parts = [fields, shards.map(({ hash, samples }) => [hash, samples]), train, evaluation];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
