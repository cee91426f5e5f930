// While the tab is in the run: what it is doing, how much of the work is its own, and the controls.
import { bytes, brief, count, decimal, metricText } from "../shared/format.ts";
import "./at-work.css";
import type { JoinModel } from "./model.ts";
import { LossLine } from "./loss-line.tsx";
import { recentLoss } from "./own-part.ts";
import { sentence } from "./sentence.ts";
import { ShareRing } from "./share-ring.tsx";
import { StepStrip } from "./step-strip.tsx";

export function AtWork({ model }: { readonly model: JoinModel }) {
  const view = model.feed.view.value;
  return (
    <div class="at-work">
      <section class="at-work-now" aria-labelledby="now">
        <ShareRing model={model} />
        <Now model={model} />
      </section>
      <section class="at-work-facts" aria-labelledby="facts">
        <h2 id="facts" class="spoken">
          Figures
        </h2>
        <Figures model={model} />
        <StepStrip steps={model.part.value?.steps ?? []} />
        {view && <LossLine series={view.series} step={view.step} />}
      </section>
    </div>
  );
}

function Now({ model }: { readonly model: JoinModel }) {
  const { headline, detail, failure, name } = model.scene.value;
  const view = model.feed.view.value;
  const status = model.status.value;
  return (
    <div class="at-work-words">
      <p class="small quiet">{view?.start?.name ?? "The run"}</p>
      <h1 id="now" data-testid="activity" data-activity={status?.activity ?? "opening"}>
        {headline}
      </h1>
      {view?.start && (
        <p class="at-work-progress number quiet" data-testid="progress">
          step {count(view.step)} of {count(view.start.steps)}
        </p>
      )}
      {detail && <p class="quiet">{detail}</p>}
      {failure && name !== "computing" && (
        <p class="at-work-trouble small" data-testid="trouble">
          {sentence(failure.message)}
        </p>
      )}
      <Controls model={model} />
      {status && (
        <p class="small faint" data-testid="device">
          {model.name.value} · {status.device}
        </p>
      )}
    </div>
  );
}

function Controls({ model: { client, scene } }: { readonly model: JoinModel }) {
  const { name } = scene.value;
  const isOpening = client.tab.value.stage.name === "opening";
  const paused = client.paused.value;
  return (
    <div class="at-work-controls">
      {paused ? (
        <button type="button" class="button primary" data-testid="resume" onClick={() => client.setPaused(false)}>
          Resume
        </button>
      ) : (
        <button
          type="button"
          class="button"
          data-testid="pause"
          disabled={isOpening || name === "leaving"}
          onClick={() => client.setPaused(true)}
        >
          Pause
        </button>
      )}
      <button
        type="button"
        class="button"
        data-testid="leave"
        disabled={name === "leaving"}
        aria-describedby="leaving-loses-nothing"
        onClick={() => client.leave("its user left")}
      >
        Leave
      </button>
      <p class="small faint" id="leaving-loses-nothing">
        Leaving loses nothing: what you are computing goes back.
      </p>
    </div>
  );
}

function Figures({ model }: { readonly model: JoinModel }) {
  const view = model.feed.view.value;
  const part = model.part.value;
  const status = model.status.value;
  const loss = view && recentLoss(view);
  const evaluation = view?.evaluations.at(-1);
  const [name, value] = Object.entries(evaluation?.metrics ?? {})[0] ?? ["accuracy", undefined];
  return (
    <dl class="at-work-figures">
      <Figure id="samples-per-second" title="your samples a second" value={part?.worker && brief(part.worker.samplesPerSecond)} />
      <Figure id="samples" title="samples you contributed" value={part && brief(part.samples)} />
      <Figure id="loss" title="loss of the run" value={loss !== undefined ? decimal(loss) : undefined} />
      <Figure
        id="metric"
        title={`${name} of the run`}
        value={value !== undefined ? metricText(value, view?.start?.metricForms?.[name]) : undefined}
      />
      <Figure id="bytes-down" title="received" value={status && bytes(status.bytesDown)} />
      <Figure id="bytes-up" title="sent" value={status && bytes(status.bytesUp)} />
    </dl>
  );
}

function Figure({ id, title, value }: { readonly id: string; readonly title: string; readonly value: string | undefined }) {
  return (
    <div class="at-work-figure">
      <dt class="small quiet">{title}</dt>
      <dd class="number" data-testid={id}>
        {value ?? "–"}
      </dd>
    </div>
  );
}
