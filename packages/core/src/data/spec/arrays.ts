// What a run file says about samples in arrays: IDX, NumPy's npy and npz, and the binary files of CIFAR.
import { z } from "zod";
import { tagged } from "../../tagged.ts";
import {
  classes,
  type HeldOut,
  missing,
  type Normalisation,
  normalise,
  type Paths,
  paths,
  task,
  testOr,
  testPath,
} from "./common.ts";

/** A pair of IDX files. Where there are several, as many of the one kind as of the other, in the same order. */
export interface IdxFiles {
  /** Samples of any shape: [samples, …]. */
  readonly images: Paths;
  /** Class indices: [samples]. */
  readonly labels: Paths;
}

export interface IdxOptions {
  readonly train: IdxFiles;
  /** What to evaluate on: files of their own, or a share of the training files. Default: { fraction: 0.1 }. */
  readonly test?: IdxFiles | HeldOut;
  /** How many classes there are, or their names. Default: as many as the greatest training label asks for. */
  readonly classes?: number | readonly string[];
  /** Default: "unit" for bytes, "none" for everything else. */
  readonly normalise?: Normalisation;
}

/** What NumPy's two formats have in common. */
interface NumpyOptions {
  /** How many classes there are, or their names. Default: as many as the greatest training label asks for. */
  readonly classes?: number | readonly string[];
  /** Whether labels are class indices or values. Default: class indices where they are stored as whole numbers. */
  readonly task?: "classes" | "values";
  /** Default: "unit" for bytes, "none" for everything else. */
  readonly normalise?: Normalisation;
}

/** A pair of npy files. Where there are several, as many of the one kind as of the other, in the same order. */
export interface NpyFiles {
  /** Samples of any shape: [samples, …]. */
  readonly features: Paths;
  /** [samples], or [samples, …] for several labels each. */
  readonly labels: Paths;
}

export interface NpyOptions extends NumpyOptions {
  readonly train: NpyFiles;
  /** What to evaluate on: files of their own, or a share of the training files. Default: { fraction: 0.1 }. */
  readonly test?: NpyFiles | HeldOut;
}

/** Two arrays of an npz file, by their names in it. */
export interface NpzArrays {
  readonly features: string;
  readonly labels: string;
  /** The file. Default: the `path` of the options. */
  readonly path?: Paths;
}

export interface NpzOptions extends NumpyOptions {
  readonly path: Paths;
  readonly train: NpzArrays;
  /** What to evaluate on: arrays of their own, or a share of the training samples. Default: { fraction: 0.1 }. */
  readonly test?: NpzArrays | HeldOut;
}

export interface CifarOptions {
  /** The binary files to train on: `data_batch_*.bin` of CIFAR-10, `train.bin` of CIFAR-100. */
  readonly path: Paths;
  /** What to evaluate on: files of their own, or a share of the samples. Default: { fraction: 0.1 }. */
  readonly test?: { readonly path: Paths } | HeldOut;
  /** 10 or 100. Default: 10. */
  readonly classes?: 10 | 100;
  /** Which labels of CIFAR-100 to learn: the 100 fine ones or the 20 coarse ones. Default: "fine". */
  readonly labels?: "fine" | "coarse";
  /** Default: "unit". */
  readonly normalise?: Normalisation;
}

export type IdxSpec = IdxOptions & { readonly kind: "idx" };
export type NpySpec = NpyOptions & { readonly kind: "npy" };
export type NpzSpec = NpzOptions & { readonly kind: "npz" };
export type CifarSpec = CifarOptions & { readonly kind: "cifar" };

/** Images (or samples of any other shape) and class labels in IDX files, the format of MNIST. */
export function idx(options: IdxOptions): IdxSpec {
  return tagged("idx", options, '{ train: { images: "images", labels: "labels" } }');
}

/** Features and labels in NumPy's npy files, one array each. */
export function npy(options: NpyOptions): NpySpec {
  return tagged("npy", options, '{ train: { features: "x.npy", labels: "y.npy" } }');
}

/** Features and labels in one of NumPy's npz files, by the names of the arrays. */
export function npz(options: NpzOptions): NpzSpec {
  return tagged("npz", options, '{ path: "data.npz", train: { features: "x", labels: "y" } }');
}

/** Colour images [3, 32, 32] in the binary files of CIFAR-10 or CIFAR-100. */
export function cifar(options: CifarOptions): CifarSpec {
  return tagged("cifar", options, '{ path: "data_batch_*.bin" }');
}

const idxFiles = z.strictObject({ images: paths, labels: paths }, { error: missing("{ images, labels }, two paths of IDX files") });

/** Checks the options of `idx(…)`. */
export const idxSpecSchema = z.strictObject({
  kind: z.literal("idx"),
  train: idxFiles,
  test: testOr(idxFiles).optional(),
  classes: classes.optional(),
  normalise: normalise.optional(),
}) satisfies z.ZodType<IdxSpec>;

const numpy = { classes: classes.optional(), task: task.optional(), normalise: normalise.optional() };

const npyFiles = z.strictObject(
  { features: paths, labels: paths },
  { error: missing("{ features, labels }, two paths of npy files") },
);

/** Checks the options of `npy(…)`. */
export const npySpecSchema = z.strictObject({
  kind: z.literal("npy"),
  train: npyFiles,
  test: testOr(npyFiles).optional(),
  ...numpy,
}) satisfies z.ZodType<NpySpec>;

const arrayName = z
  .string({ error: "expected the name of an array in the file" })
  .min(1, { error: "expected the name of an array in the file" });

const npzArrays = z.strictObject(
  { features: arrayName, labels: arrayName, path: paths.optional() },
  { error: missing("{ features, labels }, the names of two arrays in the file") },
);

/** Checks the options of `npz(…)`. */
export const npzSpecSchema = z.strictObject({
  kind: z.literal("npz"),
  path: paths,
  train: npzArrays,
  test: testOr(npzArrays).optional(),
  ...numpy,
}) satisfies z.ZodType<NpzSpec>;

/** Checks the options of `cifar(…)`. */
export const cifarSpecSchema = z
  .strictObject({
    kind: z.literal("cifar"),
    path: paths,
    test: testPath.optional(),
    classes: z.union([z.literal(10), z.literal(100)], { error: "expected 10 or 100" }).optional(),
    labels: z.enum(["fine", "coarse"], { error: 'expected "fine" or "coarse"' }).optional(),
    normalise: normalise.optional(),
  })
  .superRefine(({ classes: count = 10, labels }, context) => {
    if (labels === undefined || count === 100) return;
    const message = "CIFAR-10 has one label for each image: leave it out, or say classes: 100";
    context.addIssue({ code: "custom", path: ["labels"], message });
  }) satisfies z.ZodType<CifarSpec>;
