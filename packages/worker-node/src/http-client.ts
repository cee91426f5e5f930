// How this process speaks http: one agent for all requests of a worker, so that what it trusts holds for all of them, and no connection
// outlives it.
import { Agent, fetch, type Response } from "undici";

export class HttpClient {
  /** The certificates that are trusted, PEM; undefined for those of the usual authorities. */
  readonly ca: string | undefined;
  readonly #agent: Agent;

  constructor(ca: string | undefined) {
    this.ca = ca;
    this.#agent = new Agent(ca === undefined ? {} : { connect: { ca } });
  }

  get(address: URL, signal: AbortSignal): Promise<Response> {
    return fetch(address, { signal, dispatcher: this.#agent });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
