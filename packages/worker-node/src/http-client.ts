// How this process speaks http: one agent for all requests of a worker, so that what it trusts holds for all of them, and no connection
// outlives it.
import type { Agent, Response } from "undici";

export class HttpClient {
  /** The certificates that are trusted, PEM; undefined for those of the usual authorities. */
  readonly ca: string | undefined;
  #agent: Agent | undefined;

  constructor(ca: string | undefined) {
    this.ca = ca;
  }

  async get(address: URL, signal: AbortSignal): Promise<Response> {
    // Loaded while the engine's thread starts, not before it.
    const { Agent, fetch } = await import("undici");
    this.#agent ??= new Agent(this.ca === undefined ? {} : { connect: { ca: this.ca } });
    return fetch(address, { signal, dispatcher: this.#agent });
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
  }
}
