// Predictions on the live parameters, computed in the viewer's own browser: what the model says of held-out samples, and of what
// somebody draws.
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Feed } from "../shared/feed.ts";
import { count } from "../shared/format.ts";
import { Panel } from "../shared/panel.tsx";
import { ClassResults } from "./class-results.tsx";
import { PredictClient } from "./client.ts";
import type { Opened } from "./messages.ts";
import { Pad, type PadProps } from "./pad.tsx";
import { useVisible } from "./use-visible.ts";
import { ValueResults } from "./value-results.tsx";
import { stepWords } from "./words.ts";
import "./panel.css";

export interface PredictionsPanelProps {
  readonly feed: Feed;
}

export function PredictionsPanel({ feed }: PredictionsPanelProps) {
  const run = useComputed(() => feed.view.value?.start?.runId);
  const place = useRef<HTMLDivElement>(null);
  const visible = useVisible(place);
  return (
    <div ref={place} data-testid="predictions">
      {run.value === undefined ? (
        <Panel title="Predictions" id="predictions-title">
          <p class="quiet">When a run begins, its model can be asked here.</p>
        </Panel>
      ) : (
        // Another run is another model: everything begins anew.
        <Predictions key={run.value} feed={feed} visible={visible} />
      )}
    </div>
  );
}

function Predictions({ feed, visible }: PredictionsPanelProps & { readonly visible: ReturnType<typeof useVisible> }) {
  const client = useMemo(() => new PredictClient(), []);
  useEffect(() => () => client.close(), [client]);
  // Signals of their own, so that a step that changes neither sends no message.
  const runStep = useComputed(() => feed.view.value?.step ?? 0);
  const over = useComputed(() => feed.view.value?.done !== undefined);
  useSignalEffect(() => {
    const reachable = feed.state.value !== "lost";
    client.follow({ visible: visible.value, reachable, runStep: runStep.value, over: over.value });
  });
  return (
    <Panel title="Predictions" id="predictions-title" aside={<Standing feed={feed} client={client} />} class="predictions">
      <Content client={client} />
    </Panel>
  );
}

/** Which parameters these are, always; and what is wrong, if anything. */
function Standing({ feed, client }: PredictionsPanelProps & { readonly client: PredictClient }) {
  const version = client.version.value;
  if (version === undefined) return null;
  const lost = feed.state.value === "lost" ? ", the last ones before the coordinator was lost" : "";
  const title = `Computed by ${client.opened.value?.device ?? "this browser"}, in this browser: it costs training nothing.`;
  return (
    <p class="small quiet" data-testid="predictions-step" data-step={version} title={title}>
      on the parameters of <span class="number">{stepWords(version)}</span>
      {lost}
    </p>
  );
}

function Content({ client }: { readonly client: PredictClient }) {
  const picked = useSignal<PadProps["picked"]>(undefined);
  const opened = client.opened.value;
  const assessment = client.assessed.value?.assessment;
  const problem = client.problem.value;
  const trouble = problem && (
    <p class="predictions-problem small" role="status" data-testid="predictions-problem">
      {client.version.value === undefined ? "" : "These are the newest predictions that could be made. "}
      {problem}. Trying again.
    </p>
  );
  if (!opened) return trouble || <Loading />;
  if (opened.classesOfSample > 1) {
    return (
      <>
        {trouble}
        <p class="quiet" data-testid="predictions-positions">
          Each sample of this run has {count(opened.classesOfSample)} labels, one for each position. This page shows predictions of
          samples with one label only; how the model does is in the curves.
        </p>
      </>
    );
  }
  const pad = canDraw(opened) && <Pad client={client} opened={opened} picked={picked.value} />;
  const onPick = pad ? (sample: number): void => void (picked.value = { sample }) : undefined;
  return (
    <>
      {trouble}
      {opened.heldOut === 0 && (
        <p class="quiet">
          This run holds no samples out, so there is nothing to ask its model about{pad ? " but what you draw" : ""}.
        </p>
      )}
      {assessment?.kind === "classes" && <ClassResults {...{ opened, assessment, onPick }}>{pad}</ClassResults>}
      {assessment?.kind === "values" && <ValueResults {...{ opened, assessment }}>{pad}</ValueResults>}
      {!assessment && (opened.heldOut > 0 ? <Loading /> : pad)}
    </>
  );
}

const Loading = () => (
  <p class="predictions-loading quiet" role="status">
    Fetching the model and a few held-out samples…
  </p>
);

const canDraw = (opened: Opened): opened is PadProps["opened"] => opened.image !== undefined && opened.pad !== undefined;
