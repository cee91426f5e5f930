// Which run this is, how it is, and whether what is shown is live.
import { useComputed } from "@preact/signals";
import icon from "../shared/icon.svg";
import { setTheme, theme, type Theme } from "../shared/theme.ts";
import { connectionWords, isOver, outOfReach, phaseWords } from "./phase-words.ts";
import type { Run } from "./run.ts";
import "./top-bar.css";

export function TopBar({ run }: { readonly run: Run }) {
  const start = useComputed(() => run.view.value?.start).value;
  const phase = useComputed(() => run.view.value?.phase).value;
  const lost = run.feed.state.value === "lost";
  const { label, tone } = lost ? outOfReach : phaseWords(phase);
  return (
    <header class="top-bar">
      <img class="top-bar-mark" src={icon} alt="tabgrad" width="32" height="32" />
      <h1 class="top-bar-name" data-testid="run-name">
        {start?.name ?? "tabgrad"}
      </h1>
      <p class={`pill ${tone}`} role="status" data-testid="phase" data-phase={phase ?? "connecting"}>
        {label}
      </p>
      <p class="top-bar-about quiet small">{start && `${start.lossName} · ${start.optimizerName}`}</p>
      <Connection run={run} />
      <ThemeSwitch />
    </header>
  );
}

function Connection({ run: { feed, view } }: { readonly run: Run }) {
  const state = feed.state.value;
  const over = useComputed(() => isOver(view.value?.phase)).value;
  return (
    <p class="top-bar-connection small quiet">
      <span data-testid="connection" data-state={state} class={`top-bar-wire ${state === "open" && !over ? "live" : state}`}>
        {connectionWords(state, over)}
      </span>
      <span class="top-bar-role" data-testid="role">
        {state === "open" && (feed.granted.value ? "you hold the controls" : "you are watching")}
      </span>
    </p>
  );
}

const after: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };
const words: Readonly<Record<Theme, string>> = { system: "as your system", light: "light", dark: "dark" };

function ThemeSwitch() {
  const now = theme.value;
  const title = `Colours: ${words[now]}. Change to ${words[after[now]]}.`;
  return (
    <button
      type="button"
      class="top-bar-theme"
      aria-label={title}
      title={title}
      onClick={() => setTheme(after[now])}
      data-testid="theme"
    >
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5">
        {now === "system" && (
          <>
            <circle cx="10" cy="10" r="6.5" />
            <path d="M10 3.5a6.5 6.5 0 0 1 0 13z" fill="currentColor" />
          </>
        )}
        {now === "light" && (
          <>
            <circle cx="10" cy="10" r="3.5" />
            <path
              d="M10 1.8v2M10 16.2v2M1.8 10h2M16.2 10h2M4.2 4.2l1.4 1.4M14.4 14.4l1.4 1.4M4.2 15.8l1.4-1.4M14.4 5.6l1.4-1.4"
              stroke-linecap="round"
            />
          </>
        )}
        {now === "dark" && <path d="M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.5 8.5z" stroke-linejoin="round" />}
      </svg>
    </button>
  );
}
