// Looking for a GPU in Node, with one and without.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { openGpu } from "../src/node.ts";
import { tarFiles } from "../testing/swiftshader.ts";

describe("looking for a GPU", () => {
  it("finds the one that the tests run on, with what it can do", async () => {
    const opening = await openGpu();
    if (!opening.available) throw new Error(opening.message);
    expect(opening.report.name).not.toBe("");
    expect(opening.report.limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8);
    expect(opening.report.features).toEqual([...opening.report.features].sort());
  });

  it.runIf(process.platform === "linux")(
    "says in one line what is missing where there is no Vulkan, and Dawn keeps quiet",
    async () => {
      const source = `
      const process_ = process;
      const open = process_.dlopen.bind(process_);
      process_.dlopen = (module, file, ...rest) => {
        if (file !== "libvulkan.so.1") return open(module, file, ...rest);
        throw new Error("libvulkan.so.1: cannot open shared object file: No such file or directory");
      };
      const { openGpu } = await import("./src/node.ts");
      process_.stdout.write(JSON.stringify(await openGpu()));
    `;
      const home = fileURLToPath(new URL("..", import.meta.url));
      const run = promisify(execFile);
      const args = ["--import", "tsx", "--conditions=@tabgrad/source", "--input-type=module", "--eval", source];
      const { stdout, stderr } = await run(process.execPath, args, { cwd: home });
      expect(JSON.parse(stdout)).toMatchObject({
        available: false,
        reason: "no-adapter",
        message: expect.stringContaining("libvulkan.so.1") as string,
      });
      expect(stderr).toBe("");
    },
  );
});

describe("the tar reader", () => {
  const header = (name: string, size: number, type = "0"): Uint8Array => {
    const block = new Uint8Array(512);
    block.set(new TextEncoder().encode(name), 0);
    block.set(new TextEncoder().encode(size.toString(8).padStart(11, "0")), 124);
    block.set(new TextEncoder().encode(type), 156);
    return block;
  };
  const padded = (text: string): Uint8Array => {
    const block = new Uint8Array(Math.ceil(text.length / 512) * 512);
    block.set(new TextEncoder().encode(text));
    return block;
  };

  it("gives the plain files by their own names, and nothing that points elsewhere", () => {
    const archive = [
      ...[
        header("folder/", 0, "5"),
        header("./one.txt", 3),
        padded("one"),
        header("lib/four.so", 4),
        padded("four"),
        header("../two.txt", 3),
        padded("two"),
      ],
      ...[header("three.so.1", 600), padded("3".repeat(600)), new Uint8Array(1024)],
    ];
    const files = [...tarFiles(Buffer.concat(archive))].map(({ name, content }) => [name, new TextDecoder().decode(content)]);
    expect(files).toEqual([
      ["one.txt", "one"],
      ["four.so", "four"],
      ["three.so.1", "3".repeat(600)],
    ]);
  });
});
