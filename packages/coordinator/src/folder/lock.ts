// One coordinator at a time writes to a run's folder: a file says which process does. One that died without saying goodbye is found
// out by its process not being there any more.
import { TabgradError } from "@tabgrad/core";
import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";

const ownerSchema = z.object({
  pid: z.int(),
  host: z.string(),
  /** When the process began, where the system tells: numbers of processes are given out again. */
  began: z.string().optional(),
  /** Tells two owners apart whatever else is the same. */
  id: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

export const lockFile = "coordinator.lock";
/** Others that take over a dead one's lock in the same moment are few. */
const attempts = 8;

export class FolderLock {
  private readonly path: string;
  private readonly owner: Owner;

  /** @throws TabgradError OUTPUT_IN_USE where a process that lives has it */
  static async take(directory: string): Promise<FolderLock> {
    const path = join(directory, lockFile);
    const owner = { pid: process.pid, host: hostname(), began: await beginOf(process.pid), id: randomUUID() };
    for (let i = 0; i < attempts; i++) {
      if (await create(path, owner)) return new FolderLock(path, owner);
      const other = await readOwner(path);
      if (other && (await isAlive(other))) throw inUse(directory, path, other);
      await putAside(path, other);
    }
    throw inUse(directory, path, await readOwner(path));
  }

  private constructor(path: string, owner: Owner) {
    this.path = path;
    this.owner = owner;
  }

  async release(): Promise<void> {
    if ((await readOwner(this.path))?.id === this.owner.id) await rm(this.path, { force: true });
  }
}

/** Appears with all its content or not at all; false where one is there. */
async function create(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}.${owner.id}`;
  await writeFile(draft, JSON.stringify(owner), { flag: "wx" });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    // There are file systems without hard links: the second best.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS") throw error;
    return await writeFile(path, JSON.stringify(owner), { flag: "wx" }).then(
      () => true,
      () => false,
    );
  } finally {
    await rm(draft, { force: true });
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}

/** Takes a dead owner's lock away; should somebody else have taken it over just now, that one gets it back. */
async function putAside(path: string, dead: Owner | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const found = await readOwner(aside);
  if (found && found.id !== dead?.id) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function isAlive({ pid, host, began }: Owner): Promise<boolean> {
  // Nobody can tell from here.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return began === undefined || (await beginOf(pid)) === began;
}

/** Boot and clock tick in which a process began, as Linux tells; undefined for one that only waits to be buried. */
async function beginOf(pid: number): Promise<string | undefined> {
  try {
    const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    const status = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in brackets, may hold anything. After it come the state, and as the 20th field the time.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : `${boot} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

function inUse(directory: string, path: string, owner: Owner | undefined): TabgradError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : "another process";
  return new TabgradError(
    "OUTPUT_IN_USE",
    `A coordinator writes to ${directory} already: ${who}`,
    owner && owner.host !== hostname()
      ? `Stop that one first. If it is gone for certain, remove ${path}.`
      : "Stop that one first, or choose another folder with --out.",
  );
}
