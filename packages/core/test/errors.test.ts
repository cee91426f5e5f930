// The documented failures are the ones there are.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { closeCodes, errorKinds, exitCodes, TabgradError } from "../src/errors.ts";

const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
const rows = (pattern: RegExp): string[][] => [...page.matchAll(pattern)].map((match) => match.slice(1));

it("documents every code with its kind, and no other", () => {
  expect(Object.fromEntries(rows(/^\| `([A-Z_]+)` +\| `(\w+)`/gm))).toEqual(errorKinds);
});

it("documents every exit code", () => {
  const documented = rows(/^\| (\d+) +\| `(\w+)`/gm).map(([code, kind]) => [kind, Number(code)]);
  expect(Object.fromEntries(documented)).toEqual(exitCodes);
});

it("documents every close code", () => {
  const documented = rows(/^\| (4\d{3}) \|/gm).map(([code]) => Number(code));
  expect(documented).toEqual(Object.values(closeCodes));
});

it("gives an error the exit code of its kind", () => {
  expect(new TabgradError("DIVERGED", "", "").exitCode).toBe(6);
});
