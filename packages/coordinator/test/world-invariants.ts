// What must hold in the world of a random schedule: of the coordinator's state after every event, and of what it counts, by books that
// are kept beside it.
import { isAlignedBlock, TreeSum } from "@tabgrad/core";
import type { Action, Claim, RunState } from "../src/decide/index.ts";
import { samplesEach, type Lie, type Script } from "./world-script.ts";
import type { Connection } from "./world-workers.ts";

interface Sum {
  readonly tree: TreeSum<number> | undefined;
  readonly counted: Set<number>;
}

/** What was counted and what was sent, by purpose and step. Each method throws an Error where it is not as it must be. */
export class Books {
  private readonly script: Pick<Script, "exact" | "microbatches">;
  private readonly sums = new Map<string, Sum>();
  /** How many gradients that are not finite were sent for each step. */
  private readonly notFinite = new Map<number, number>();
  private readonly banned = new Set<string>();

  constructor(script: Pick<Script, "exact" | "microbatches">) {
    this.script = script;
  }

  sentNotFinite(step: number): void {
    this.notFinite.set(step, (this.notFinite.get(step) ?? 0) + 1);
  }

  ban(workerId: string): void {
    this.banned.add(workerId);
  }

  assigned(
    { phase, step }: RunState,
    workerId: string,
    { microbatches, purpose, version }: Extract<Action, { kind: "assign" }>,
  ): void {
    if (phase === "paused") throw new Error("handed out while the run is paused");
    if (version !== step) throw new Error(`version ${version} in step ${step + 1}`);
    if (this.banned.has(workerId)) throw new Error("an assignment for somebody in quarantine");
    const block = { first: microbatches[0], end: microbatches[microbatches.length - 1] + 1 };
    const isBlock = block.end - block.first === microbatches.length && isAlignedBlock(block, this.script.microbatches);
    if (this.script.exact && purpose === "train" && !isBlock) throw new Error(`${microbatches.join()} is no block`);
  }

  accepted(before: RunState, worker: string, claim: Claim, lie: Lie | undefined): void {
    const { purpose } = before.assignments.get(claim.assignment)!;
    if (purpose === "train" && lie === "outlandish" && before.norms.length >= 16)
      throw new Error("an outlandish gradient was accepted");
    if (lie === "version" || lie === "samples" || (purpose === "train" && lie === "notFinite"))
      throw new Error(`${lie} was accepted`);
    if (!before.workers.has(worker)) throw new Error("accepted of somebody who is gone");
    const key = `${purpose} ${claim.step}`;
    const { microbatches, exact } = this.script;
    const tree = exact && purpose === "train" ? new TreeSum<number>(microbatches, (a, b) => a + b) : undefined;
    const sum = this.sums.get(key) ?? { tree, counted: new Set() };
    this.sums.set(key, sum);
    for (const index of claim.microbatches) {
      if (sum.counted.has(index)) throw new Error(`microbatch ${index} of step ${claim.step} counted twice`);
      sum.counted.add(index);
    }
    sum.tree?.add({ first: claim.microbatches[0], end: claim.microbatches.at(-1)! + 1 }, claim.samples);
  }

  applied({ step, totals }: Extract<Action, { kind: "apply" }>): void {
    const sum = this.sums.get(`train ${step}`);
    const counted = sum?.counted.size ?? 0;
    if (counted !== this.script.microbatches) throw new Error(`step ${step} took ${counted} microbatches`);
    if (totals.samples !== counted * samplesEach) throw new Error(`step ${step} sums ${totals.samples} samples`);
    if (sum?.tree?.isComplete === false) throw new Error("the tree lacks something");
  }

  evaluated(step: number, microbatches: number): void {
    if (this.sums.get(`evaluate ${step}`)?.counted.size !== microbatches) throw new Error("an evaluation lacks something");
    this.sums.delete(`evaluate ${step}`);
  }

  ended(outcome: Extract<Action, { kind: "end" }>["outcome"]): void {
    if (outcome.kind === "diverged" && (this.notFinite.get(outcome.step) ?? 0) < 2)
      throw new Error("the run diverged by the word of one worker");
  }

  /** The coordinator goes on from `saved`: what it counted after that did not happen. */
  restarted(saved: number): void {
    for (const key of this.sums.keys()) if (Number(key.split(" ")[1]) > saved || key.startsWith("evaluate")) this.sums.delete(key);
  }
}

/** What is to be computed with other parameters than those that a worker was sent last is nothing that the coordinator waits for. */
export function checkGivenBack({ assignments }: RunState, assignment: number): void {
  if (assignments.has(assignment)) throw new Error(`assignment ${assignment} was sent newer parameters than its own`);
}

/**
 * However long a worker does not read, it is sent no more than what is begun until it is late: in all but one of 27,000 schedules up to
 * four vectors of parameters, in that one five.
 */
export function checkUnread({ unread }: Connection): void {
  if (unread > 8) throw new Error(`${unread} vectors of parameters wait to be read`);
}

/** @throws Error where it does not hold of `state`, in a run with so many `microbatches` a step */
export function checkState(
  { ledger, assignments, workers, norms, suspects, conduct, phase }: RunState,
  microbatches: number,
): void {
  if (phase === "ended") return;
  const held = [...workers.values()].flatMap((worker) => worker.assignments);
  if (held.length !== assignments.size || held.some((id) => !assignments.has(id))) throw new Error("assignments without a holder");
  for (const worker of workers.values()) {
    if (worker.availability === "paused" && worker.assignments.length > 0) throw new Error("a resting worker holds something");
    if (worker.excused.length > 64 || worker.assignments.length > 64) throw new Error("a worker holds too much");
  }
  for (const { counts, microbatches: indices, worker } of assignments.values()) {
    if (!workers.has(worker)) throw new Error("an assignment outlived its worker");
    if (counts && indices.some((index) => ledger?.entries[index].state.kind !== "assigned")) throw new Error("counted already");
  }
  for (const { state, index } of ledger?.entries ?? []) {
    const holders = state.kind === "assigned" ? state.assignments.map((id) => assignments.get(id)) : [];
    if (holders.some((open) => !open?.counts || !open.microbatches.includes(index)))
      throw new Error(`nobody has microbatch ${index}`);
    if (new Set(holders.map((open) => open!.worker)).size !== holders.length) throw new Error("one worker has it twice");
  }
  if (norms.length > 64 || suspects.length > microbatches || conduct.size > 64) throw new Error("something grows");
}
