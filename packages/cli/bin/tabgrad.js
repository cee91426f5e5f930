#!/usr/bin/env node
// The `tabgrad` command. Plain JavaScript that exists before a build does, so that npm can link it and an unbuilt checkout says
// what it lacks.
import { existsSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

// Gradients and parameters pass through short-lived buffers, a megabyte or more in every step. V8 takes them for a growing heap and
// begins to mark all of it some twenty times a second, on all cores: 245 times in 1,200 steps of the MNIST example. So threads begin
// with room, and this one, whose heap is there already, collects when it has to and not ahead of time: 2 to 6 times.
setFlagsFromString("--initial-old-space-size=512");
setFlagsFromString("--no-incremental-marking");

const main = new URL("../dist/main.js", import.meta.url);

if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write("tabgrad is not built. In its repository run `npm ci`, or `npm run build` if that was done already.\n");
  process.exitCode = 1;
}
