// Shows a run to whoever started it: JSON lines on stdout for a script, a progress bar and a summary for a person.
import { sentence, type DoneEvent, type EvaluationEvent, type Reason, type StartEvent, type TelemetryEvent } from "@tabgrad/core";
import { relative } from "node:path";
import pc from "picocolors";
import type { Logger } from "pino";
import { createLog, isJsonLog } from "../log.ts";
import type { CommonOptions } from "../options.ts";
import { count, decimal, duration, metrics } from "./format.ts";
import { invitationText, logInvitation, type Invitation } from "./invitation.ts";
import { toJsonLine } from "./json-lines.ts";
import { Progress } from "./progress.ts";
import { Reading } from "./reading.ts";
import { tablesText } from "./tables.ts";

export interface Report {
  readonly log: Logger;
  readonly show: (event: TelemetryEvent) => void;
  /** Says how far reading the data has come. */
  readonly reading: Reading;
  /** Says how to watch and to join; where the log goes, never among the results. */
  readonly invite: (invitation: Invitation) => void;
}

export function createReport(options: CommonOptions & { readonly json?: true }): Report {
  const verbose = options.verbose ?? false;
  if (options.json) {
    const log = createLog({ verbose, format: options.log });
    const show = (event: TelemetryEvent): void => void (process.stdout.write(`${toJsonLine(event)}\n`), narrate(event, log));
    // Standard output is for the run's events alone.
    const reading = new Reading({ stream: { isTTY: false }, now: () => performance.now(), say: (line) => log.info(line) });
    return { log, show, reading, invite: (invitation) => logInvitation(invitation, log) };
  }
  let start: StartEvent | undefined;
  let evaluation: EvaluationEvent | undefined;
  const progress = new Progress({ stream: process.stdout, now: () => performance.now() });
  // On a terminal, log and bar share the screen; otherwise they go their own ways.
  const shared = process.stdout.isTTY && process.stderr.isTTY;
  const log = createLog({ verbose, format: options.log, ...(shared && { write: (line: string) => progress.log(line.trimEnd()) }) });
  const reading = new Reading({ stream: process.stdout, now: () => performance.now(), say: (line) => log.info(line) });
  return {
    log,
    reading,
    show(event) {
      if (event.event === "start") start = event;
      if (event.event === "eval") evaluation = event;
      progress.show(event);
      narrate(event, log);
      if (event.event === "done") process.stdout.write(summary(event, { start, evaluation, width: process.stdout.columns }));
    },
    invite(invitation) {
      if (isJsonLog(options.log)) return logInvitation(invitation, log);
      const text = invitationText(invitation, { qr: process.stderr.isTTY });
      if (shared) progress.log(text);
      else process.stderr.write(`${text}\n`);
    },
  };
}

/** The log speaks of what changes, not of every step. */
function narrate(event: TelemetryEvent, log: Logger): void {
  if (event.event === "start") log.info({ run: event.runId }, introduction(event));
  else if (event.event === "decision")
    log[isDetail(event.reason) ? "debug" : "info"]({ reason: event.reason }, sentence(event.reason));
  else if (event.event === "worker" && event.state === "joined") log.debug(event, `${event.name} computes on ${event.device}`);
  else if (event.event === "checkpoint") log.debug(event, `checkpoint of step ${event.step}: ${event.path}`);
}

/** How work is spread changes often, and is all there on the dashboard. */
const isDetail = ({ kind }: Reason): boolean => kind === "shared" || kind === "duplicated";

function introduction({ parameters, trainSamples, evaluationSamples, batchSize, steps, startWorkers = 1 }: StartEvent): string {
  const plan = `${count(parameters)} parameters, ${count(trainSamples)} samples to learn from, ${count(evaluationSamples)} held out; ${count(steps)} steps of ${count(batchSize)} samples`;
  return startWorkers > 1 ? `${plan}, once ${count(startWorkers)} workers are here` : plan;
}

export interface SummaryContext {
  readonly start?: StartEvent;
  /** The newest one. */
  readonly evaluation?: EvaluationEvent;
  /** Columns of the terminal; undefined where there is none. */
  readonly width?: number;
}

export function summary(done: DoneEvent, { start, evaluation, width }: SummaryContext): string {
  const { outcome, why, step, loss, metrics: means, tables, checkpoint, bestCheckpoint } = done;
  const { seconds, samples, samplesPerSecond } = done;
  const head = outcome === "finished" ? pc.green("finished") : pc.yellow(outcome);
  const lines = [
    `${head} after ${count(step)} steps, ${count(samples)} samples in ${duration(seconds)} (${count(samplesPerSecond)} samples/s)${why ? `: ${why}` : ""}`,
  ];
  if (loss !== null && outcome !== "diverged") {
    const isHeldOut = evaluation?.step === step && evaluation.loss === loss;
    const on = isHeldOut ? `on ${count(evaluation.samples)} held-out samples` : "of the last step's batch";
    lines.push(
      [pc.bold(metrics(means, start?.metricForms)), `loss ${decimal(loss)}`, on].filter((field) => field !== "").join("  "),
    );
    if (tables) lines.push(`${tablesText(tables, start ?? {}, width)}\n`);
  }
  if (checkpoint) lines.push(`checkpoint ${relative(process.cwd(), checkpoint) || "."}`);
  if (bestCheckpoint !== undefined && bestCheckpoint !== checkpoint)
    lines.push(`best on held-out samples ${relative(process.cwd(), bestCheckpoint)}`);
  return `\n${lines.join("\n")}\n`;
}
