// Contributions on their way out: cut into chunks, encoded a few at a time, so that a slow uplink holds little more than the gradient.
import { chunkFrameBytes } from "../protocol/frame.ts";
import type { PackedLayout } from "../protocol/packed-layout.ts";
import type { Contribution } from "../protocol/messages.ts";
import { encodeToCoordinator } from "../protocol/to-coordinator.ts";
import type { WorkerSocket } from "./host.ts";

/** Frames handed to the socket whose bytes have not left: 8 MiB of the usual chunks. */
const framesAtATime = 32;

export interface Upload {
  readonly contribution: Contribution;
  readonly gradients?: ArrayBuffer;
  /** All is encoded, or never will be: the gradient's buffer may be used again. */
  encoded(): void;
  /** The last byte has left. Not called where the upload was cancelled. */
  sent(): void;
}

/** The uploads of one connection, or up to a pause, one after another. Those of a connection that breaks are forgotten with it. */
export class Uploads {
  readonly #socket: WorkerSocket;
  readonly #layout: PackedLayout;
  readonly #waiting: Upload[] = [];
  /** Of frames that have left. Made anew for every frame, they keep the garbage collector busy. */
  readonly #buffers: ArrayBuffer[] = [];
  #chunk = 0;
  #inFlight = 0;
  #isCancelled = false;

  constructor(socket: WorkerSocket, layout: PackedLayout) {
    this.#socket = socket;
    this.#layout = layout;
  }

  /** Gives back what has not left yet. Nothing more is told of it. */
  cancel(): void {
    for (const { encoded } of this.#waiting.splice(0)) encoded();
    this.#isCancelled = true;
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
      if (gradients && this.#chunk < this.#layout.chunks.count) {
        this.#sendChunk(contribution.assignment, this.#chunk++, new Float32Array(gradients));
      } else {
        this.#chunk = 0;
        this.#waiting.shift();
        this.#send(encodeToCoordinator(contribution), () => upload.sent());
        upload.encoded();
      }
    }
  }

  #sendChunk(assignment: number, chunk: number, vector: Float32Array): void {
    const buffer = this.#buffers.pop() ?? new ArrayBuffer(chunkFrameBytes(this.#layout.chunks.chunkElements));
    const values = this.#layout.pick(vector, chunk);
    const frame = encodeToCoordinator({ type: "contributionChunk", assignment, chunk, values }, buffer);
    this.#send(frame, () => this.#buffers.push(buffer));
  }

  #send(frame: Uint8Array<ArrayBuffer>, sent: () => void): void {
    this.#inFlight += 1;
    this.#socket.send(frame, () => {
      this.#inFlight -= 1;
      if (this.#isCancelled) return;
      sent();
      this.#pump();
    });
  }
}
