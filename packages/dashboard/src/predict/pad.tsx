// A pad to draw on. The model answers while somebody draws, on the newest parameters that are here.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PredictClient } from "./client.ts";
import { Ink, surfaceOf } from "./ink.ts";
import type { Opened, Question } from "./messages.ts";
import { PadAnswer } from "./pad-answer.tsx";
import { featuresOf } from "./samples.ts";
import "./pad.css";

export interface PadProps {
  readonly client: PredictClient;
  readonly opened: Opened & Required<Pick<Opened, "image" | "pad">>;
  /** The sample that was taken to the pad; another object each time. */
  readonly picked: { readonly sample: number } | undefined;
}

export function Pad({ client, opened, picked }: PadProps) {
  const { image, pad, samples, range } = opened;
  const canvas = useRef<HTMLCanvasElement>(null);
  const ink = useRef<Ink>(undefined);
  const question = useRef<(() => Question) | undefined>(undefined);
  const used = useSignal(false);
  const surface = surfaceOf(image);

  const ask = (what: () => Question): void => {
    question.current = what;
    used.value = true;
    client.ask(what());
  };
  const clear = (): void => {
    ink.current?.clear();
    question.current = undefined;
    used.value = false;
    client.forgetReply();
  };
  const take = (sample: number): void => {
    ink.current?.show(featuresOf(samples, sample), image, range);
    ask(() => ({ kind: "sample", sample }));
  };

  useEffect(() => {
    if (canvas.current) ink.current = new Ink(canvas.current, { image, light: pad.light });
  }, [image, pad]);
  useEffect(() => {
    if (picked) take(picked.sample);
  }, [picked]);
  // The same drawing, asked about again with newer parameters.
  useSignalEffect(() => {
    if (client.version.value !== undefined && question.current) client.ask(question.current());
  });
  useDrawing(canvas, ink, () => ask(() => ({ kind: "drawing", drawing: ink.current!.read() })));

  return (
    <section class="pad" aria-labelledby="pad-title">
      <h3 id="pad-title">Draw, and it answers</h3>
      <div class="pad-body">
        <div>
          <canvas
            ref={canvas}
            class={`pad-surface${pad.light ? " light" : ""}${used.value ? "" : " untouched"}`}
            width={surface.width}
            height={surface.height}
            role="img"
            aria-label="A pad to draw on with a finger, a pen or the mouse. Without one, take a sample to the pad with the buttons."
            data-testid="pad"
          />
          <div class="pad-buttons">
            <button type="button" class="button" disabled={!used.value} onClick={clear}>
              Clear
            </button>
            {samples.count > 0 && (
              <button type="button" class="button" onClick={() => take(Math.floor(Math.random() * samples.count))}>
                A sample
              </button>
            )}
          </div>
        </div>
        <PadAnswer client={client} opened={opened} used={used.value} />
      </div>
    </section>
  );
}

/** Pointer events to strokes; `onChange` at most once a frame. */
function useDrawing(
  canvas: { readonly current: HTMLCanvasElement | null },
  ink: { readonly current: Ink | undefined },
  onChange: () => void,
): void {
  const changed = useRef(onChange);
  changed.current = onChange;
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    let last: { x: number; y: number } | undefined;
    let frame = 0;
    const place = (event: PointerEvent): { x: number; y: number } => {
      const box = element.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * element.width;
      return { x, y: ((event.clientY - box.top) / box.height) * element.height };
    };
    const draw = (event: PointerEvent): void => {
      // All the places between two frames, or a fast stroke has corners.
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length > 0 ? events : [event]) {
        const next = place(each);
        const from = last ?? next;
        ink.current?.line(from.x, from.y, next.x, next.y);
        last = next;
      }
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        changed.current();
      });
    };
    const down = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      last = undefined;
      draw(event);
    };
    const move = (event: PointerEvent): void => {
      if (element.hasPointerCapture(event.pointerId)) draw(event);
    };
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
    };
  }, [canvas, ink]);
}
