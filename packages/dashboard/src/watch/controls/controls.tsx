// What whoever holds the control token can do. Everybody else does not see it: the coordinator would refuse.
import { useComputed, useSignal } from "@preact/signals";
import { isOver } from "../phase-words.ts";
import type { Run } from "../run.ts";
import { ask, dismiss, said } from "./ask.ts";
import { Confirm } from "./confirm.tsx";
import "./controls.css";
import { LearningRate } from "./learning-rate.tsx";

export function Controls({ run }: { readonly run: Run }) {
  const phase = useComputed(() => run.view.value?.phase).value;
  const allowed = run.feed.granted.value && phase !== undefined && !isOver(phase);
  return (
    <>
      {allowed && (
        <section class="controls" aria-label="Controls" data-testid="controls">
          <PauseOrResume run={run} paused={phase === "paused"} />
          <button
            type="button"
            class="button"
            data-testid="control-checkpoint"
            onClick={() => void ask(run.feed, { name: "checkpoint" }, "A checkpoint is being written.")}
          >
            Checkpoint now
          </button>
          <LearningRate run={run} />
          <Stop run={run} />
        </section>
      )}
      <Toast />
    </>
  );
}

function PauseOrResume({ run: { feed }, paused }: { readonly run: Run; readonly paused: boolean }) {
  return paused ? (
    <button
      type="button"
      class="button primary"
      data-testid="control-resume"
      onClick={() => void ask(feed, { name: "resume" }, "The run goes on.")}
    >
      Resume
    </button>
  ) : (
    <button
      type="button"
      class="button"
      data-testid="control-pause"
      onClick={() => void ask(feed, { name: "pause" }, "The run is paused.")}
    >
      Pause
    </button>
  );
}

function Stop({ run: { feed } }: { readonly run: Run }) {
  const asking = useSignal(false);
  return (
    <>
      <button type="button" class="button danger controls-stop" data-testid="control-stop" onClick={() => (asking.value = true)}>
        Stop the run
      </button>
      <Confirm
        open={asking}
        title="Stop the run?"
        text="The step that is being computed is finished first, and the workers are sent home. With checkpoints, the run can go on later."
        yes="Stop the run"
        confirmed={() => ask(feed, { name: "stop" }, "The run is being stopped.")}
      />
    </>
  );
}

/** What came of the last thing that was asked for. */
function Toast() {
  const answer = said.value;
  return (
    <div class="toast-place" role="status" data-testid="answer">
      {answer && (
        <p key={answer.id} class={`toast ${answer.failed ? "bad" : ""}`}>
          <span>
            {answer.text} <span class="quiet">{answer.remedy}</span>
          </span>
          <button type="button" class="toast-dismiss" aria-label="Dismiss" onClick={dismiss}>
            ×
          </button>
        </p>
      )}
    </div>
  );
}
