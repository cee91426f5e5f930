// A run's folder as a whole: who may write to it, and what is kept in it beside journal and checkpoints.
export { claimFolder } from "./claim.ts";
export { controlTokenFile, keepControlToken, keptControlToken } from "./control-token.ts";
export { FolderLock, lockFile } from "./lock.ts";
export { makeWritable, unwritable } from "./unwritable.ts";
