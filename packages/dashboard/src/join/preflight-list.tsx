// The preflight, line by line: what was asked, what was found, and what to do about it.
import { Panel } from "../shared/panel.tsx";
import type { JoinModel } from "./model.ts";
import type { LineStatus, PreflightLine } from "./preflight.ts";
import "./preflight-list.css";

/** For screen readers; the eye gets a mark. */
const spoken: Record<LineStatus, string> = {
  pending: "not known yet",
  passed: "passed",
  warning: "warning",
  failed: "failed",
  skipped: "not asked",
};

export function PreflightList({ model }: { readonly model: JoinModel }) {
  const check = model.check.value;
  return (
    <Panel title="Can this machine help?" id="preflight" class="preflight-list" aside={check && <Summary model={model} />}>
      <ol>{check ? check.lines.map((line) => <Line key={line.id} line={line} />) : <li class="quiet">Looking…</li>}</ol>
      {check?.complete && check.engines[0] === "cpu" && (
        <p class="small quiet preflight-list-cpu" data-testid="preflight-cpu">
          The CPU needs none of this: about 4 MB more are loaded when you join with it.
        </p>
      )}
    </Panel>
  );
}

function Summary({ model }: { readonly model: JoinModel }) {
  const { complete, engines, lines } = model.check.value!;
  if (!complete) return <span class="small quiet">looking…</span>;
  const again = (
    <button type="button" class="button bare preflight-list-again" data-testid="look-again" onClick={() => model.client.look()}>
      Look again
    </button>
  );
  if (lines.some(({ status }) => status === "failed")) return again;
  return <span class={engines[0] === "gpu" ? "pill live" : "pill warn"}>{engines[0] === "gpu" ? "Yes" : "The CPU can"}</span>;
}

function Line({ line: { id, status, title, detail, remedy, link } }: { readonly line: PreflightLine }) {
  return (
    <li class={`preflight-line ${status}`} data-testid={`preflight-${id}`} data-status={status}>
      <Mark status={status} />
      <div>
        <p class="preflight-line-head">
          <strong>{title}</strong> <span class="spoken">{spoken[status]}: </span>
          <span class="quiet">{detail}</span>
        </p>
        {remedy && <p class="preflight-line-remedy small">{remedy}</p>}
        {link && (
          <p class="small">
            <a class="preflight-line-link" data-testid="https-link" href={link}>
              {link}
            </a>
          </p>
        )}
      </div>
    </li>
  );
}

const strokes: Record<LineStatus, string> = {
  pending: "M8 3.5a4.5 4.5 0 1 1-4.5 4.5",
  passed: "M3.5 8.5l3 3 6-7",
  warning: "M8 3.2v6M8 12.4v.3",
  failed: "M4 4l8 8M12 4l-8 8",
  skipped: "M5 8h6",
};

function Mark({ status }: { readonly status: LineStatus }) {
  return (
    <svg class="preflight-line-mark" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={strokes[status]} />
    </svg>
  );
}
