// What a worker of a world says that it computed: the truth, or one of the lies that a script has it tell.
import type { Claim, RunPlan } from "../src/decide/index.ts";
import type { Lie } from "./world-script.ts";
import type { Sent, SimulatedWorker } from "./world-workers.ts";

export interface Contribution {
  readonly claim: Claim;
  /** Of the gradient that comes with it; undefined for an evaluation. */
  readonly squaredNorm: number | undefined;
  readonly lie: Lie | undefined;
}

export class Claims {
  private readonly plan: RunPlan;
  private outlandish = 0;

  constructor(plan: RunPlan) {
    this.plan = plan;
  }

  /** Uses up one of the worker's lies, if it has any left. */
  contribution({ lies, speed }: SimulatedWorker, action: Sent["action"]): Contribution {
    const lie = lies.left > 0 ? lies.kind : undefined;
    if (lie) lies.left--;
    const { assignment, step, version, microbatches, purpose } = action;
    const sizes = purpose === "train" ? this.plan.stepSamples(step) : this.plan.evaluationSamples;
    const samples = microbatches.reduce((sum, index) => sum + sizes[index], 0);
    const claim: Claim = {
      ...{ assignment, step, version: version + (lie === "version" ? 1 : 0), microbatches },
      ...{ samples: samples + (lie === "samples" ? 1 : 0), lossSum: samples, metricSums: [samples], computeMs: samples * speed },
    };
    const norm = this.norm(lie, action);
    return { claim, lie, squaredNorm: purpose === "evaluate" ? undefined : (norm * samples) ** 2 };
  }

  /** Of the mean gradient: over few samples it is longer. No two that are outlandish are the same. */
  private norm(lie: Lie | undefined, { step, microbatches }: Sent["action"]): number {
    if (lie === "notFinite") return NaN;
    if (lie === "outlandish") return 1e3 * 1.5 ** ++this.outlandish;
    return 1 + Math.sin(13 * step + microbatches[0]) / 3 + 1 / microbatches.length;
  }
}
