// When bytes have left: a browser's WebSocket tells only how many have not (`bufferedAmount`), and no event says that this changed.

/** How often it is looked at while something waits. Chunks go out several at a time, so no bandwidth is lost in between. */
export const lookMs = 4;

interface Waiting {
  /** Bytes handed over when this frame was, itself included. */
  readonly end: number;
  readonly sent: () => void;
}

export interface OutboxHost {
  /** Bytes handed to the socket that have not left. */
  buffered(): number;
  /** Calls `fire` after `ms`. */
  timer(ms: number, fire: () => void): void;
}

export class Outbox {
  readonly #host: OutboxHost;
  readonly #waiting: Waiting[] = [];
  #total = 0;
  #isLooking = false;
  #isClosed = false;

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  /** Bytes handed over so far. */
  get total(): number {
    return this.#total;
  }

  /** Call after a frame was handed to the socket. `sent` is called later, and not at all once this is closed. */
  add(bytes: number, sent?: () => void): void {
    this.#total += bytes;
    if (!sent) return;
    this.#waiting.push({ end: this.#total, sent });
    this.#lookLater();
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
  }

  #lookLater(): void {
    if (this.#isLooking || this.#isClosed) return;
    this.#isLooking = true;
    this.#host.timer(lookMs, () => this.#look());
  }

  #look(): void {
    this.#isLooking = false;
    if (this.#isClosed) return;
    const left = this.#total - this.#host.buffered();
    while (this.#waiting.length > 0 && this.#waiting[0].end <= left) this.#waiting.shift()!.sent();
    if (this.#waiting.length > 0) this.#lookLater();
  }
}
