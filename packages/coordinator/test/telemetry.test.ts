// The journal on a real disk, and the rate under a virtual clock.
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Journal, journalFile, readJournal } from "../src/telemetry/journal.ts";
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
