// Sends a worker away, after asking.
import { useSignal } from "@preact/signals";
import type { WorkerView } from "@tabgrad/core";
import type { Run } from "../run.ts";
import { ask } from "./ask.ts";
import { Confirm } from "./confirm.tsx";

export function DropWorker({ run, worker: { id, name } }: { readonly run: Run; readonly worker: WorkerView }) {
  const asking = useSignal(false);
  return (
    <>
      <button
        type="button"
        class="control-drop"
        data-testid="control-drop"
        aria-label={`drop ${name}`}
        title={`Send ${name} away`}
        onClick={() => (asking.value = true)}
      >
        drop
      </button>
      <Confirm
        open={asking}
        title={`Send ${name} away?`}
        text="What it is computing goes to the others; the run loses nothing. It can join again with the link."
        yes="Send it away"
        confirmed={() => ask(run.feed, { name: "drop", worker: id }, `${name} was sent away.`)}
      />
    </>
  );
}
