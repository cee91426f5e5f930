// What the parts of the page share: the feed, and the run as it is drawn, at most once an animation frame and not at all while nobody
// can see it.
import { effect, signal, type ReadonlySignal } from "@preact/signals";
import type { RunView } from "@tabgrad/core";
import type { Feed } from "../shared/feed.ts";
import { Choices } from "./curves/choices.ts";

export interface Run {
  readonly feed: Feed;
  /** The feed's view, as of the newest frame. */
  readonly view: ReadonlySignal<RunView | undefined>;
  /** The coordinator's time, once a second. */
  readonly now: ReadonlySignal<number>;
  readonly choices: Choices;
  /** This page came with a control token, whether it was accepted or not. */
  readonly hasToken: boolean;
}

export function followRun(feed: Feed, hasToken: boolean): Run {
  const view = paced(feed.view);
  const now = signal(feed.now());
  setInterval(() => {
    // Without a coordinator nobody knows that the run goes on.
    if (feed.state.peek() !== "lost") now.value = feed.now();
  }, 1000);
  return { feed, view, now, choices: new Choices(view), hasToken };
}

/** A signal that follows another one, once a frame. The frame of a hidden page comes when it is seen again. */
function paced<T>(source: ReadonlySignal<T>): ReadonlySignal<T> {
  const target = signal(source.peek());
  let asked = false;
  effect(() => {
    source.value satisfies T;
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      target.value = source.peek();
    });
  });
  return target;
}
