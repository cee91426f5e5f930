// Loads a run file: TypeScript (or JavaScript) evaluated by jiti, whose default export is what defineRun returned.
import { closest, TabgradError } from "@tabgrad/core";
import { createJiti } from "jiti";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The package that run files import; the same module that this command runs on, wherever the run file lies. */
const ownPackage = fileURLToPath(new URL(`./index${extname(fileURLToPath(import.meta.url))}`, import.meta.url));

const extensions: readonly string[] = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"];

/** @returns the file's default export, not checked yet. @throws TabgradError RUN_FILE_NOT_FOUND, RUN_FILE_UNREADABLE */
export async function loadRunFile(path: string): Promise<{ definition: unknown; file: string }> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    const what = found ? "it is a folder" : "there is no such file";
    const nearer = await nearby(found ? join(file, "run.ts") : file);
    throw new TabgradError("RUN_FILE_NOT_FOUND", `Cannot read the run file ${path}: ${what}`, nearer);
  }
  if (!extensions.includes(extname(file))) {
    const message = `${path} is no run file: expected TypeScript or JavaScript, called ${extensions.join(", ")}`;
    throw new TabgradError("RUN_FILE_UNREADABLE", message, await nearby(file));
  }
  const module = await evaluate(file, path);
  if (module.default === undefined) {
    throw new TabgradError("RUN_FILE_INVALID", `${path} has no default export`, "End it with: export default defineRun({ … })");
  }
  return { definition: module.default, file };
}

async function evaluate(file: string, path: string): Promise<{ default?: unknown }> {
  const jiti = createJiti(import.meta.url, {
    alias: { tabgrad: ownPackage },
    fsCache: false,
    moduleCache: true,
    interopDefault: false,
  });
  try {
    return await jiti.import(file);
  } catch (error) {
    // A run file may well throw one of our own errors, such as an impossible layer.
    if ((error as Error).name === "TabgradError") throw error;
    throw await evaluationFailure(file, path, error as Error);
  }
}

/** Where in the file it went wrong, what, and what could have been meant. */
async function evaluationFailure(file: string, path: string, error: Error): Promise<TabgradError> {
  const { message, stack = "" } = error;
  const line = stack
    .split("\n")
    .flatMap((frame) => (frame.includes(`${file}:`) ? [frame.split(`${file}:`)[1].split(":")[0]] : []))[0];
  const [said] = message.split("\nRequire stack");
  const found = said
    .split(file)
    .join(path)
    .replaceAll(/\(0 , \w+\.(\w+)\)/g, "$1")
    .replaceAll(/\s+/g, " ");
  const [, imported, bare] = /^(?:\(0 , _tabgrad\w*\.(\w+)\) is not a function|(\w+) is not defined)$/.exec(message) ?? [];
  const what = imported === undefined ? found : `tabgrad exports no ${imported}`;
  const remedy = await remedyFor(imported ?? bare, imported !== undefined);
  const where = line === undefined || said.includes(`${file}:`) ? path : `${path}:${line}`;
  return new TabgradError("RUN_FILE_UNREADABLE", `${where} cannot be evaluated: ${what}`, remedy, { cause: error });
}

async function remedyFor(name: string | undefined, isImported: boolean): Promise<string> {
  const exported = Object.keys((await import(ownPackage)) as object);
  const meant = name === undefined ? undefined : closest(name, exported);
  if (meant === undefined) return "Correct the file; an editor with TypeScript shows the place.";
  if (isImported) return `Did you mean ${meant}?`;
  return `${name === meant ? "Import it" : `Did you mean ${meant}? Import it, too`}: import { ${meant} } from "tabgrad";`;
}

/** What could have been meant. */
async function nearby(file: string): Promise<string> {
  const folder = dirname(file);
  const names = (await readdir(folder).catch((): string[] => [])).filter((name) => extensions.includes(extname(name)));
  if (names.length === 0) return "Check the path. examples/mnist/mlp.ts in tabgrad's repository is a run file to begin with.";
  const like = names.filter((name) => name.startsWith(basename(file).slice(0, 2)));
  return `Check the path. In ${relative(process.cwd(), folder) || "this folder"} there is ${(like.length > 0 ? like : names).slice(0, 5).join(", ")}.`;
}
