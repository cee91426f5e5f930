// The proof, from what a run has left behind, that each of its samples counted once.
export { audit, type AuditReport, type CheckpointFinding, type WorkerAccount } from "./audit.ts";
export { auditFolder } from "./folder.ts";
export { auditPlan, type AuditPlan } from "./plan.ts";
