// Everything the join page shows, as signals: the feed of the run, the tab's own Worker, and what follows from both.
import { computed, signal } from "@preact/signals";
import type { EngineKind } from "@tabgrad/core";
import { Feed } from "../shared/feed.ts";
import { httpsLink } from "./https-link.ts";
import { checkedName, initialName, rememberName } from "./name.ts";
import { ownPart, progressOf } from "./own-part.ts";
import { sceneOf } from "./page-state.ts";
import { preflight } from "./preflight.ts";
import { TabClient } from "./tab-client.ts";

export type JoinModel = ReturnType<typeof createModel>;

export function createModel() {
  const feed = new Feed();
  const client = new TabClient();
  const name = signal(initialName());
  const check = computed(() => {
    const { findings } = client.tab.value;
    const circumstances = {
      httpsLink: httpsLink(feed.links.value?.join ?? [], location.hostname),
      parameters: feed.view.value?.start?.parameters,
    };
    return findings && preflight(findings, circumstances);
  });
  const status = computed(() => {
    const { stage } = client.tab.value;
    return stage.name === "inside" || stage.name === "ended" ? stage.status : undefined;
  });
  const scene = computed(() => {
    const result = check.value;
    return sceneOf(client.tab.value, feed.view.value, result?.complete ? result.engines.length > 0 : undefined);
  });
  const part = computed(() => feed.view.value && ownPart(feed.view.value, status.value?.ids ?? []));
  const progress = computed(() => feed.view.value && progressOf(feed.view.value));
  const join = (engine: EngineKind): void => {
    const checked = checkedName(name.value);
    if (checked === undefined) return;
    rememberName(checked);
    client.join(engine, checked);
  };
  return { feed, client, name, check, status, scene, part, progress, join };
}
