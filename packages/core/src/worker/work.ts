// The work of an open session: which parameters, shards and assignments are there, and what can begin because of it.
import { microbatchShards } from "../data/microbatch.ts";
import { TabgradError } from "../errors.ts";
import { bounds } from "../protocol/bounds.ts";
import { violation } from "../protocol/check.ts";
import type { Assignment, ParametersChunk, Recall } from "../protocol/messages.ts";
import { violated } from "./connection.ts";
import { exactBlock, noBlock } from "./exact-training.ts";
import { fetchShards, forgetShards, missingShards, shardFailed } from "./shards.ts";
import type { HeldAssignment, SessionEvent, SessionState } from "./state.ts";
import { type Turn, withEntry, withItem, withoutEntry, withoutItem } from "./turn.ts";

/** Contributions that may be on their way to the socket when the next computation begins: what a slow uplink can make us hold. */
const pendingUploads = 1;

/** Begins with whatever can begin. Called after every event that changes what is there. */
export function settle(turn: Turn): void {
  const { phase, duty } = turn.state;
  if (phase.name !== "open" || duty !== "working") return;
  fetchShards(turn);
  dropSuperseded(turn);
  if (turn.state.engine.name !== "ready") return;
  giveBackImpossible(turn);
  loadParameters(turn);
  begin(turn);
}

/** An assignment that named an older version than the one before it may have pushed out what a later one needs. */
function giveBackImpossible(turn: Turn): void {
  for (;;) {
    const { held, parameters } = turn.state;
    const [head] = held;
    if (!head || !isGone(turn.state, head.assignment.version)) return;
    fail(turn, head.assignment.assignment, goneError(head.assignment.version, parameters.newest));
  }
}

/** Hands the next assignment's parameters to the engine, or the newest ones where nothing is waiting, so that they are there in time. */
function loadParameters(turn: Turn): void {
  const { held, parameters } = turn.state;
  const version = held[0]?.assignment.version ?? Math.max(-1, ...parameters.complete.keys());
  const completeAt = parameters.complete.get(version);
  if (completeAt === undefined) return;
  turn.change({
    parameters: { ...parameters, complete: withoutEntry(parameters.complete, version), loaded: { version, completeAt } },
  });
  turn.act({ type: "setParameters", version });
}

function begin(turn: Turn): void {
  const { held, parameters, shards, uploads, nextToken } = turn.state;
  const [head] = held;
  if (!head || parameters.loaded?.version !== head.assignment.version) return;
  if (uploads.pending > pendingUploads || missingShards(shards, head).length > 0) return;
  turn.change({
    engine: { name: "computing", token: nextToken, unwanted: false },
    nextToken: nextToken + 1,
    held: [{ ...head, beganAt: turn.now }, ...held.slice(1)],
  });
  turn.act({ type: "compute", token: nextToken, assignment: head.assignment });
}

/** Lets go of versions that nobody will ask for. */
function dropSuperseded(turn: Turn): void {
  const { parameters, held } = turn.state;
  const { newest, arriving, complete, loaded } = parameters;
  if (arriving.size + complete.size === 0) return;
  const needed = new Set(held.map(({ assignment }) => assignment.version));
  // The newest complete one stays until the newest one of all is complete, too: it may be asked for meanwhile.
  const newestComplete = Math.max(loaded?.version ?? -1, ...complete.keys());
  const isKept = (version: number): boolean => version === newest || version === newestComplete || needed.has(version);
  const dropped = [...arriving, ...complete.keys()].filter((version) => !isKept(version));
  if (dropped.length === 0) return;
  for (const version of dropped) turn.act({ type: "dropParameters", version });
  turn.change({
    parameters: {
      ...parameters,
      arriving: new Set([...arriving].filter(isKept)),
      complete: new Map([...complete].filter(([version]) => isKept(version))),
    },
  });
}

export function chunkArrived(turn: Turn, chunk: ParametersChunk): void {
  const { version } = chunk;
  const { parameters } = turn.state;
  const { arriving, newest } = parameters;
  if (version > newest) {
    turn.change({ parameters: { ...parameters, newest: version, arriving: withItem(arriving, version) } });
    dropSuperseded(turn);
    const { parameters: now } = turn.state;
    if (now.arriving.size + now.complete.size > bounds.waitingVersions) {
      return violated(turn, violation(`more than ${bounds.waitingVersions} versions of the parameters at a time`));
    }
  } else if (!arriving.has(version)) {
    // A version that was given up when a newer one began.
    return;
  }
  turn.act({ type: "storeChunk", chunk });
}

export function parametersComplete(turn: Turn, version: number): void {
  const { parameters } = turn.state;
  if (!parameters.arriving.has(version)) return;
  const arriving = withoutItem(parameters.arriving, version);
  turn.change({ parameters: { ...parameters, arriving, complete: withEntry(parameters.complete, version, turn.now) } });
  settle(turn);
}

