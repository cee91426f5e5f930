// Another learning rate from the next step on.
import { useComputed, useSignal } from "@preact/signals";
import { plain } from "../../shared/format.ts";
import type { Run } from "../run.ts";
import { ask } from "./ask.ts";
import { readLearningRate } from "./read-learning-rate.ts";

export function LearningRate({ run }: { readonly run: Run }) {
  const typed = useSignal("");
  // With a schedule, it is what that multiplies which can be changed.
  const base = useComputed(() => run.view.value?.newest?.baseLearningRate).value;
  const newest = useComputed(() => run.view.value?.newest?.learningRate).value;
  const now = base ?? newest;
  const value = readLearningRate(typed.value);
  const wrong = typed.value !== "" && value === undefined;
  const apply = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (value === undefined) return;
    const said = `The learning rate${base === undefined ? "" : " before the schedule"} is ${value} from the next step on.`;
    const done = await ask(run.feed, { name: "learningRate", value }, said);
    if (done) typed.value = "";
  };
  return (
    <form class="controls-rate" onSubmit={(event) => void apply(event)}>
      <label>
        <span class="quiet small">{base === undefined ? "Learning rate" : "Learning rate before the schedule"}</span>
        <input
          class="field"
          data-testid="control-learning-rate"
          inputmode="decimal"
          autocomplete="off"
          placeholder={now === undefined ? "0.001" : plain(now)}
          value={typed.value}
          aria-invalid={wrong}
          aria-describedby={wrong ? "rate-wrong" : undefined}
          onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
        />
      </label>
      <button class="button" data-testid="control-learning-rate-apply" disabled={value === undefined}>
        Apply
      </button>
      {wrong && (
        <span id="rate-wrong" class="controls-wrong small" role="alert">
          A number above 0
        </span>
      )}
    </form>
  );
}
