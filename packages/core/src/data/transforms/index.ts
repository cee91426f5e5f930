// Random transforms of training samples.
export { transformedShape, Transforms } from "./apply.ts";
export {
  cutOut,
  type CutOutOptions,
  type Fill,
  horizontalFlip,
  type HorizontalFlipOptions,
  randomCrop,
  type RandomCropOptions,
  shift,
  type ShiftOptions,
  type TransformSpec,
  transformsSchema,
} from "./spec.ts";
