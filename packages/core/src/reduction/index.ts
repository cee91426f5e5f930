// The fixed order of additions that exact runs keep: the same tree for a worker and for the coordinator.
export { addInto, addSums } from "./addition.ts";
export { alignedBlocks, type Block, childBlocks, isAlignedBlock, parentBlock, rootBlock, siblingBlock } from "./block.ts";
export { type Addition, TreeSum } from "./tree-sum.ts";
