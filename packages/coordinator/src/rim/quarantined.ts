// What a worker is told whose contributions were refused too often.
import { TabgradError } from "@tabgrad/core";

export function quarantined(why: string): TabgradError {
  return new TabgradError(
    "WORKER_QUARANTINED",
    `The worker may not take part in this run any more: ${why}`,
    "Check its engine with `tabgrad doctor`; it may be started again, as another worker, once that is mended.",
  );
}
