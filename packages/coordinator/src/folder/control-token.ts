// The control token of a run, kept where only its owner can read it, so that dashboards that may control it still may after a restart.
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export const controlTokenFile = "control-token";
const ownerOnly = 0o600;

export async function keepControlToken(directory: string, token: string): Promise<void> {
  const path = join(directory, controlTokenFile);
  await writeFile(path, `${token}\n`, { mode: ownerOnly });
  // `mode` is for new files alone.
  await chmod(path, ownerOnly);
}

/** Undefined where none is kept. */
export async function keptControlToken(directory: string): Promise<string | undefined> {
  const text = await readFile(join(directory, controlTokenFile), "utf8").catch(() => "");
  return text.trim() === "" ? undefined : text.trim();
}
