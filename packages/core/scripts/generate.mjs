// Turns proto/tabgrad.proto into gen/tabgrad.js and gen/tabgrad.d.ts, which the rest of the package reaches as `#proto`.
// Static code, because reflection needs `eval`, which a strict page policy forbids. Both files are written anew by every build
// and are not in git.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pbjs from "protobufjs-cli/pbjs.js";

const contract = fileURLToPath(new URL("../../../proto/tabgrad.proto", import.meta.url));
const directory = fileURLToPath(new URL("../gen/", import.meta.url));

const options = [
  ...["--target", "static-module", "--wrap", "esm", "--dts"],
  // Its own name in protobufjs' table of roots, which everybody in a process shares.
  ...["--root", "tabgrad"],
  // Only what the codec uses: create, encode, decode.
  ...["--no-verify", "--no-convert", "--no-delimited", "--no-typeurl", "--no-service"],
  ...["--out", `${directory}tabgrad.js`],
  contract,
];

mkdirSync(directory, { recursive: true });
pbjs.main(options, (error) => {
  if (error) {
    console.error(`generate: ${contract}: ${error.message}`);
    process.exitCode = 1;
  }
});
