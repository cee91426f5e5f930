// What a command from a page means for the run, or why it can't be done.
import { TabgradError, type ControlCommand } from "@tabgrad/core";
import type { RunEvent, RunState } from "./state.ts";

/** @throws TabgradError CONTROL_REFUSED */
export function commandEvent(command: ControlCommand, { phase, workers }: RunState): RunEvent {
  if (phase === "ended") throw refusal("The run is over", "Start a new one to train on.");
  switch (command.name) {
    case "pause":
    case "resume":
      return { kind: command.name };
    case "stop":
      return { kind: "stop", why: "it was stopped from the dashboard" };
    case "checkpoint":
      return { kind: "checkpointNow" };
    case "learningRate":
      return { kind: "learningRate", value: command.value };
    case "drop":
      if (!workers.has(command.worker)) throw refusal(`There is no worker ${command.worker}`, "It may have left already.");
      return { kind: "drop", worker: command.worker };
    default:
      return command satisfies never;
  }
}

const refusal = (message: string, remedy: string): TabgradError => new TabgradError("CONTROL_REFUSED", message, remedy);
