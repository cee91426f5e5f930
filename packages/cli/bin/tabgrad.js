#!/usr/bin/env node
// The `tabgrad` command. Plain JavaScript that exists before a build does, so that npm can link it and an unbuilt checkout says
// what it lacks.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);

if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write("tabgrad is not built. In its repository run `npm ci`, or `npm run build` if that was done already.\n");
  process.exitCode = 1;
}
