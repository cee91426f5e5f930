// What is said of a run's folder that can't be written to.
import { TabgradError } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { makeWritable, unwritable } from "../src/folder/index.ts";

describe("a folder that can't be written to", () => {
  it.each([
    ["ENOSPC", "Cannot write to runs/a: the disk is full"],
    ["EROFS", "Cannot write to runs/a: the disk is read-only"],
    ["EACCES", "Cannot write to runs/a: permission denied"],
  ])("%s", (code, message) => {
    const found = unwritable("runs/a", Object.assign(new Error("permission denied"), { code }), makeWritable);
    expect(found).toMatchObject({ code: "OUTPUT_UNWRITABLE", message, remedy: makeWritable });
  });

  it("has the name that it has already", () => {
    const known = new TabgradError("OUTPUT_IN_USE", "", "");
    expect(unwritable("runs/a", known, makeWritable)).toBe(known);
  });
});
