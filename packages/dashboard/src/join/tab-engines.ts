// The engines of a tab: the GPU's, proved before it may contribute, and the CPU's, whose library is loaded when somebody chooses it.
import { type Engine, type EngineKind, proveEngine, TabgradError } from "@tabgrad/core";
import { createGpuEngine, type GpuEngine } from "@tabgrad/gpu";
import type { Findings } from "./findings.ts";
import { closeFailed, gather, requestAdapter } from "./gather.ts";

/** Whether it computes correctly is all that is asked here, not how fast. */
const proofOnly = { budgetMs: 1 };

export class TabEngines {
  /** Open and proved, for whoever joins first. */
  #spare: GpuEngine | undefined;

  async look(tell: (findings: Findings) => void): Promise<void> {
    await this.#spare?.close();
    this.#spare = undefined;
    const engine = await gather(tell);
    this.#spare = engine;
    // A phone that sleeps takes the device away.
    void engine?.lost.then(() => {
      if (this.#spare === engine) this.#spare = undefined;
    });
  }

  /** @throws TabgradError ENGINE_UNAVAILABLE, ENGINE_FAILED */
  async open(kind: EngineKind): Promise<Engine> {
    switch (kind) {
      case "gpu": {
        const spare = this.#spare;
        this.#spare = undefined;
        return spare ?? this.#openGpu();
      }
      case "cpu": {
        const { openCpuEngine } = await import("./cpu-engine.ts").catch((cause: unknown) => {
          throw unavailable("the cpu engine could not be loaded", cause);
        });
        return proved(await openCpuEngine());
      }
      default:
        return kind satisfies never;
    }
  }

  async #openGpu(): Promise<Engine> {
    const adapter = await requestAdapter();
    if (!adapter) throw unavailable("the browser gives no GPU at the moment");
    return proved(await createGpuEngine({ adapter }));
  }
}

async function proved(engine: Engine): Promise<Engine> {
  try {
    const proof = await proveEngine(engine, proofOnly);
    if (proof.passed) return engine;
    throw new TabgradError(
      "ENGINE_FAILED",
      `${engine.device} computes wrongly: its gradient is off by ${proof.relativeError.toExponential(1)}, allowed is ${proof.tolerance}`,
      "Update the graphics driver and the browser, or join with the other engine.",
    );
  } catch (error) {
    await closeFailed(engine);
    throw error;
  }
}

function unavailable(what: string, cause?: unknown): TabgradError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new TabgradError("ENGINE_UNAVAILABLE", `${what}${why}`, "Reload the page and try again.", { cause });
}
