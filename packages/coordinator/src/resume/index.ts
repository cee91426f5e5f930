// Going on with a run whose coordinator is gone.
export { openResumption, type Resumption } from "./open.ts";
export { resumePoint } from "./point.ts";
export {
  checkSameData,
  checkSameRun,
  checkStepsLeft,
  originOf,
  restoredParameters,
  restoredRun,
  type Extension,
  type Origin,
} from "./restore.ts";
