// Folders within folders, and what stands in their way.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeFolders } from "../src/files/make-folders.ts";
import { testFolder } from "./data-files.ts";

const folder = testFolder();

describe("makeFolders", () => {
  it("makes all that are missing, also twice and at the same time", async () => {
    const path = join(folder.path(), "a/b/c");
    await Promise.all([makeFolders(path), makeFolders(path), makeFolders(join(folder.path(), "a/b/d"))]);
    await makeFolders(path);
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it("says that a file is in the way", async () => {
    const file = await folder.write("file", "");
    await expect(makeFolders(file)).rejects.toThrow("there is a file of that name");
    await expect(makeFolders(join(file, "inside"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  it.runIf(existsSync("/proc/self"))("gives up where a file system takes no folders", async () => {
    await expect(makeFolders("/proc/none/inside")).rejects.toMatchObject({ code: "ENOENT" });
  });
});
