// Who may control a run: whoever knows its token.
import { createHash, timingSafeEqual } from "node:crypto";
import { mayTry, wrongToken, type Attempts } from "./attempts.ts";

export type Permission = { readonly granted: true } | { readonly granted: false; readonly why: string };

export class ControlKey {
  private readonly digest: Buffer | undefined;
  private attempts: Attempts = new Map();

  /** @param token without it nobody may control the run */
  constructor(token: string | undefined) {
    this.digest = token === undefined ? undefined : digestOf(token);
  }

  /**
   * @param address where the token comes from: wrong ones are counted by it
   * @param now milliseconds
   */
  permit(token: string | undefined, address: string, now: number): Permission {
    if (token === undefined) return { granted: false, why: "no control token was given" };
    if (!this.digest) return { granted: false, why: "this run can't be controlled from pages" };
    if (!mayTry(this.attempts, address, now)) {
      return { granted: false, why: "too many wrong control tokens came from this address; it may try again in a minute" };
    }
    // Digests have one length, and comparing them takes the same time whatever they are: time tells nothing about the token.
    if (timingSafeEqual(digestOf(token), this.digest)) return { granted: true };
    this.attempts = wrongToken(this.attempts, address, now);
    return { granted: false, why: "the control token is not this run's" };
  }
}

const digestOf = (token: string): Buffer => createHash("sha256").update(token).digest();
