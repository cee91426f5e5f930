// Audits a run's folder: its journal against its newest checkpoint. Only reads, so that a run may be audited while it goes on.
import { TabgradError } from "@tabgrad/core";
import { join } from "node:path";
import { findCheckpoint, readCheckpoint, weightsSha256 } from "../checkpoint/index.ts";
import { journalFile, readJournal } from "../telemetry/journal.ts";
import { audit, type AuditReport } from "./audit.ts";
import { auditPlan } from "./plan.ts";

/** @throws TabgradError CHECKPOINT_INVALID, DATA_NOT_FOUND, AUDIT_FAILED where the folder is from a version that did not note enough */
export async function auditFolder(directory: string): Promise<AuditReport> {
  const { manifest, weights } = await readCheckpoint(await findCheckpoint(directory));
  if (manifest.format === 1) {
    throw new TabgradError(
      "AUDIT_FAILED",
      `The checkpoint in ${directory} is of format 1, which does not say how the dataset was cut`,
      "Only runs of newer versions of tabgrad can be audited.",
    );
  }
  // After the checkpoint: what came before that is in the journal by then.
  const records = await readJournal(join(directory, journalFile)).catch((error: Error) => {
    throw new TabgradError(
      "DATA_NOT_FOUND",
      `There is no journal in ${directory}: ${error.message}`,
      "Name the folder that a run wrote to.",
    );
  });
  const finding = { step: manifest.step, stated: manifest.parametersSha256, found: weightsSha256(weights) };
  return audit(records, auditPlan(manifest), finding);
}
