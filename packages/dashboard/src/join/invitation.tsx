// Before joining: what run this is, what joining means, whether this machine can, and the button.
import type { EngineKind, RunView } from "@tabgrad/core";
import { brief, percent } from "../shared/format.ts";
import "./invitation.css";
import type { JoinModel } from "./model.ts";
import { checkedName, nameCharacters } from "./name.ts";
import { progressOf } from "./own-part.ts";
import { PreflightList } from "./preflight-list.tsx";
import type { PreflightLine } from "./preflight.ts";

export function Invitation({ model }: { readonly model: JoinModel }) {
  const view = model.feed.view.value;
  const name = view?.start?.name;
  return (
    <div class="invitation">
      <section class="invitation-words" aria-labelledby="invitation">
        <p class="invitation-run quiet" data-testid="run">
          {name ? aboutRun(view) : lookingForRun[model.feed.state.value]}
        </p>
        <h1 id="invitation">{name ? <>Help train {name}</> : "Help train a neural network"}</h1>
        <p class="lead">Lend this machine to the run while this tab is open. Everybody who joins makes it faster.</p>
        <JoinForm model={model} />
        <ul class="invitation-terms">
          <li>Your GPU or CPU computes gradients while the tab is open, and nothing else.</li>
          <li>Nothing is installed. The page gets a part of the training data, and no access to yours.</li>
          <li>Leave any time: what you were computing goes back to the others.</li>
        </ul>
      </section>
      <PreflightList model={model} />
    </div>
  );
}

const lookingForRun = {
  connecting: "Looking for the run…",
  open: "The run is about to be announced.",
  lost: "The coordinator is out of reach; the page keeps trying.",
} as const;

function aboutRun(view: RunView): string {
  const { start, workers, phase } = view;
  const here = workers.size === 1 ? "1 worker is here" : `${workers.size} workers are here`;
  const model = `A model of ${brief(start!.parameters)} parameters`;
  switch (phase) {
    case "starting":
    case "waiting":
      return `${model}; waiting for workers.`;
    case "running":
      return `${model}; ${percent(progressOf(view) ?? 0, 0)} done, ${here}.`;
    case "paused":
      return `${model}; paused at ${percent(progressOf(view) ?? 0, 0)}, ${here}.`;
    case "finished":
      return `${model}; the run is finished.`;
    case "stopped":
    case "diverged":
    case "failed":
      return `${model}; the run is over.`;
    default:
      return phase satisfies never;
  }
}

const buttons: Record<EngineKind, string> = { gpu: "Join with your GPU", cpu: "Join with your CPU" };

function JoinForm({ model }: { readonly model: JoinModel }) {
  const { name, check, join, feed } = model;
  const [best, other] = check.value?.engines ?? [];
  const isNamed = checkedName(name.value) !== undefined;
  const isOver = feed.view.value?.done !== undefined;
  const barrier = check.value?.lines.find(({ status }) => status === "failed");
  const isBarred = check.value?.complete && !best;
  return (
    <form
      class="invitation-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (best) join(best);
      }}
    >
      <label>
        <span class="quiet small">Name of this tab</span>
        <input
          class="field"
          name="name"
          data-testid="name"
          value={name.value}
          maxLength={nameCharacters}
          required
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => (name.value = currentTarget.value)}
        />
      </label>
      <button
        type="submit"
        class="button primary invitation-join"
        data-testid={best ? `join-${best}` : "join"}
        disabled={!best || !isNamed || isOver}
      >
        {best ? buttons[best] : isBarred ? "This browser can't join" : "Looking at this machine…"}
      </button>
      {other && (
        <button
          type="button"
          class="button bare"
          data-testid={`join-${other}`}
          disabled={!isNamed || isOver}
          onClick={() => join(other)}
        >
          {buttons[other]} instead
        </button>
      )}
      {barrier && <Barrier line={barrier} />}
      {isBarred && <p class="small quiet">There is no WebAssembly in this browser either. Use a recent one.</p>}
    </form>
  );
}

/** On a phone the preflight is below the fold; what keeps the GPU out has to be seen before somebody settles for the CPU. */
function Barrier({ line: { link } }: { readonly line: PreflightLine }) {
  if (link) {
    return (
      <a class="button" href={link} data-testid="open-https">
        Open over https to use your GPU
      </a>
    );
  }
  return (
    <a class="invitation-why small" href="#preflight">
      Why not the GPU?
    </a>
  );
}
