// The tokens' colours as a canvas wants them: resolved, for the theme of the moment. `changes` counts the changes of the theme.
import { effect, signal, type ReadonlySignal } from "@preact/signals";
import { theme } from "./theme.ts";

export type TokenName = `--${string}`;

const resolved = new Map<TokenName, string>();
const counter = signal(0);
let probe: HTMLElement | undefined;

/** Read it where something is drawn, and it is drawn again when the theme changes. */
export const themeChanges: ReadonlySignal<number> = counter;

/** The value of a colour token as `rgb(…)`. */
export function token(name: TokenName): string {
  const known = resolved.get(name);
  if (known !== undefined) return known;
  const color = resolve(name);
  resolved.set(name, color);
  return color;
}

/** A custom property is text to `getComputedStyle`; only as the colour of an element does it become one. */
function resolve(name: TokenName): string {
  probe ??= document.body.appendChild(Object.assign(document.createElement("i"), { hidden: true }));
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

function forget(): void {
  resolved.clear();
  counter.value = counter.peek() + 1;
}

/** Call once when a page begins, after `applyTheme`. */
export function followTheme(): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", forget);
  effect(() => {
    theme.value satisfies string;
    queueMicrotask(forget);
  });
}
