// What went over the network for one worker.
export class Traffic {
  /** Bytes of frames to the coordinator. */
  up = 0;
  /** Bytes of frames and shards from it. */
  down = 0;
}
