// Contributions on their way out: cut into chunks, encoded a few at a time, so that a slow uplink holds little more than the gradient.
import { type ChunkLayout, chunkOf } from "../protocol/chunks.ts";
import type { Contribution } from "../protocol/messages.ts";
import { encodeToCoordinator } from "../protocol/to-coordinator.ts";
import type { WorkerSocket } from "./host.ts";

/** Frames handed to the socket whose bytes have not left: 8 MiB of the usual chunks. */
const framesAtATime = 32;

export interface Upload {
  readonly contribution: Contribution;
  readonly gradients?: ArrayBuffer;
  /** All is encoded: the gradient's buffer may be used again. */
  encoded(): void;
  /** The last byte has left. */
  sent(): void;
}

/** The uploads of one connection, one after another. Those of a connection that breaks are forgotten with it. */
export class Uploads {
  readonly #socket: WorkerSocket;
  readonly #layout: ChunkLayout;
  readonly #waiting: Upload[] = [];
  #chunk = 0;
  #inFlight = 0;

  constructor(socket: WorkerSocket, layout: ChunkLayout) {
    this.#socket = socket;
    this.#layout = layout;
  }

  add(upload: Upload): void {
    this.#waiting.push(upload);
    this.#pump();
  }

  #pump(): void {
    while (this.#inFlight < framesAtATime) {
      const [upload] = this.#waiting;
      if (!upload) return;
      const { contribution, gradients } = upload;
      if (gradients && this.#chunk < this.#layout.count) {
        const chunk = this.#chunk++;
        const values = chunkOf(this.#layout, new Float32Array(gradients), chunk);
        this.#send(encodeToCoordinator({ type: "contributionChunk", assignment: contribution.assignment, chunk, values }));
      } else {
        this.#chunk = 0;
        this.#waiting.shift();
        this.#send(encodeToCoordinator(contribution), upload);
        upload.encoded();
      }
    }
  }

  #send(frame: Uint8Array<ArrayBuffer>, last?: Upload): void {
    this.#inFlight += 1;
    this.#socket.send(frame, () => {
      this.#inFlight -= 1;
      last?.sent();
      this.#pump();
    });
  }
}
