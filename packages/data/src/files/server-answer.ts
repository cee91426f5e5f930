// What is said to a server of a file, and what its answer means (RFC 9110).
import { TabgradError } from "@tabgrad/core";

/** What a server said of a file: enough to ask whether it has changed. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

export const fetchFailed = (address: string, what: string, remedy: string, cause?: unknown): TabgradError =>
  new TabgradError("DATA_FETCH_FAILED", `${address}: ${what}`, remedy, { cause });

/** What the server's answer means, if it means that there is nothing to fetch. */
export function refusalOf(address: string, { status, statusText }: Response): TabgradError {
  const answer = answerOf(status, statusText);
  if (status === 404 || status === 410) return new TabgradError("DATA_NOT_FOUND", `${address}: ${answer}`, "Check the address.");
  if (status === 401 || status === 403) {
    return fetchFailed(
      address,
      answer,
      "It wants somebody to log in, which is not supported here: fetch the file by hand, and name its path.",
    );
  }
  const isBusy = status >= 500 || status === 429;
  return fetchFailed(address, answer, isBusy ? "The server has a problem: try again later." : "Check the address.");
}

export const answerOf = (status: number, statusText: string): string =>
  `the server answered ${status}${statusText === "" ? "" : ` ${statusText}`}`;

export function validatorsOf({ headers }: Response): Validators {
  const etag = headers.get("etag") ?? undefined;
  const lastModified = headers.get("last-modified") ?? undefined;
  return { ...(etag !== undefined ? { etag } : {}), ...(lastModified !== undefined ? { lastModified } : {}) };
}

/** Asks for the rest, or for all of it if it has changed (§13.1.5); a weak ETag proves nothing about single bytes. */
export function resumeHeaders({ etag, lastModified }: Validators, have: number): Record<string, string> {
  const validator = etag?.startsWith('"') ? etag : lastModified;
  return validator === undefined ? {} : { range: `bytes=${have}-`, "if-range": validator };
}

export function unlessChanged({ etag, lastModified }: Validators): Record<string, string> {
  if (etag !== undefined) return { "if-none-match": etag };
  return lastModified === undefined ? {} : { "if-modified-since": lastModified };
}

/** Where the body of an answer with status 206 begins (§14.4); undefined where the server does not say so. */
export function beginOf({ headers }: Response): number | undefined {
  const begin = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
  return begin === undefined ? undefined : Number(begin);
}

/** How long the server asks to be left alone, in milliseconds (§10.2.3). */
export function retryAfterMs({ headers }: Response, now: number): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
