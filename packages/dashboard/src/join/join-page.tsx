// The page's frame: who invites, what to do, and how the tab fares.
import { AtWork } from "./at-work.tsx";
import { Ending } from "./ending.tsx";
import { Invitation } from "./invitation.tsx";
import "./join-page.css";
import type { JoinModel } from "./model.ts";
import icon from "../shared/icon.svg";

export function JoinPage({ model }: { readonly model: JoinModel }) {
  const { name, headline } = model.scene.value;
  return (
    <div class="join-page" data-testid="state" data-state={name}>
      <header class="join-page-top">
        <a class="join-page-mark" href="/">
          <img src={icon} alt="" width="24" height="24" />
          tabgrad
        </a>
        <a class="button bare" href="/" target="_blank" rel="noopener">
          Watch the run
        </a>
      </header>
      <p class="spoken" role="status">
        {headline}
      </p>
      <main tabIndex={-1}>
        <Content model={model} />
      </main>
    </div>
  );
}

function Content({ model }: { readonly model: JoinModel }) {
  const { stage } = model.client.tab.value;
  switch (stage.name) {
    case "outside":
      return <Invitation model={model} />;
    case "opening":
    case "inside":
      return <AtWork model={model} />;
    case "ended":
      return <Ending model={model} />;
    default:
      return stage satisfies never;
  }
}
