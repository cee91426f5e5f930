// The journal on a real disk, and the rate under a virtual clock.
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followJournal, Journal, journalFile, readJournal } from "../src/telemetry/journal.ts";
import { Rate } from "../src/telemetry/rate.ts";
import type { TelemetryEvent } from "@tabgrad/core";

const evaluation: TelemetryEvent = { event: "eval", step: 3, epoch: 1, loss: 0.5, metrics: { accuracy: 0.75 }, samples: 100 };

describe("the journal", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tabgrad-journal-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("is read back as it was written, across restarts", async () => {
    const path = join(directory, journalFile);
    for (const time of [1, 2]) {
      const journal = await Journal.open(directory);
      journal.append(evaluation, time);
      await journal.close();
    }
    expect(await readJournal(path)).toEqual([
      { time: 1, event: evaluation },
      { time: 2, event: evaluation },
    ]);
  });

  it("ends at a record that a crash cut off", async () => {
    const path = join(directory, journalFile);
    const journal = await Journal.open(directory);
    journal.append(evaluation, 1);
    await journal.close();
    await appendFile(path, Uint8Array.of(0x82, 0xa4, 0x74));
    expect(await readJournal(path)).toHaveLength(1);
  });

  it("goes on after the last whole record, and cuts off what follows", async () => {
    const path = join(directory, journalFile);
    const first = await Journal.open(directory);
    for (const time of [1, 2]) first.append(evaluation, time);
    await first.close();
    for (const torn of [Uint8Array.of(0x82, 0xa4, 0x74), new Uint8Array(500), Uint8Array.of(0xc1), new Uint8Array(0)]) {
      await appendFile(path, torn);
      const times: number[] = [];
      const { bytes, torn: isTorn } = await followJournal(path, ({ time }) => times.push(time));
      expect(times.slice(0, 2)).toEqual([1, 2]);
      expect(isTorn).toBe(torn.length > 0);
      const journal = await Journal.open(directory, { bytes });
      journal.append(evaluation, 9);
      await journal.close();
      expect((await readJournal(path)).at(-1)).toEqual({ time: 9, event: evaluation });
    }
    expect(await readJournal(path)).toHaveLength(6);
  });

  it("has on the disk what it was told to save, whenever it was told", async () => {
    const journal = await Journal.open(directory);
    await journal.sync();
    for (let time = 1; time <= 20; time++) {
      journal.append(evaluation, time);
      const saved = journal.sync();
      journal.append(evaluation, time + 0.5);
      await saved;
      expect((await readJournal(join(directory, journalFile))).map((record) => record.time)).toContain(time);
    }
    await journal.close();
    expect(await readJournal(join(directory, journalFile))).toHaveLength(40);
  });

  it("is read in pieces, wherever they end", async () => {
    const journal = await Journal.open(directory);
    const long = { ...evaluation, metrics: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`metric ${i}`, i])) };
    for (let time = 0; time < 400; time++) journal.append(long, time);
    await journal.close();
    const records = await readJournal(join(directory, journalFile));
    expect(records.map(({ time }) => time)).toEqual(Array.from({ length: 400 }, (_, i) => i));
  });

  it("says at once that it can't be written", async () => {
    await writeFile(join(directory, "file"), "");
    await expect(Journal.open(join(directory, "file", "run"))).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });
});

describe("the rate", () => {
  it("is that of the window, not of all time", () => {
    const rate = new Rate(1000);
    rate.restart(0);
    for (let time = 100; time <= 2000; time += 100) rate.add(10, time);
    for (let time = 2100; time <= 5000; time += 100) rate.add(50, time);
    expect(rate.add(50, 5100)).toBeCloseTo(500, 0);
  });

  it("forgets a pause", () => {
    const rate = new Rate(1000);
    rate.restart(0);
    rate.add(100, 100);
    rate.restart(60_000);
    expect(rate.add(100, 60_100)).toBeCloseTo(1000, 0);
  });
});
