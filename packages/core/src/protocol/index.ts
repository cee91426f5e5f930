// The wire: frames, messages as plain objects, bounds, versions. The contract itself is proto/tabgrad.proto.
export { bounds } from "./bounds.ts";
export { violation as protocolViolation } from "./check.ts";
export {
  type ChunkLayout,
  chunkLayout,
  chunkLength,
  chunkOf,
  chunkOffset,
  checkChunk,
  ChunkSet,
  defaultChunkElements,
} from "./chunks.ts";
export { otherStretches, PackedLayout, type Stretch, trainedStretches } from "./packed-layout.ts";
export { checkDiscovery, type Discovery, discovery, discoveryPath, notACoordinator, shardPath, workerPath } from "./discovery.ts";
export type {
  Assignment,
  Availability,
  AvailabilityState,
  Contribution,
  ContributionChunk,
  Failed,
  Goodbye,
  Hello,
  Leaving,
  ParametersBegin,
  ParametersChunk,
  Ping,
  Pong,
  Purpose,
  Recall,
  Refused,
  Timings,
  ToCoordinator,
  ToWorker,
  Welcome,
} from "./messages.ts";
export { decodeToCoordinator, encodeToCoordinator } from "./to-coordinator.ts";
export { decodeToWorker, encodeToWorker } from "./to-worker.ts";
export { chooseSubprotocol, protocolMismatch, protocolOf, protocolVersion, subprotocol } from "./version.ts";
