// The page: what matters now on top, then curves, workers and what was decided, beside each other as far as there is room.
import { useComputed } from "@preact/signals";
import { Banners } from "./banners.tsx";
import { Controls } from "./controls/controls.tsx";
import { Curves } from "./curves/curves.tsx";
import { Decisions } from "./decisions/decisions.tsx";
import { Headline } from "./headline.tsx";
import { Invite } from "./invite/invite.tsx";
import { Model } from "./model/model.tsx";
import "./page.css";
import { Predictions } from "./predictions.tsx";
import { ProgressLine } from "./progress-line.tsx";
import { Result } from "./result.tsx";
import type { Run } from "./run.ts";
import { Tables } from "./tables/tables.tsx";
import { Timeline } from "./timeline/timeline.tsx";
import { TopBar } from "./top-bar.tsx";
import { Welcome } from "./welcome.tsx";
import { Workers } from "./workers/workers.tsx";

export function Page({ run }: { readonly run: Run }) {
  const lost = useComputed(() => run.feed.state.value === "lost").value;
  const nobodyYet = useComputed(() => {
    const view = run.view.value;
    return view !== undefined && (view.phase === "waiting" || view.phase === "starting") && view.newest === undefined;
  }).value;
  return (
    <div class={`page ${lost ? "page-lost" : ""}`}>
      <TopBar run={run} />
      <Banners run={run} />
      <main class="page-main">
        <ProgressLine run={run} />
        <Controls run={run} />
        {nobodyYet ? <Before run={run} /> : <During run={run} />}
      </main>
    </div>
  );
}

/** Before the first step there is one thing to do: let workers in. */
function Before({ run }: { readonly run: Run }) {
  return (
    <>
      <Welcome run={run} />
      <div class="page-zones page-before">
        <Workers run={run} />
        <Model run={run} />
        <Decisions run={run} />
      </div>
    </>
  );
}

function During({ run }: { readonly run: Run }) {
  const over = useComputed(() => run.view.value?.done !== undefined).value;
  return (
    <>
      {over ? <Result run={run} /> : <Headline run={run} />}
      <div class="page-zones">
        <div class="page-zone page-curves">
          <Curves run={run} />
          <Tables run={run} />
          <Predictions feed={run.feed} />
        </div>
        <div class="page-zone">
          <Workers run={run} />
          <Timeline run={run} />
          <Model run={run} />
        </div>
        <div class="page-zone">
          <Decisions run={run} />
          <Invite run={run} />
        </div>
      </div>
    </>
  );
}
