// After the run, or this tab's part of it: what came of it, and how to come back.
import type { RunView } from "@tabgrad/core";
import { brief, decimal, duration, metricText } from "../shared/format.ts";
import "./ending.css";
import type { TabStatus } from "./messages.ts";
import type { JoinModel } from "./model.ts";
import { sentence } from "./sentence.ts";

export function Ending({ model }: { readonly model: JoinModel }) {
  const { name, headline, detail, failure } = model.scene.value;
  const isThere = model.feed.state.value === "open" && !model.feed.isOver.value;
  return (
    <section class="ending" aria-labelledby="ending">
      <h1 id="ending">{headline}</h1>
      {detail && <p class="lead">{detail}</p>}
      {failure && (
        <div class="ending-failure" data-testid="failure" data-code={failure.code}>
          <p class="lead">{sentence(failure.message)}</p>
          <p class="ending-remedy">{failure.remedy}</p>
        </div>
      )}
      <Figures model={model} />
      <div class="ending-controls">
        {name !== "finished" && (
          <button type="button" class="button primary" data-testid="again" onClick={() => model.client.look()}>
            {name === "left" ? "Join again" : "Try again"}
          </button>
        )}
        {isThere && (
          <a class={name === "finished" ? "button primary" : "button"} data-testid="watch" href="/" target="_blank" rel="noopener">
            {name === "finished" ? "See the run" : "Watch the run"}
          </a>
        )}
      </div>
      {!isThere && (
        <p class="quiet" data-testid="gone">
          The coordinator is gone, and the run's page with it.
        </p>
      )}
    </section>
  );
}

function Figures({ model }: { readonly model: JoinModel }) {
  const view = model.feed.view.value;
  const status = model.status.value;
  const hasJoined = status !== undefined && status.ids.length > 0;
  const samples = model.part.value?.samples ?? 0;
  const figures = [
    ...(hasJoined ? [{ id: "samples", title: "samples you contributed", value: brief(samples) }] : []),
    ...(hasJoined ? [{ id: "time", title: "with the run", value: stayed(status, model) }] : []),
    ...(view?.done ? results(view) : []),
  ];
  if (figures.length === 0) return null;
  return (
    <dl class="ending-figures">
      {figures.map(({ id, title, value }) => (
        <div key={id}>
          <dt class="small quiet">{title}</dt>
          <dd class="number" data-testid={id}>
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Until the last word of the Worker's. */
const stayed = ({ since }: TabStatus, { client }: JoinModel): string => {
  const { stage } = client.tab.value;
  return stage.name === "ended" ? duration((stage.at - since) / 1000) : "–";
};

function results({ start, done }: RunView): { id: string; title: string; value: string }[] {
  const { loss, metrics } = done!;
  return [
    ...Object.entries(metrics).map(([name, value]) => ({
      id: "final-metric",
      title: `final ${name}`,
      value: metricText(value, start?.metricForms?.[name]),
    })),
    ...(loss === null ? [] : [{ id: "final-loss", title: "final loss", value: decimal(loss) }]),
  ];
}
