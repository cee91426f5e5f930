// The images in a folder, by class: which there are, and in which order.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { TabgradError } from "@tabgrad/core";
import { glob } from "tinyglobby";
import { unreadable } from "../files/path.ts";
import { listed } from "../nearest.ts";

export interface LabelledImage {
  readonly path: string;
  /** The index of its class. */
  readonly label: number;
}

const byName = (a: string, b: string): number => (a < b ? -1 : 1);

function invalid(folder: string, message: string, remedy: string): TabgradError {
  return new TabgradError("DATA_IMAGE_INVALID", `${folder} ${message}`, remedy);
}

/** The folders in a folder, sorted by name; hidden ones are passed over. @throws TabgradError DATA_UNREADABLE, DATA_IMAGE_INVALID */
export async function classFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  const names = entries.filter((entry) => !entry.isFile() && !entry.name.startsWith(".")).map(({ name }) => name);
  if (names.length > 0) return names.sort(byName);
  const files = entries.map(({ name }) => name);
  throw invalid(
    folder,
    `has no folders; it has ${files.length > 0 ? listed(files.sort(byName), 5) : "nothing"}`,
    "Put the images into one folder for each class, named like it.",
  );
}

/**
 * The images of a folder, class after class, sorted by path.
 * @param classes all there may be, in the order of their indices
 * @throws TabgradError DATA_UNREADABLE; DATA_LABEL_OUT_OF_RANGE where a folder is none of the classes; DATA_IMAGE_INVALID where a class
 *   has no images
 */
export async function imagesIn(folder: string, classes: readonly string[]): Promise<LabelledImage[]> {
  const images: LabelledImage[] = [];
  for (const name of await classFolders(folder)) {
    const label = classes.indexOf(name);
    if (label < 0) {
      throw new TabgradError(
        "DATA_LABEL_OUT_OF_RANGE",
        `${join(folder, name)}: the folder is none of the classes; expected one of ${listed(classes)}`,
        'Rename or remove it, or list all classes there may be: "classes: [ … ]".',
      );
    }
    const options = { cwd: join(folder, name), absolute: true, onlyFiles: true, caseSensitiveMatch: false };
    const found = (await glob("**/*.{png,jpg,jpeg}", options)).sort(byName);
    if (found.length === 0) throw invalid(join(folder, name), "has no PNG or JPEG files", "Add some, or remove the folder.");
    for (const path of found) images.push({ path, label });
  }
  return images;
}
