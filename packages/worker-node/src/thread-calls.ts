// The engine's thread: makes the calls that the main thread asks for, with flat vectors copied between shared memory and buffers that
// stay on this thread, so that the engine finds the same ones in every step.
import type { Compute } from "@tabgrad/core";
import { failureOf, type Call, type Reply } from "./thread-messages.ts";

export class ThreadCalls {
  readonly #compute: Compute;
  #parameters = new ArrayBuffer(0);
  #gradients = new ArrayBuffer(0);

  constructor(compute: Compute) {
    this.#compute = compute;
  }

  /** Makes a call, and puts what came of it into words. */
  async make(call: Call): Promise<Reply> {
    try {
      return { type: "result", id: call.id, value: await this.#invoke(call) };
    } catch (error) {
      return { type: "failure", id: call.id, failure: failureOf(error) };
    }
  }

  #invoke({ method, input }: Call): Promise<unknown> {
    switch (method) {
      case "load":
        return this.#compute.load(...input);
      case "putShard":
        return this.#compute.putShard(...input);
      case "dropShard":
        return this.#compute.dropShard(...input);
      case "setParameters":
        return this.#setParameters(...input);
      case "run":
        return this.#run(...input);
      case "close":
        return this.#compute.close();
      default:
        return method satisfies never;
    }
  }

  /** The engine reads no parameters while none of its calls is under way, so their buffer may be written to in its turn. */
  async #setParameters(shared: SharedArrayBuffer): Promise<void> {
    if (this.#parameters.byteLength !== shared.byteLength) this.#parameters = new ArrayBuffer(shared.byteLength);
    new Float32Array(this.#parameters).set(new Float32Array(shared));
    await this.#compute.setParameters(this.#parameters);
  }

  async #run(...[request, shared]: Extract<Call, { method: "run" }>["input"]): Promise<unknown> {
    if (!shared) return this.#compute.run(request);
    if (this.#gradients.byteLength !== shared.byteLength) this.#gradients = new ArrayBuffer(shared.byteLength);
    const { sums, computeMs } = await this.#compute.run({ ...request, gradients: this.#gradients });
    new Float32Array(shared).set(new Float32Array(this.#gradients));
    return { sums, computeMs };
  }
}
