// A run's folder that can't be written to, in words.
import { TabgradError } from "@tabgrad/core";

/** What a failure of the disk is for a person; one that has a name keeps it. @param remedy what to do about the folder */
export function unwritable(directory: string, cause: unknown, remedy: string): TabgradError {
  if (cause instanceof TabgradError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code === "ENOSPC" || code === "EDQUOT" ? "the disk is full" : code === "EROFS" ? "the disk is read-only" : message;
  return new TabgradError("OUTPUT_UNWRITABLE", `Cannot write to ${directory}: ${why}`, remedy, { cause });
}

/** For a run that begins. */
export const chooseAnother = "Choose another folder with --out.";

/** For one that goes on. */
export const makeWritable = "Make the folder writable, or resume a copy of it that is.";
