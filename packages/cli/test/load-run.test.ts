// Run files that can't be evaluated: the line, what is wrong in words of the file, and what was meant.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadRunFile } from "../src/load-run.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tabgrad-run-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const load = (text: string): ReturnType<typeof loadRunFile> => {
  const file = join(folder, `run-${files++}.ts`);
  writeFileSync(file, text);
  return loadRunFile(file);
};

describe("a run file that can't be evaluated", () => {
  it.each([
    [
      "a misspelled import",
      'import { danse } from "tabgrad";\n\nexport default danse(4);',
      ":3",
      "tabgrad exports no danse",
      "Did you mean dense?",
    ],
    [
      "a missing import",
      'import { relu } from "tabgrad";\nexport default [relu(), dense(4)];',
      ":2",
      "dense is not defined",
      'Import it: import { dense } from "tabgrad";',
    ],
    [
      "a misspelled name",
      "export default danse(4);",
      ":1",
      "danse is not defined",
      'Did you mean dense? Import it, too: import { dense } from "tabgrad";',
    ],
    ["another name", "export default qqq(4);", ":1", "qqq is not defined", "Correct the file"],
    [
      "an error",
      "type A = { b: number };\nconst f = (a: A): number => {\n  throw new Error(`no ${a.b}`);\n};\nexport default f({ b: 1 });",
      ":3",
      "no 1",
      "Correct the file",
    ],
    [
      "a file that is not there",
      'import "./nope.ts";\nexport default 1;',
      ":1",
      "Cannot find module './nope.ts'",
      "Correct the file",
    ],
  ])("has %s", async (_, text, line, what, remedy) => {
    const file = join(folder, `run-${files}.ts`);
    await expect(load(text)).rejects.toMatchObject({
      code: "RUN_FILE_UNREADABLE",
      message: `${file}${line} cannot be evaluated: ${what}`,
      remedy: expect.stringContaining(remedy) as string,
    });
  });

  it("does not parse: one line", async () => {
    await expect(load("export default defineRun({ data: ")).rejects.toMatchObject({
      code: "RUN_FILE_UNREADABLE",
      message: expect.stringMatching(/^[^\n]*run-\d+\.ts cannot be evaluated: [^\n]*run-\d+\.ts:1:\d+[^\n]*$/) as string,
    });
  });
});
