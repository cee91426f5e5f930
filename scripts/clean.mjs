// Removes what the commands of this repository wrote: everything but node_modules, and the runs that somebody trained.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const packages = readdirSync(join(root, "packages")).map((name) => join("packages", name));
const written = [".nx", ".turbo", "coverage", "dist", "gen", "out", "test-results"];

for (const directory of [".", "bench", "e2e", "examples", ...packages]) {
  for (const name of written) rmSync(join(root, directory, name), { recursive: true, force: true });
}
