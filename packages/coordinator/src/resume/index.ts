// Going on with a run whose coordinator is gone.
export { openResumption, type Resumption } from "./open.ts";
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
