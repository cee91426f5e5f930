// What the model says of what is on the pad: a bar for each class, which moves as somebody draws; or the values it predicts.
import { indexOfGreatest, areProbabilities } from "@tabgrad/core";
import type { PredictClient } from "./client.ts";
import type { Opened, Reply } from "./messages.ts";
import { tidy } from "./table.ts";
import { ValueCanvas } from "./value-canvas.tsx";
import { namingOf, score } from "./words.ts";

export interface PadAnswerProps {
  readonly client: PredictClient;
  readonly opened: Opened & Required<Pick<Opened, "image" | "pad">>;
  /** Whether there is anything on the pad. */
  readonly used: boolean;
}

/** Of more classes, the likeliest are shown. */
const mostBars = 12;
const likeliest = 8;

export function PadAnswer({ client, opened, used }: PadAnswerProps) {
  const reply = used ? client.reply.value : undefined;
  const { labels } = opened.dataset;
  return (
    <div class="pad-answer">
      {labels.kind === "classes" ? (
        <Classes {...{ opened, reply }} count={Math.max(2, labels.count)} />
      ) : (
        <Values {...{ opened, reply }} />
      )}
      {reply ? (
        <p class="pad-seen small faint">
          <ValueCanvas values={reply.seen} image={opened.image} range={opened.range} label="What the model sees" />
          What the model sees{opened.pad.centred && reply.question === "drawing" ? ": scaled and centred like its samples." : "."}
        </p>
      ) : (
        <p class="small faint">Draw on the pad, or choose a sample to take it there.</p>
      )}
    </div>
  );
}

interface AnswerProps {
  readonly opened: Opened;
  readonly reply: Reply | undefined;
}

function Classes({ opened, reply, count }: AnswerProps & { readonly count: number }) {
  const name = namingOf(opened.dataset.labels);
  const scores = reply?.scores ?? new Float64Array(count);
  const best = reply && indexOfGreatest(scores);
  const probable = areProbabilities(opened.reading);
  const indices = Array.from(scores, (_, i) => i);
  const shown = count <= mostBars ? indices : indices.sort((a, b) => scores[b] - scores[a]).slice(0, likeliest);
  const length = (value: number): number =>
    probable ? value : Math.max(0, Math.min(1, value / Math.max(1e-9, scores[best ?? 0])));
  return (
    <>
      <p class="pad-word" data-testid="pad-answer" data-predicted={best} aria-live="polite">
        {best === undefined ? (
          <span class="faint">…</span>
        ) : (
          <>
            <b>{name(best)}</b> <span class="number faint">{score(scores[best], opened.reading)}</span>
          </>
        )}
      </p>
      <ul class="pad-bars">
        {shown.map((i) => (
          <li key={i} class={i === best ? "best" : ""}>
            <span class="pad-bar-name" title={name(i)}>
              {name(i)}
            </span>
            <span class="pad-bar" aria-hidden style={{ "--length": length(scores[i]) }} />
            <span class="number small">{reply ? score(scores[i], opened.reading) : ""}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Values({ opened, reply }: AnswerProps) {
  const name = namingOf(opened.dataset.labels);
  return (
    <ul class="pad-values" data-testid="pad-answer" aria-live="polite">
      {Array.from(reply?.scores ?? [], (value, i) => (
        <li key={i}>
          <span class="faint">{name(i)}</span> <b class="number">{tidy(value)}</b>
        </li>
      ))}
    </ul>
  );
}
