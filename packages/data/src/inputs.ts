// The files that a run file's data is made of, found before any of them is read: what is kept on disk of earlier times is known by them.
import type { DataSpec, ImageFolderSpec, Paths } from "@tabgrad/core";
import type { LocalFile } from "./files/byte-reader.ts";
import type { Reading } from "./read.ts";
import { resolveDataFolder } from "./files/path.ts";
import { classFolders, imagesIn } from "./images/folder.ts";

const testPaths = (test: { readonly path?: Paths } | { readonly fraction: number } | undefined): Paths[] =>
  test && "path" in test && test.path !== undefined ? [test.path] : [];

function pathsOf(spec: Exclude<DataSpec, ImageFolderSpec>): Paths[] {
  switch (spec.kind) {
    case "idx": {
      const { train, test } = spec;
      return [train, ...(test && "images" in test ? [test] : [])].flatMap(({ images, labels }) => [images, labels]);
    }
    case "npy": {
      const { train, test } = spec;
      return [train, ...(test && "features" in test ? [test] : [])].flatMap(({ features, labels }) => [features, labels]);
    }
    case "npz":
      return [spec.train.path ?? spec.path, ...(spec.test && "features" in spec.test ? [spec.test.path ?? spec.path] : [])];
    case "cifar":
    case "csv":
    case "jsonLines":
    case "parquet":
    case "arrow":
    case "text":
      return [spec.path, ...testPaths(spec.test)];
    default:
      return spec satisfies never;
  }
}

async function imageFiles(spec: ImageFolderSpec, baseDirectory: string): Promise<LocalFile[]> {
  const folder = await resolveDataFolder(spec.path, baseDirectory);
  const classes = spec.classes ?? (await classFolders(folder));
  const images = await imagesIn(folder, classes);
  if (spec.test && "path" in spec.test)
    images.push(...(await imagesIn(await resolveDataFolder(spec.test.path, baseDirectory), classes)));
  return images.map(({ path }) => ({ path, name: path }));
}

/** @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_FETCH_FAILED; of a folder of images also what is wrong with its classes */
export async function inputFiles(spec: DataSpec, { baseDirectory, find }: Reading): Promise<LocalFile[]> {
  if (spec.kind === "imageFolder") return imageFiles(spec, baseDirectory);
  const files: LocalFile[] = [];
  for (const paths of pathsOf(spec)) files.push(...(await find(paths)));
  return files;
}
