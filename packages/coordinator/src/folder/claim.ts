// Makes the folder of a run that begins, and sees to it that nobody else's run is in it.
import { TabgradError } from "@tabgrad/core";
import { makeFolders } from "@tabgrad/data";
import { folderContent } from "../checkpoint/index.ts";
import { FolderLock } from "./lock.ts";
import { chooseAnother, unwritable } from "./unwritable.ts";

/** @throws TabgradError OUTPUT_UNWRITABLE, OUTPUT_IN_USE */
export async function claimFolder(directory: string): Promise<FolderLock> {
  const lock = await makeFolders(directory)
    .then(() => FolderLock.take(directory))
    .catch((error: unknown) => {
      throw unwritable(directory, error, chooseAnother);
    });
  const { checkpoints } = await folderContent(directory);
  if (checkpoints.length === 0) return lock;
  await lock.release();
  throw new TabgradError(
    "OUTPUT_IN_USE",
    `There is a run in ${directory} already, saved after step ${checkpoints[0].step}`,
    `Go on with it with --resume ${directory}, or choose another folder with --out.`,
  );
}
