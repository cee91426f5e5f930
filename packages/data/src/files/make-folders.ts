// Makes a folder with those above it. Node's own recursive mkdir never returns where the file system takes no folder, as in /proc.
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** @throws NodeJS.ErrnoException where it can't be made, or something else is there */
export async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) return;
    if (found) throw Object.assign(new Error("there is a file of that name"), { code: "EEXIST" });
    const above = dirname(path);
    if (code !== "ENOENT" || above === path || (await stat(above).catch(() => undefined))) throw error;
    await makeFolders(above);
    await makeFolders(path);
  }
}
