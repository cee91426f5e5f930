// From what a run file says about arrays to samples: which files, which of them belong together.
import type { CifarSpec, HeldOut, IdxFiles, IdxSpec, NpyFiles, NpySpec, NpzArrays, NpzSpec, Paths } from "@tabgrad/core";
import { TabgradError } from "@tabgrad/core";
import type { LocalFile } from "../files/byte-reader.ts";
import type { Find } from "../files/find.ts";
import type { DataSource } from "../samples.ts";
import type { ArrayFile } from "./array-file.ts";
import { cifarNames, cifarVariant, openCifar } from "./cifar.ts";
import { openIdx } from "./idx.ts";
import { openNpy } from "./npy.ts";
import { openNpzArray } from "./npz.ts";
import { type ArrayPair, pairSource, shown } from "./pairs.ts";

/** Opens `features` and `labels`, a file of the one with a file of the other. */
async function openPairs(
  names: { readonly features: Paths; readonly labels: Paths },
  open: (file: LocalFile) => Promise<ArrayFile>,
  find: Find,
): Promise<ArrayPair[]> {
  const [features, labels] = await Promise.all([find(names.features), find(names.labels)]);
  if (features.length !== labels.length) {
    throw new TabgradError(
      "DATA_NOT_FOUND",
      `there are ${features.length} files of features and ${labels.length} of labels; expected as many of the one as of the other`,
      `The features are ${features.map(({ name }) => name).join(", ")}; the labels ${labels.map(({ name }) => name).join(", ")}.`,
    );
  }
  return Promise.all(features.map(async (file, i) => ({ features: await open(file), labels: await open(labels[i]) })));
}

/** Opens what `test` names; a share, or nothing, stays as it is. */
async function openTest<Files extends object>(
  test: Files | HeldOut | undefined,
  open: (files: Files) => Promise<ArrayPair[]>,
): Promise<ArrayPair[] | HeldOut | undefined> {
  return test === undefined || "fraction" in test ? test : open(test);
}

/** Labels of IDX files have always been bytes, one for each image: anything else is a mix-up. */
function checkIdxLabels({ features, labels }: ArrayPair): void {
  if (labels.shape.length === 1 && labels.storage !== "float32") return;
  const swapped = features.shape.length === 1 && labels.shape.length > 1 ? " They seem to be swapped." : "";
  throw labels.invalid(
    `is ${shown(labels)}; expected labels of one dimension, whole numbers, one for each sample`,
    `Check which file is "images" and which is "labels".${swapped}`,
  );
}

/** Reads the files of an `idx(…)`. @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_IDX_INVALID, DATA_LABEL_OUT_OF_RANGE */
export async function idxSource(spec: IdxSpec, find: Find): Promise<DataSource> {
  const open = async ({ images, labels }: IdxFiles): Promise<ArrayPair[]> => {
    const pairs = await openPairs({ features: images, labels }, openIdx, find);
    for (const pair of pairs) if (pair.features.shape.length > 1) checkIdxLabels(pair);
    return pairs;
  };
  return pairSource(await open(spec.train), await openTest(spec.test, open), spec);
}

/** Reads the files of an `npy(…)`. @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_NPY_INVALID, DATA_LABEL_OUT_OF_RANGE */
export async function npySource(spec: NpySpec, find: Find): Promise<DataSource> {
  const open = (files: NpyFiles): Promise<ArrayPair[]> => openPairs(files, openNpy, find);
  return pairSource(await open(spec.train), await openTest(spec.test, open), spec);
}

/** Reads the files of an `npz(…)`. @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_NPY_INVALID, DATA_LABEL_OUT_OF_RANGE */
export async function npzSource(spec: NpzSpec, find: Find): Promise<DataSource> {
  const open = async ({ features, labels, path = spec.path }: NpzArrays): Promise<ArrayPair[]> =>
    Promise.all(
      (await find(path)).map(async (file) => ({
        features: await openNpzArray(file, features),
        labels: await openNpzArray(file, labels),
      })),
    );
  return pairSource(await open(spec.train), await openTest(spec.test, open), spec);
}

/** Reads the files of a `cifar(…)`. @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_CIFAR_INVALID, DATA_LABEL_OUT_OF_RANGE */
export async function cifarSource(spec: CifarSpec, find: Find): Promise<DataSource> {
  const variant = cifarVariant(spec.classes ?? 10, spec.labels ?? "fine");
  const files = await find(spec.path);
  const open = (found: readonly LocalFile[]): Promise<ArrayPair[]> => Promise.all(found.map((file) => openCifar(file, variant)));
  const test = await openTest(spec.test, async ({ path }: { readonly path: Paths }) => open(await find(path)));
  const classes = (await cifarNames(variant, files[0])) ?? variant.classes;
  return pairSource(await open(files), test, { classes, normalise: spec.normalise });
}
