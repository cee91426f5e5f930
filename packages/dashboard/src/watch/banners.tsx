// What a person must know before they read on: the coordinator is gone, or nobody is left to compute.
import { useComputed } from "@preact/signals";
import "./banners.css";
import type { Run } from "./run.ts";

export function Banners({ run }: { readonly run: Run }) {
  const lost = run.feed.state.value === "lost";
  const phase = useComputed(() => run.view.value?.phase).value;
  const deserted = useComputed(() => run.view.value?.newest !== undefined && run.view.value.phase === "waiting").value;
  const refusal = run.hasToken && run.feed.refusal.value;
  return (
    <div class="banners" aria-live="polite">
      {lost && (
        <p class="banner bad" data-testid="lost">
          <strong>The coordinator is gone.</strong> Trying again. What you see is what it last said; a run that is started again
          from its checkpoint shows up here by itself.
        </p>
      )}
      {!lost && deserted && (
        <p class="banner warn" data-testid="deserted">
          <strong>Waiting for workers.</strong> Nothing is lost: the run goes on as soon as enough of them have joined.
        </p>
      )}
      {!lost && phase === "paused" && (
        <p class="banner warn" data-testid="paused">
          <strong>Paused.</strong> Whoever holds the controls can resume the run; it goes on exactly where it is.
        </p>
      )}
      {refusal && (
        <p class="banner warn" data-testid="refused">
          <strong>You can watch, not control.</strong> {refusal}
        </p>
      )}
    </div>
  );
}
