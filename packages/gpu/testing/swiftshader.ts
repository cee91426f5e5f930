// A GPU for tests where there is none: SwiftShader, Google's software Vulkan, as @sparticuz/chromium brings it. It is slow and exact
// enough. Dawn finds it through the environment, and only through the one that its process began with.
import { execFile } from "node:child_process";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";

export type Environment = Readonly<Record<string, string>>;

export interface TestGpu {
  /** For people. */
  readonly name: string;
  /** To be added to the environment of every process that is to see this GPU; empty where the machine has one of its own. */
  readonly environment: Environment;
}

/**
 * The GPU that tests run on: the machine's own, else SwiftShader.
 * @throws Error if there is neither
 */
export async function provideTestGpu(): Promise<TestGpu> {
  const own = await probe({});
  if (own) return { name: own, environment: {} };
  if (platform() !== "linux" || arch() !== "x64")
    throw new Error("GPU tests need a GPU here: SwiftShader comes for Linux on x64 only.");
  const environment = swiftshaderEnvironment(await unpackSwiftshader());
  const name = await probe(environment);
  if (!name) throw new Error("There is no GPU, and SwiftShader does not work either: reinstall with `npm ci`.");
  return { name, environment };
}

/** @param folder where `unpackSwiftshader` put it */
export const swiftshaderEnvironment = (folder: string): Environment => ({
  LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
  VK_ICD_FILENAMES: join(folder, "vk_swiftshader_icd.json"),
  VK_DRIVER_FILES: join(folder, "vk_swiftshader_icd.json"),
});

/** Unpacks SwiftShader once for each version of the package that brings it; returns its folder. */
export const unpackSwiftshader = (): Promise<string> => unpackChromium("swiftshader", ["swiftshader.tar.br"]);

/**
 * Unpacks archives of @sparticuz/chromium side by side, once for each of its versions; returns their folder.
 * @param archives names in the package's `bin`; what is no tar archive becomes a file of the same name
 */
export async function unpackChromium(name: string, archives: readonly string[]): Promise<string> {
  const main = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const home = packageFolder(main);
  const { version } = JSON.parse(await readFile(join(home, "package.json"), "utf8")) as { version: string };
  const cache = join(dirname(dirname(home)), ".cache", "tabgrad", `${name}-${version}`);
  const done = join(cache, "complete");
  if (
    await readFile(done).then(
      () => true,
      () => false,
    )
  )
    return cache;

  // Written beside and renamed, so that two test runs at once do not read each other's halves.
  const beside = `${cache}-${process.pid}`;
  await mkdir(beside, { recursive: true });
  for (const archive of archives) {
    const content = await promisify(brotliDecompress)(await readFile(join(home, "bin", archive)));
    const files = archive.endsWith(".tar.br") ? tarFiles(content) : [{ name: archive.replace(/\.br$/, ""), content }];
    for (const file of files) await writeFile(join(beside, file.name), file.content, { mode: 0o755 });
  }
  await writeFile(join(beside, "complete"), "");
  await rename(beside, cache).catch(() => rm(beside, { recursive: true, force: true }));
  return cache;
}

function packageFolder(file: string): string {
  const marker = join("node_modules", "@sparticuz", "chromium");
  return file.slice(0, file.lastIndexOf(marker) + marker.length);
}

/** The plain files of a tar archive: https://www.gnu.org/software/tar/manual/html_node/Standard.html */
export function* tarFiles(archive: Uint8Array): Generator<{ name: string; content: Uint8Array }> {
  const text = (from: number, length: number): string => {
    const bytes = archive.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  };
  for (let header = 0; header + 512 <= archive.length && archive[header] !== 0;) {
    const name = text(header, 100);
    const size = parseInt(text(header + 124, 12), 8);
    const type = text(header + 156, 1);
    const start = header + 512;
    // By their own names, without their folders, and none that climbs out: nothing may be written elsewhere.
    if ((type === "0" || type === "") && /^[\w.+/-]+$/.test(name) && !name.includes("../"))
      yield { name: basename(name), content: archive.subarray(start, start + size) };
    header = start + Math.ceil(size / 512) * 512;
  }
}

/** Prints the name of the GPU that Dawn finds, if it finds one. */
const probeScript = `
import { create } from "webgpu";
const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (adapter) {
  const { vendor, architecture, device, description } = adapter.info;
  process.stdout.write((device || description) + " (" + vendor + " " + architecture + ")");
}
`;

/**
 * The name of the GPU in this environment, or undefined. Looked for in a process of its own, since a process keeps the Vulkan loader
 * that it found first.
 */
async function probe(environment: Environment): Promise<string | undefined> {
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", probeScript], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { ...process.env, ...environment },
    timeout: 60_000,
  });
  return run.then(
    ({ stdout }) => stdout || undefined,
    () => undefined,
  );
}
