// The place for the predictions: what they need is loaded when somebody scrolls near, so that the page itself comes fast.
import { signal, useComputed } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Feed } from "../shared/feed.ts";
import { Panel } from "../shared/panel.tsx";
import "./predictions.css";
import { isSeen } from "./sightings.ts";

type PredictionsPanel = ComponentType<{ readonly feed: Feed }>;

const loaded = signal<PredictionsPanel | "no" | undefined>(undefined);

const load = (): Promise<void> =>
  import("../predict/panel.tsx").then(
    ({ PredictionsPanel }) => void (loaded.value = PredictionsPanel),
    () => void (loaded.value = "no"),
  );

export function Predictions({ feed }: { readonly feed: Feed }) {
  const place = useRef<HTMLDivElement>(null);
  const known = useComputed(() => feed.view.value?.start !== undefined).value;
  useEffect(() => {
    if (!known || loaded.peek()) return;
    const near = new IntersectionObserver(
      (sightings) => {
        if (!isSeen(sightings)) return;
        near.disconnect();
        void load();
      },
      { rootMargin: "300px" },
    );
    near.observe(place.current!);
    return () => near.disconnect();
  }, [known]);
  const Loaded = loaded.value;
  if (Loaded !== undefined && Loaded !== "no") return <Loaded feed={feed} />;
  return (
    <div ref={place} class="predictions-place">
      <Panel title="Predictions" id="predictions">
        <p class="quiet small">
          {Loaded === "no" ? "This part of the page did not come. Reload the page when the coordinator is there." : "\u00a0"}
        </p>
      </Panel>
    </div>
  );
}
