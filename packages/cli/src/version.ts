// The version of this package, from its package.json: the one place it is written.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const manifest = fileURLToPath(new URL("../package.json", import.meta.url));

export const version = (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
