// Asks the coordinator to do something, and remembers for the page what came of it.
import { signal, type ReadonlySignal } from "@preact/signals";
import type { ControlCommand } from "@tabgrad/core";
import type { Feed } from "../../shared/feed.ts";

export interface Said {
  /** Counts, so that the same words said again are news. */
  readonly id: number;
  readonly text: string;
  readonly remedy: string;
  readonly failed: boolean;
}

const shownMs = 6_000;
const newest = signal<Said | undefined>(undefined);
let asked = 0;

export const said: ReadonlySignal<Said | undefined> = newest;

/** @param done what to say where it was done */
export async function ask(feed: Pick<Feed, "control">, command: ControlCommand, done: string): Promise<boolean> {
  const { error } = await feed.control(command);
  const id = ++asked;
  newest.value = { id, text: error?.message ?? done, remedy: error?.remedy ?? "", failed: error !== undefined };
  // A failure stays until the next answer.
  if (!error) setTimeout(() => newest.peek()?.id === id && (newest.value = undefined), shownMs);
  return error === undefined;
}

export const dismiss = (): void => void (newest.value = undefined);
