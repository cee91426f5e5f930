// The page's centre: how far the run is (outer ring), and which part of the newest step was this tab's (inner arc, and the number).
// It beats with the steps.
import { workerColor } from "../shared/worker-color.ts";
import type { JoinModel } from "./model.ts";
import type { SceneName } from "./page-state.ts";
import "./share-ring.css";

const outer = 112;
const inner = 98;
/** Steps may come faster than anybody wants to see a beat. */
const beatMs = 600;

export function ShareRing({ model }: { readonly model: JoinModel }) {
  const progress = model.progress.value ?? 0;
  const worker = model.part.value?.worker;
  const share = worker?.share ?? 0;
  const { name } = model.scene.value;
  const beat = Math.floor((model.feed.view.value?.newest?.time ?? 0) / beatMs);
  return (
    <div class={`share-ring ${moods[name]}`}>
      <svg viewBox="-120 -120 240 240" aria-hidden="true">
        {moods[name] === "alive" && <circle key={beat} class="share-ring-beat" r={inner - 12} />}
        <circle class="share-ring-track" r={outer} />
        <Arc class="share-ring-progress" radius={outer} part={progress} />
        <Arc class="share-ring-share" radius={inner} part={share} color={worker ? workerColor(worker.id) : undefined} />
      </svg>
      <p class="share-ring-words">
        <strong class="number" data-testid="share">
          {worker ? `${Math.round(100 * share)} %` : "–"}
        </strong>
        <span class="small quiet">of the last step</span>
      </p>
    </div>
  );
}

const moods: Record<SceneName, "alive" | "patient" | "still" | "troubled"> = {
  looking: "still",
  ready: "still",
  barred: "still",
  joining: "patient",
  waiting: "patient",
  computing: "alive",
  paused: "still",
  rebuilding: "troubled",
  reconnecting: "troubled",
  leaving: "still",
  finished: "still",
  left: "still",
  failed: "troubled",
};

interface ArcProps {
  readonly class: string;
  readonly radius: number;
  /** Of the whole circle, from the top, 0 to 1. */
  readonly part: number;
  readonly color?: string;
}

function Arc({ class: name, radius, part, color }: ArcProps) {
  // `pathLength` makes the dashes parts of the circle, whatever its radius.
  return (
    <circle
      class={name}
      r={radius}
      pathLength={1}
      stroke-dasharray={`${Math.min(part, 1)} 1`}
      style={{ stroke: color, opacity: part > 0 ? 1 : 0 }}
      transform="rotate(-90)"
    />
  );
}
