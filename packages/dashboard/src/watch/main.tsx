// The dashboard's entry.
import { effect } from "@preact/signals";
import { render } from "preact";
import "../shared/base.css";
import { Feed } from "../shared/feed.ts";
import { percent } from "../shared/format.ts";
import { applyTheme } from "../shared/theme.ts";
import { followTheme } from "../shared/token-color.ts";
import { Page } from "./page.tsx";
import { phaseWords } from "./phase-words.ts";
import { followRun } from "./run.ts";
import { takeToken, tokenIn } from "./token.ts";

applyTheme();
followTheme();
const token = takeToken({ location, history, storage: () => sessionStorage });
// The link with the token, pasted where the page is open already, changes nothing but the fragment.
addEventListener("hashchange", () => tokenIn(location.hash) !== undefined && location.reload());

const feed = new Feed(token);
const run = followRun(feed, token !== undefined);

/** For a tab among many: how far it is. */
effect(() => {
  const view = feed.view.value;
  if (!view?.start) return;
  const { step, phase, start } = view;
  const title = `${phase === "running" ? percent(step / start.steps, 0) : phaseWords(phase).label} · ${start.name} · tabgrad`;
  if (document.title !== title) document.title = title;
});

render(<Page run={run} />, document.getElementById("page")!);
feed.open();
