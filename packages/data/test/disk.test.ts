// Datasets that do not fit into memory: the same shards as in memory, kept for the next time, whatever happens in between.
import { fork } from "node:child_process";
import { mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { csv, type DataSpec, idx, text } from "@tabgrad/core";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { cacheFolder } from "../src/cache/folder.ts";
import { type Dataset, type DataProgress, openDataset, type OpenOptions } from "../src/index.ts";
import { idxBytes, openFilesIn, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();

/** So little that a bucket is a single shard. */
const memory = 1 << 19;
const count = 12_000;

const specs: Record<string, DataSpec> = {
  idx: idx({ train: { images: "images", labels: "labels" }, test: { images: "test-images", labels: "test-labels" } }),
  "idx with a share held out": idx({
    train: { images: "images", labels: "labels" },
    test: { fraction: 0.25 },
    normalise: "standard",
  }),
  csv: csv({ path: "rows-*.csv", label: "y" }),
  text: text({ path: "text.txt", length: 128, stride: 16 }),
};

beforeAll(async () => {
  const bytes = (length: number) => Array.from({ length }, (_, i) => (i * 2654435761) >>> 24);
  await folder.write("images", idxBytes(0x08, [count, 15, 20], bytes(count * 300)));
  await folder.write("labels", idxBytes(0x08, [count], bytes(count)));
  await folder.write("test-images", idxBytes(0x08, [900, 15, 20], bytes(900 * 300)));
  await folder.write("test-labels", idxBytes(0x08, [900], bytes(900)));
  const row = (i: number) => `${[i, i / 7, ...bytes(28)].join(",")},${["red", "blue"][i % 2]},${i % 3}`;
  const header = `${Array.from({ length: 30 }, (_, c) => `c${c}`).join(",")},colour,y`;
  for (const part of [0, 1]) {
    const rows = Array.from({ length: count / 2 }, (_, i) => row(i + (part * count) / 2));
    await folder.write(`rows-${part}.csv`, `${header}\n${rows.join("\n")}\n`);
  }
  await folder.write("text.txt", "the quick brown fox jumps over the lazy dog, and so on; ".repeat(1500));
});

const opened: Dataset[] = [];

async function open(spec: DataSpec, options: Partial<OpenOptions> = {}): Promise<Dataset> {
  const cache = join(folder.path(), "cache");
  const dataset = await openDataset(spec, { baseDirectory: folder.path(), seed: 1, cache, ...options });
  opened.push(dataset);
  return dataset;
}

afterEach(async () => {
  for (const dataset of opened.splice(0)) await dataset.close();
  expect(openFilesIn(folder.path())).toEqual([]);
});

/** The bytes of all shards in order. */
async function contents({ description, store }: Dataset): Promise<Buffer[]> {
  return Promise.all(description.shards.map(async ({ hash }) => Buffer.from(await store.read(hash))));
}

async function expectSame(a: Dataset, b: Dataset): Promise<void> {
  expect(a.description).toEqual(b.description);
  const [ours, theirs] = [await contents(a), await contents(b)];
  expect(ours.every((bytes, s) => bytes.equals(theirs[s]))).toBe(true);
}

describe.each(Object.entries(specs))("%s on disk", (name, spec) => {
  const cache = (): string => join(folder.path(), `cache-${name}`);

  it("has the shards that it has in memory, and reads nothing the next time", async () => {
    const inMemory = await open(spec, { cache: join(folder.path(), "unused") });
    await expect(stat(join(folder.path(), "unused"))).rejects.toThrow();
    const events: DataProgress[] = [];
    const options = { cache: cache(), memory, onProgress: (event: DataProgress) => void events.push(event) };
    await expectSame(await open(spec, options), inMemory);
    expect(events.filter(({ activity }) => activity === "write").at(-1)).toMatchObject({ done: events.at(-1)!.total });
    events.length = 0;
    await expectSame(await open(spec, options), inMemory);
    expect(events).toEqual([]);
    expect(await readdir(join(cache(), "datasets"))).toHaveLength(1);
  });

  it("goes on from wherever it was cut off, and comes to the same", async () => {
    const expected = await open(spec, { cache: join(folder.path(), "unused") });
    const options = { cache: join(folder.path(), `cut-${name}`), memory };
    const firsts: number[] = [];
    let opened: Dataset | undefined;
    // Each start is cut off later than the one before.
    for (let events = 1; opened === undefined; events += 1) {
      let left = events;
      let first: number | undefined;
      const onProgress = ({ activity, done }: DataProgress): void => {
        if (activity === "look") return;
        if (activity === "read") first ??= done;
        left -= 1;
        if (left === 0) throw new Error("cut off");
      };
      opened = await open(spec, { ...options, onProgress }).catch((error: Error) => {
        if (error.message !== "cut off") throw error;
        return undefined;
      });
      if (first !== undefined) firsts.push(first);
    }
    await expectSame(opened, expected);
    // Later starts began to read further on.
    expect(Math.max(...firsts)).toBeGreaterThan(firsts[0]);
  });
});

describe("a dataset on disk", () => {
  it("keeps its file open until it is closed, twice if need be", async () => {
    const dataset = await open(specs["csv"], { cache: join(folder.path(), "cache-closed"), memory });
    expect(openFilesIn(folder.path())).toEqual([expect.stringMatching(/shards\.bin$/)]);
    const reading = contents(dataset);
    await dataset.close();
    expect(openFilesIn(folder.path())).toEqual([]);
    expect((await reading).length).toBe(dataset.description.shards.length);
    await dataset.close();
  });

  it("goes on in another process after one was killed in the middle", { timeout: 60_000 }, async () => {
    const spec = specs["csv"];
    const cache = join(folder.path(), "cache-killed");
    const expected = await open(spec, { cache: join(folder.path(), "unused") });
    const kill = (activity: DataProgress["activity"], event: number): Promise<void> =>
      new Promise((resolve, reject) => {
        const child = fork(join(import.meta.dirname, "reading-process.ts"), {
          execArgv: ["--import", "tsx", "--conditions=@tabgrad/source"],
        });
        let seen = 0;
        child.on("message", (progress: DataProgress) => {
          if (progress.activity !== activity) return;
          seen += 1;
          if (seen === event) child.kill("SIGKILL");
        });
        child.on("exit", (code, signal) => (signal === "SIGKILL" ? resolve() : reject(new Error(`it ended with ${code}`))));
        child.send({ spec, folder: folder.path(), cache, memory });
      });
    await kill("read", 2);
    await kill("read", 1);
    await kill("write", 1);
    await expectSame(await open(spec, { cache, memory }), expected);
  });

  it("is another one for other files, options or seeds, and the same for options in another order", async () => {
    const cache = join(folder.path(), "cache-keys");
    const entries = async () => (await readdir(join(cache, "datasets"))).length;
    const spec = { kind: "csv", path: "rows-0.csv", label: "y", normalise: "none" } as const;
    await open(spec, { cache, memory });
    await open({ normalise: "none", label: "y", path: "rows-0.csv", kind: "csv" }, { cache, memory });
    expect(await entries()).toBe(1);
    await open(spec, { cache, memory, seed: 2 });
    expect(await entries()).toBe(2);
    await utimes(join(folder.path(), "rows-0.csv"), 1, 1);
    await open(spec, { cache, memory });
    expect(await entries()).toBe(3);
  });

  it("finds out damage", async () => {
    const cache = join(folder.path(), "cache-damaged");
    const first = await open(specs["idx"], { cache, memory });
    const [name] = await readdir(join(cache, "datasets"));
    const path = join(cache, "datasets", name, "shards.bin");
    const bytes = await readFile(path);
    bytes[100] ^= 1;
    await writeFile(path, bytes);
    const damaged = await open(specs["idx"], { cache, memory });
    const refused = await refusal(() => damaged.store.read(damaged.description.shards[0].hash));
    expect(refused.code).toBe("DATA_SHARD_CORRUPT");
    expect(refused.message).toContain(path);
    // A file that is too short is made again.
    await truncate(path, 1000);
    await expectSame(await open(specs["idx"], { cache, memory }), await open(specs["idx"]));
    expect(first.store.has("0".repeat(64))).toBe(false);
  });

  it("is left alone while another process makes it, and taken over from one that died", async () => {
    const cache = join(folder.path(), "cache-locked");
    await open(specs["idx"], { cache, memory });
    const [name] = await readdir(join(cache, "datasets"));
    const elsewhere = join(folder.path(), "cache-other");
    const lock = join(elsewhere, "datasets", `${name}.partial.lock`);
    await mkdir(join(elsewhere, "datasets"), { recursive: true });
    await writeFile(lock, `${process.ppid}`);
    const refused = await refusal(() => open(specs["idx"], { cache: elsewhere, memory }));
    expect(refused).toMatchObject({ code: "DATA_CACHE_UNUSABLE" });
    expect(refused.message).toContain(`process ${process.ppid} reads the same data`);
    await writeFile(lock, `${2 ** 22 + 1}`);
    expect((await open(specs["idx"], { cache: elsewhere, memory })).description.train.samples).toBe(count);
  });

  it("keeps nothing of data that is wrong, and says what is wrong with it", async () => {
    const good = Array.from({ length: 60_000 }, (_, i) => `${i},${i % 2}`).join("\n");
    await folder.write("late.csv", `a,y\n${good}\n1,x\n`);
    const cache = join(folder.path(), "cache-wrong");
    const spec = csv({ path: "late.csv", label: "y", task: "classes", classes: ["0", "1"] });
    expect((await refusal(() => open(spec, { cache, memory: 4096 }))).message).toContain("late.csv:60002: column");
    expect(await readdir(join(cache, "datasets"))).toEqual([]);
  });

  it("says so where its folder can't be written, or somebody wants to stop", async () => {
    await folder.write("file", "");
    const refused = await refusal(() => open(specs["idx"], { cache: join(folder.path(), "file"), memory }));
    expect(refused.code).toBe("DATA_CACHE_UNUSABLE");
    expect(refused.remedy).toContain("--cache");
    const stopped = await refusal(() => open(specs["idx"], { signal: AbortSignal.abort() }));
    expect(stopped.code).toBe("INTERRUPTED");
  });
});

describe("the cache folder", () => {
  it("is where each operating system has caches", () => {
    expect(cacheFolder({ platform: "linux", env: {}, home: "/home/a" })).toBe("/home/a/.cache/tabgrad");
    expect(cacheFolder({ platform: "linux", env: { XDG_CACHE_HOME: "/big" }, home: "/home/a" })).toBe("/big/tabgrad");
    expect(cacheFolder({ platform: "linux", env: { XDG_CACHE_HOME: "big" }, home: "/home/a" })).toBe("/home/a/.cache/tabgrad");
    expect(cacheFolder({ platform: "darwin", env: {}, home: "/Users/a" })).toBe("/Users/a/Library/Caches/tabgrad");
    expect(cacheFolder({ platform: "win32", env: { LOCALAPPDATA: "D:\\local" }, home: "C:\\a" })).toBe("D:\\local\\tabgrad\\Cache");
  });
});
