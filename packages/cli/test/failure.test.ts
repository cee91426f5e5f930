// Failures in words: known ones with their code and remedy, unknown ones as the defects they are.
import { TabgradError } from "@tabgrad/core";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { asTabgradError, describeFailure } from "../src/failure.ts";

const known = new TabgradError("PORT_IN_USE", "Port 7070 is in use", "Choose another one.", { cause: new Error("EADDRINUSE") });
const text = (error: unknown, verbose: boolean): string => stripVTControlCharacters(describeFailure(error, verbose).text);

describe("a failure", () => {
  it("says what came, what to do, and its code", () => {
    expect(text(known, false)).toBe("error PORT_IN_USE  Port 7070 is in use\n      Choose another one.");
    expect(describeFailure(known, false).exitCode).toBe(4);
  });

  it("shows where it happened, and what caused it, if asked", () => {
    expect(text(known, true)).toMatch(/at .*failure\.test\.ts/);
    expect(text(known, true)).toContain("caused by Error: EADDRINUSE");
  });

  it("that nobody foresaw is a defect, and asks to be reported", () => {
    expect(text(new TypeError("x is not a function"), false)).toMatch(/INTERNAL {2}x is not a function\n.*defect.*report/);
    expect(describeFailure("just a string", false).exitCode).toBe(1);
  });

  it("of another copy of the package is known as well", () => {
    const foreign = Object.assign(new Error("no"), { name: "TabgradError", code: "MODEL_INVALID", remedy: "r" });
    expect(asTabgradError(foreign)).toBe(foreign);
    expect(asTabgradError(Object.assign(new Error("no"), { name: "TabgradError", code: "NONSENSE" }))).toBeUndefined();
    expect(asTabgradError(undefined)).toBeUndefined();
  });
});
