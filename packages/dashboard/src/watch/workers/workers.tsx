// Who computes, with what, how much of it, and how well the wire holds; and who is gone.
import { useComputed } from "@preact/signals";
import type { WorkerView } from "@tabgrad/core";
import { brief, bytes, count, milliseconds, percent } from "../../shared/format.ts";
import { Panel } from "../../shared/panel.tsx";
import { workerColor } from "../../shared/worker-color.ts";
import { DropWorker } from "../controls/drop-worker.tsx";
import { isOver } from "../phase-words.ts";
import type { Run } from "../run.ts";
import { Departed } from "./departed.tsx";
import "./workers.css";

const columns = ["Worker", "Share", "Samples/s", "Round trip", "Traffic"] as const;

export function Workers({ run }: { readonly run: Run }) {
  const workers = useComputed(() => run.view.value?.workers).value;
  const over = useComputed(() => isOver(run.view.value?.phase)).value;
  const moving = useComputed(() => run.view.value?.phase === "running" && run.feed.state.value === "open").value;
  const droppable = run.feed.granted.value && !over;
  const list = [...(workers?.values() ?? [])];
  return (
    <Panel title="Workers" id="workers" aside={<p class="quiet small number">{workers ? count(list.length) : ""}</p>}>
      {list.length > 0 ? (
        <div class="workers-scroller scroller" tabindex={list.length > 5 ? 0 : -1}>
          <table class="workers-table">
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
                {droppable && (
                  <th scope="col">
                    <span class="spoken">Controls</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {list.map((worker) => (
                <Row key={worker.id} worker={worker} run={run} moving={moving} droppable={droppable} />
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="workers-empty quiet small">{emptyWords(workers !== undefined, over)}</p>
      )}
      <Departed run={run} />
    </Panel>
  );
}

function emptyWords(known: boolean, over: boolean): string {
  if (!known) return "\u00a0";
  return over ? "The run is over; the workers have gone home." : "Nobody is here yet. Open the join link.";
}

interface RowProps {
  readonly worker: WorkerView;
  readonly run: Run;
  /** Steps are being taken; otherwise the speed is of the past. */
  readonly moving: boolean;
  /** Whoever looks at it can send it away. */
  readonly droppable: boolean;
}

function Row({ worker, run, moving, droppable }: RowProps) {
  const { id, availability, share, samplesPerSecond, vitals } = worker;
  return (
    <tr class={`workers-row ${availability}`} data-testid="worker-row" data-worker={id} data-availability={availability}>
      <th scope="row" class="workers-who">
        <Who worker={worker} />
      </th>
      <td class="workers-share">
        <span class="workers-bar" aria-hidden="true">
          <span style={{ width: `${100 * share}%`, background: workerColor(id) }} />
        </span>
        <span class="number">{percent(share, 0)}</span>
      </td>
      <td class="workers-speed number" data-label="samples/s">
        {moving && availability !== "paused" && samplesPerSecond > 0
          ? samplesPerSecond >= 1e5
            ? brief(samplesPerSecond)
            : count(samplesPerSecond)
          : "–"}
      </td>
      <td class="workers-trip number" data-label="round trip">
        {vitals && vitals.roundTripMs !== null ? milliseconds(vitals.roundTripMs) : "–"}
      </td>
      <td class="workers-traffic number">
        <span aria-label="sent by it">↑ {vitals ? bytes(vitals.bytesUp) : "–"}</span>
        <span aria-label="sent to it">↓ {vitals ? bytes(vitals.bytesDown) : "–"}</span>
      </td>
      {droppable && (
        <td class="workers-drop">
          <DropWorker run={run} worker={worker} />
        </td>
      )}
    </tr>
  );
}

export function Who({ worker: { id, name, host, engine, device, availability, why } }: { readonly worker: WorkerView }) {
  return (
    <>
      <span class="workers-name">
        <span class="workers-dot" style={{ background: workerColor(id) }} aria-hidden="true" />
        {name}
        {availability !== "available" && <span class={`pill ${availability === "paused" ? "warn" : ""}`}>{availability}</span>}
        <span class="spoken">{availability === "available" ? "available" : ""}</span>
      </span>
      <span class="workers-what quiet small">
        {host} · {engine}
        {device && ` · ${device}`}
      </span>
      {availability !== "available" && why && <span class="workers-what faint small">{why}</span>}
    </>
  );
}
