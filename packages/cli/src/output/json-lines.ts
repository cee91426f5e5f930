// `--json`: every event of a run as one object a line on stdout, for scripts. The fields are documented in docs/json.md.
import type { TelemetryEvent } from "@tabgrad/core";

/** Metrics stand beside the loss: {"event":"eval","step":…,"loss":…,"accuracy":…}. */
export function toJsonLine(event: TelemetryEvent): string {
  if (!("metrics" in event)) return JSON.stringify(event);
  const { metrics, ...rest } = event;
  if (!("tables" in rest)) return JSON.stringify({ ...rest, ...metrics });
  const { tables, ...others } = rest;
  return JSON.stringify({ ...others, ...metrics, ...tables });
}
