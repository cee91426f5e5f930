// Arithmetic on long float32 vectors: a memory for them, and elementwise graphs compiled to run on it.
export { VectorMemory } from "./memory.ts";
export { vectorOperations, type VectorOperation } from "./plan.ts";
export { compileVectorProgram, type BoundVectorProgram, type VectorCall, type VectorProgram } from "./program.ts";
