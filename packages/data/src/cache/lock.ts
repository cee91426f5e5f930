// One process at a time writes to an entry of the cache; one that died is found out.
import { open, readFile, rm } from "node:fs/promises";
import { TabgradError } from "@tabgrad/core";
import { cacheUnusable } from "./write.ts";

/** Whether a process with this number runs on this machine. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const handle = await open(path, "wx");
    await handle.writeFile(`${process.pid}`).finally(() => handle.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cacheUnusable(path, error);
  }
}

/**
 * Does `work` while no other process does, by a file at `path`.
 * @throws TabgradError DATA_CACHE_UNUSABLE where another one does
 */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  if (!(await tryLock(path))) {
    const holder = Number(await readFile(path, "utf8").catch(() => ""));
    if (holder > 0 && holder !== process.pid && isRunning(holder)) {
      throw new TabgradError(
        "DATA_CACHE_UNUSABLE",
        `process ${holder} reads the same data into the cache at this moment (${path})`,
        "Wait until it is done: then the data is there for both. Or name another folder with --cache.",
      );
    }
    await rm(path, { force: true });
    if (!(await tryLock(path))) return withLock(path, work);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
