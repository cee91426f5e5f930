// PyTorch beside us, where a Python on this machine has it.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Torch {
  readonly python: string;
  readonly version: string;
}

/** PyTorch, if one of the usual Pythons has it. */
export function findTorch(): Torch | undefined {
  for (const python of [process.env.PYTHON, "python3", "/usr/bin/python3"]) {
    if (!python) continue;
    try {
      const version = execFileSync(python, ["-c", "import torch; print(torch.__version__)"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      return { python, version: version.trim() };
    } catch {
      continue;
    }
  }
  return undefined;
}

/** What one of peers/ prints. */
export function runTorch<T>({ python }: Torch, name: string, ...args: readonly (string | number)[]): T {
  const peer = fileURLToPath(new URL(`peers/${name}.py`, import.meta.url));
  const printed = execFileSync(python, [peer, ...args.map(String)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(printed) as T;
}
