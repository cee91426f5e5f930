// The join page's entry. Opening it starts the preflight, and nothing else.
import { effect } from "@preact/signals";
import { render } from "preact";
import "../shared/base.css";
import { applyTheme } from "../shared/theme.ts";
import { JoinPage } from "./join-page.tsx";
import { createModel } from "./model.ts";
import { titleOf } from "./page-state.ts";
import { WakeLock } from "./wake-lock.ts";

applyTheme();
const model = createModel();
const { client, feed, scene, progress } = model;

const wakeLock = new WakeLock();
/** The screen stays on for whoever looks at a tab that has work, or may get some. */
const awake = (): boolean => !document.hidden && ["waiting", "computing", "rebuilding", "reconnecting"].includes(scene.value.name);
effect(() => wakeLock.want(awake()));
effect(() => {
  document.title = titleOf(scene.value, progress.value);
});

/** Whoever pressed a button that is gone goes on at the top of what came instead. */
let shown: string = client.tab.value.stage.name;
effect(() => {
  const { name } = client.tab.value.stage;
  const now = name === "inside" ? "opening" : name;
  if (now === shown) return;
  shown = now;
  document.querySelector("main")?.focus({ preventScroll: true });
  scrollTo(0, 0);
});

const visibilityChanged = (): void => {
  client.setHidden(document.hidden);
  wakeLock.want(awake());
};
document.addEventListener("visibilitychange", visibilityChanged);
addEventListener("pagehide", () => client.leave("the tab was closed"));

render(<JoinPage model={model} />, document.getElementById("page")!);
visibilityChanged();
client.look();
feed.open();
