// Whether a fetch that failed is worth another attempt, and when.
import type { TabgradError } from "@tabgrad/core";
import { answerOf, refusalOf, retryAfterMs } from "./server-answer.ts";

/** So many attempts one after another may bring nothing new. */
export const maxBarrenAttempts = 5;
/** Where an earlier copy of the file is here. */
const maxBarrenAttemptsWithCopy = 2;

const firstWaitMs = 1000;
/** A server that wants to be left alone for longer is asked no more. */
const longestWaitMs = 60_000;

/** Statuses that may be others a moment later. */
const passingStatuses = new Set([408, 429, 500, 502, 503, 504]);

/** Of Node's sockets and of undici: what a network does to a connection. A name or an address that is wrong stays so. */
const passingCodes = new Set([
  ...["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "ENETDOWN", "EHOSTUNREACH"],
  ...["UND_ERR_SOCKET", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"],
]);

/** The connection did not do what it should. */
export class BrokenOff extends Error {}

/** The server can't answer at present. */
export class Unavailable extends BrokenOff {
  readonly retryAfterMs: number | undefined;
  /** What is thrown where it stays so. */
  readonly refusal: TabgradError;

  private constructor(address: string, response: Response, now: number) {
    super(answerOf(response.status, response.statusText));
    this.retryAfterMs = retryAfterMs(response, now);
    this.refusal = refusalOf(address, response);
  }

  /** @returns what is to be thrown because of an answer that brings no file: this, or what never changes */
  static orRefusal(address: string, response: Response, now = Date.now()): Unavailable | TabgradError {
    return passingStatuses.has(response.status) ? new Unavailable(address, response, now) : refusalOf(address, response);
  }
}

/** What lies at the bottom of an error of `fetch`. */
export function causeOf(error: unknown): Error & { readonly code?: unknown } {
  const cause = (error as { cause?: unknown }).cause ?? error;
  return cause instanceof Error ? cause : new Error(String(cause));
}

/**
 * Milliseconds before the next attempt; undefined where there is none.
 * @param barren attempts that brought nothing new, the last one and those right before it
 * @param hasCopy whether an earlier copy of the file is here, to be used instead
 */
export function waitBefore(error: unknown, barren: number, hasCopy: boolean): number | undefined {
  const isPassing = error instanceof BrokenOff || passingCodes.has(String(causeOf(error).code));
  if (!isPassing || barren >= (hasCopy ? maxBarrenAttemptsWithCopy : maxBarrenAttempts)) return undefined;
  const asked = error instanceof Unavailable ? (error.retryAfterMs ?? 0) : 0;
  if (asked > longestWaitMs) return undefined;
  // What brings something is gone on with at once.
  return Math.max(asked, barren === 0 ? 0 : firstWaitMs * 2 ** (barren - 1));
}
