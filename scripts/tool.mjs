// Runs turbo or nx as this repository wants them: `node scripts/tool.mjs turbo run build`. Some of what we want of them can be
// said in the environment only: no telemetry, no update check, no daemon, no prompt.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

const environment = {
  DO_NOT_TRACK: "1",
  TURBO_TELEMETRY_DISABLED: "1",
  TURBO_NO_UPDATE_NOTIFIER: "1",
  NX_DAEMON: "false",
  NX_NO_CLOUD: "true",
  NX_INTERACTIVE: "false",
  NX_TUI: "false",
  // Otherwise nx keeps the output of a task that succeeds to itself, with the warning below.
  NX_DEFAULT_OUTPUT_STYLE: "stream",
};

// With this warning nx's import rules let everything pass. It comes with exit code 0.
const unchecked = "No cached ProjectGraph";

/**
 * Runs a tool from node_modules in the root and resolves to its exit code, or to 1 when import rules went unchecked.
 * @param {string} name the package, whose command has the same name
 * @param {string[]} args
 * @param {(text: string) => void} [print] takes what the tool prints, of both kinds; where it is left out, that is printed as it comes
 * @returns {Promise<number>}
 */
export async function runTool(name, args, print) {
  const manifest = require.resolve(`${name}/package.json`);
  const { bin } = require(manifest);
  const script = join(dirname(manifest), typeof bin === "string" ? bin : bin[name]);
  const child = spawn(process.execPath, [script, ...args], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { ...process.env, ...environment },
    stdio: print || name === "nx" ? ["ignore", "pipe", "pipe"] : "inherit",
  });

  let seen = false;
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ]) {
    let tail = "";
    from?.setEncoding("utf8").on("data", (chunk) => {
      if (print) print(chunk);
      else to.write(chunk);
      const text = tail + chunk;
      seen ||= text.includes(unchecked);
      tail = text.slice(-unchecked.length);
    });
  }

  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve(exitCode ?? 1));
  });
  if (!seen) return code;
  console.error(`${name}: it said "${unchecked}", which means that no import rule was checked.`);
  return code || 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, ...args] = process.argv.slice(2);
  process.exitCode = await runTool(name, args);
}
