// A coordinator that stays when its run is over: its pages and what they ask for are there until it is closed.
import { checkRun, crossEntropy, csv, dense, initialParameters, resolveRun, sequential, sgd } from "@tabgrad/core";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { openDataset } from "@tabgrad/data";
import { startCoordinator, type RunningCoordinator } from "../src/index.ts";

let folder: string;
let warnings: string[];
beforeEach(async () => {
  warnings = [];
  folder = await mkdtemp(join(tmpdir(), "tabgrad-stay-"));
  const rows = Array.from({ length: 40 }, (_, i) => `${i % 7},${i % 5},${i % 2 ? "odd" : "even"}`);
  await writeFile(join(folder, "data.csv"), ["length,width,kind", ...rows].join("\n"));
  await writeFile(join(folder, "index.html"), "<title>watch</title>");
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function start(options: { readonly stay?: boolean; readonly pages: string }): Promise<RunningCoordinator> {
  const settings = checkRun({
    data: csv({ path: "data.csv", label: "kind", test: { fraction: 0.2 } }),
    model: sequential(dense(2)),
    loss: crossEntropy(),
    optimizer: sgd({ learningRate: 1 }),
    batchSize: 16,
    steps: 2,
  });
  const dataset = await openDataset(settings.data, { baseDirectory: folder, seed: settings.seed });
  const run = resolveRun(settings, dataset.description);
  return startCoordinator({
    ...{
      run,
      dataset,
      name: "odd",
      baseDirectory: folder,
      host: "127.0.0.1",
      port: 0,
      startWorkers: 1,
      minWorkers: 1,
      software: "test",
    },
    initial: initialParameters(run.graph, settings.seed),
    directory: join(folder, "run"),
    onEvent: () => undefined,
    onWarning: (message) => warnings.push(message),
    ...options,
  });
}

describe("when its run is over, a coordinator", () => {
  it("that was told to stay serves its pages, and lets nobody join", async () => {
    const coordinator = await start({ stay: true, pages: folder });
    coordinator.stop("enough");
    expect(await coordinator.done).toMatchObject({ outcome: "stopped", why: "enough" });
    expect(await (await fetch(coordinator.url)).text()).toBe("<title>watch</title>");
    expect(await (await fetch(`${coordinator.url}/run.json`)).json()).toMatchObject({ name: "odd" });
    const parameters = await (await fetch(`${coordinator.url}/parameters`)).arrayBuffer();
    expect(parameters.byteLength).toBe(4 * (2 * 2 + 2));
    const late = new WebSocket(`${coordinator.url.replace("http", "ws")}/worker`);
    const [, response] = (await once(late, "unexpected-response")) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(503);
    await coordinator.close();
    await expect(fetch(coordinator.url)).rejects.toThrow("fetch failed");
  });

  it("that was not is gone", async () => {
    const coordinator = await start({ pages: folder });
    coordinator.stop("enough");
    await coordinator.done;
    await expect(fetch(coordinator.url)).rejects.toThrow("fetch failed");
    await coordinator.close();
  });
});

it("trains without pages where they can't be read, and says so", async () => {
  const coordinator = await start({ pages: join(folder, "nowhere") });
  expect(warnings).toEqual([expect.stringContaining("The web pages can't be served")]);
  expect(await (await fetch(coordinator.url)).text()).toContain("This is a tabgrad coordinator");
  expect(coordinator.links.watch).toEqual([`${coordinator.url}/`]);
  coordinator.stop("enough");
  await coordinator.done;
});
