// The one kind of engine that an exact run computes on: between kinds, the last bits of a gradient differ. Whoever contributes first
// decides which one it is.
import { TabgradError, type Hello } from "@tabgrad/core";

/**
 * What has to be alike in two workers for their gradients to have the same bits: where it runs (which build of the engine) and the
 * engine; for a GPU, which one.
 */
export const kindOf = ({ host, engine, device }: Pick<Hello, "host" | "engine" | "device">): string =>
  engine === "gpu" ? `${host} gpu ${device}` : `${host} ${engine}`;

/** What a worker of another kind is told. */
export const otherKind = (kind: string, found: string): TabgradError =>
  new TabgradError(
    "ENGINE_MISMATCH",
    `This run is exact and computes on "${kind}"; this worker is "${found}", whose gradients differ in their last bits`,
    "Join with an engine of that kind, or start the run without exact.",
  );