export function assigned(turn: Turn, assignment: Assignment): void {
  const { state, now } = turn;
  const run = state.run!;
  const shards = microbatchShards(assignment.microbatches);
  const outside = [...shards, ...assignment.upcomingShards].find((shard) => shard >= run.shards.length);
  if (outside !== undefined) {
    return violated(turn, violation(`shard ${outside} of a dataset that has shards 0 to ${run.shards.length - 1}`));
  }
  if (state.held.length >= bounds.heldAssignments) {
    return violated(turn, violation(`more than ${bounds.heldAssignments} assignments at a time`));
  }
  if (state.held.some((held) => held.assignment.assignment === assignment.assignment)) {
    return violated(turn, violation(`assignment ${assignment.assignment} came twice`));
  }
  if (!isComputable(state, assignment)) return violated(turn, noBlock(assignment.microbatches));
  if (isGone(state, assignment.version)) {
    return fail(turn, assignment.assignment, goneError(assignment.version, state.parameters.newest));
  }
  turn.change({
    held: [...state.held, { assignment, arrivedAt: now, shards }],
    shards: { ...state.shards, upcoming: assignment.upcomingShards },
  });
  forgetShards(turn);
  settle(turn);
}

/** In an exact run, a block of the tree is what can be computed. */
function isComputable({ run }: SessionState, { microbatches }: Assignment): boolean {
  return !run!.exact || exactBlock(microbatches) !== undefined;
}

/** Whether a version was there and will not come again. */
function isGone({ parameters: { newest, arriving, complete, loaded } }: SessionState, version: number): boolean {
  return version <= newest && !arriving.has(version) && !complete.has(version) && loaded?.version !== version;
}

export function recalled(turn: Turn, { assignment, microbatches }: Recall): void {
  const { held, engine } = turn.state;
  const index = held.findIndex((one) => one.assignment.assignment === assignment);
  if (index < 0) return;
  const one = held[index];
  const rest = one.assignment.microbatches.filter(
    (microbatch) => microbatches.length > 0 && !microbatches.includes(microbatch.index),
  );
  const isComputing = index === 0 && engine.name === "computing" && !engine.unwanted;
  if (rest.length === 0) {
    turn.change({ held: held.toSpliced(index, 1) });
    if (isComputing) turn.change({ engine: { ...engine, unwanted: true } });
  } else if (!isComputing) {
    const left = { ...one, assignment: { ...one.assignment, microbatches: rest }, shards: microbatchShards(rest) };
    if (!isComputable(turn.state, left.assignment)) return violated(turn, noBlock(rest));
    turn.change({ held: held.with(index, left) });
  }
  settle(turn);
}

/** A shard cannot be had: what needs it goes back. */
export function shardMissing(turn: Turn, event: SessionEvent & { type: "shardFailed" }): void {
  for (const { assignment } of shardFailed(turn, event)) fail(turn, assignment.assignment, event.error);
  settle(turn);
}

export function computed(turn: Turn, { token, sums, computeMs, gradients }: SessionEvent & { type: "computed" }): void {
  const { state, now } = turn;
  const { engine, uploads } = state;
  if (engine.name !== "computing" || engine.token !== token) return;
  turn.change({ engine: { name: "ready" }, lastEnd: now, failures: 0 });
  if (engine.unwanted) {
    if (gradients) turn.act({ type: "recycleGradients", gradients });
  } else {
    const [head, ...rest] = state.held;
    const { assignment, step, version, microbatches } = head.assignment;
    turn.change({ held: rest, uploads: { ...uploads, pending: uploads.pending + 1 } });
    turn.act({
      type: "contribute",
      contribution: {
        type: "contribution",
        assignment,
        step,
        version,
        microbatches: microbatches.map(({ index }) => index),
        samples: sums.samples,
        lossSum: sums.lossSum,
        metricSums: sums.metricSums,
        timings: { ...waits(state, head), computeMs, uploadMs: uploads.lastMs },
      },
      gradients,
    });
  }
  settle(turn);
}

/** What the assignment waited for between the end of the one before it and its own beginning. */
function waits(
  { lastEnd, parameters }: SessionState,
  { arrivedAt, beganAt = lastEnd }: HeldAssignment,
): { waitMs: number; fetchMs: number } {
  const thereAt = Math.max(lastEnd, arrivedAt, parameters.loaded?.completeAt ?? 0);
  return { waitMs: Math.max(0, Math.min(thereAt, beganAt) - lastEnd), fetchMs: Math.max(0, beganAt - thereAt) };
}

export function uploaded(turn: Turn, uploadMs: number): void {
  turn.change({ uploads: { pending: Math.max(0, turn.state.uploads.pending - 1), lastMs: uploadMs } });
  settle(turn);
}

/** Gives an assignment back. */
export function fail(turn: Turn, assignment: number, error: TabgradError): void {
  turn.change({ held: turn.state.held.filter((one) => one.assignment.assignment !== assignment) });
  turn.act({ type: "send", message: { type: "failed", assignment, reason: error.message, code: error.code } });
  turn.act({ type: "report", report: { type: "assignmentFailed", assignment, error } });
}

function goneError(version: number, newest: number): TabgradError {
  return new TabgradError(
    "PROTOCOL_VIOLATION",
    `the parameters of version ${version} are not here any more: version ${newest} has replaced them`,
    "Send an assignment before the parameters of the next version.",
  );
}
