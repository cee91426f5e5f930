// A tab whose gradients do not leave it, so that a test knows what the tab holds however fast anything is.
import { expect } from "vitest";
import type { Page } from "playwright-core";
import { patienceMs, tabWorker } from "./pages.ts";

/** Where a frame's message begins, and the first byte of a pong there: field 6 of `ToCoordinator`, a message. */
const wire = { message: 4, pong: (6 << 3) | 2 } as const;

/** What the Worker of such a tab keeps in mind. */
interface Holding {
  /** Gradients that may still leave. */
  left: number;
  /** Frames in their order, each as what sends it; undefined where nothing is held. */
  held: (() => void)[] | undefined;
}

/** Lets so many gradients leave the tab; the next one, and all after it but its answers to pings, waits until it is released. */
export async function holdGradients(page: Page, after: number): Promise<void> {
  await tabWorker(page).evaluate(
    ({ after, wire }) => {
      const scope = globalThis as unknown as Holding;
      const { send } = WebSocket.prototype;
      scope.left = after;
      WebSocket.prototype.send = function (data) {
        const frame = data as Uint8Array<ArrayBuffer>;
        // A gradient is long.
        const isGradient = frame.byteLength >= 1000;
        if (isGradient && scope.left-- === 0) scope.held = [];
        if (!scope.held || frame[wire.message] === wire.pong) return send.call(this, frame);
        // Its buffer is used again.
        const copy = frame.slice();
        scope.held.push(() => send.call(this, copy));
      };
    },
    { after, wire },
  );
}

/** Resolves when the tab holds a gradient. */
export async function gradientsAreHeld(page: Page): Promise<void> {
  const holds = () => tabWorker(page).evaluate(() => (globalThis as unknown as Holding).held !== undefined);
  await expect.poll(holds, { timeout: patienceMs }).toBe(true);
}

/** Lets go what the tab holds; nothing is held any more. */
export async function releaseGradients(page: Page): Promise<void> {
  await tabWorker(page).evaluate(() => {
    const scope = globalThis as unknown as Holding;
    for (const frame of scope.held ?? []) frame();
    scope.held = undefined;
    scope.left = Infinity;
  });
}
