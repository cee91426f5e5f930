// The entry of the predictions' Worker: the page's own thread draws, and computes nothing.
import "../shared/no-eval.ts";
import type { ToPredictor } from "./messages.ts";
import { createPredictor } from "./predictor.ts";
import { PredictSession } from "./session.ts";

// A timer would wait for four milliseconds each time; a message goes to the end of the queue at once.
const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

const session = new PredictSession({
  fetch: (path) => fetch(path),
  post: (message) => postMessage(message),
  createPredictor,
  now: () => performance.now(),
  after(milliseconds, then) {
    const timer = setTimeout(then, milliseconds);
    return () => clearTimeout(timer);
  },
  breathe: () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      channel.port2.postMessage(undefined);
    }),
});

addEventListener("message", ({ data }: MessageEvent<ToPredictor>) => session.receive(data));
