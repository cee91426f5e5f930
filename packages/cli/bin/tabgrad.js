#!/usr/bin/env -S node --single-threaded-gc --min-semi-space-size=4 --initial-old-space-size=512
// The `tabgrad` command. Plain JavaScript that exists before a build does, so that npm can link it and an unbuilt checkout says
// what it lacks.
//
// The flags are for speed alone. Gradients and parameters pass through short-lived buffers, a megabyte or more in every step, and V8
// takes them for a growing heap: without the flags it marks all of it 245 times in 1,200 steps of the MNIST example, on all cores,
// which the engines need themselves. With them it does so twice, and throughput is a quarter higher. Workers started by `tabgrad
// train` inherit them.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);

if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write("tabgrad is not built. In its repository run `npm ci`, or `npm run build` if that was done already.\n");
  process.exitCode = 1;
}
