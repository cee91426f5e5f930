// Those who watch, at their limits: slow ones, too many of them, and those that talk nonsense.
import { follow, initialView, packView, watchPath, type Links, type TelemetryEvent } from "@tabgrad/core";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ControlKey } from "../src/rim/control-key.ts";
import { routeUpgrades } from "../src/rim/upgrades.ts";
import { Watchers } from "../src/rim/watchers.ts";
import { RawViewer } from "./raw-viewer.ts";

const links: Links = { watch: [], join: [], worker: [] };

let server: Server;
let watchers: Watchers;
let url: string;
let view = initialView();
let seconds: number;

beforeEach(async () => {
  view = initialView();
  seconds = 0;
  watchers = new Watchers({
    key: new ControlKey("secret"),
    view: () => view,
    links: () => links,
    onSecond: () => seconds++,
    histograms: () => undefined,
    control: () => undefined,
    maxViewers: 3,
  });
  server = createServer();
  server.on("upgrade", routeUpgrades(new Map([[watchPath, watchers.server]])));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await watchers.close("the test is over", 100);
  await new Promise((resolve) => server.close(resolve));
});

let clock = 0;
function tell(event: TelemetryEvent): void {
  view = follow(view, ++clock, event);
  watchers.queue(clock, event);
}

const paused = (step: number): TelemetryEvent => ({ event: "decision", step, reason: { kind: "paused" } });
const wordy = (step: number): TelemetryEvent => ({
  event: "decision",
  step,
  reason: { kind: "discarded", worker: "w", why: "x".repeat(3_000_000) },
});

describe("a page that does not read", () => {
  it("is passed over until it reads again, and then begins anew, while others miss nothing", async () => {
    const [slow, quick] = await Promise.all([RawViewer.watch(url), RawViewer.watch(url)]);
    slow.pause();
    // More than the operating system holds for it: each batch is read by the one before the next is told.
    const batches = 8;
    for (let step = 1; step <= batches; step++) {
      tell(wordy(step));
      await quick.seen(({ decisions }) => decisions.at(-1)?.step === step);
    }
    slow.resume();
    await slow.record("snapshot", () => slow.ofKind("snapshot").length === 2);
    tell(paused(batches + 1));
    const [seen] = await Promise.all([slow, quick].map((viewer) => viewer.seen(({ phase }) => phase === "paused")));
    expect(packView(seen).decisions).toEqual(packView(view).decisions);
    expect(slow.ofKind("events").length).toBeLessThan(quick.ofKind("events").length);
    expect(quick.ofKind("snapshot")).toHaveLength(1);
  });
});

describe("pages that come between two broadcasts", () => {
  it("get what their snapshot does not hold, once", async () => {
    const first = await RawViewer.watch(url);
    tell(paused(1));
    await first.seen(({ decisions }) => decisions.length === 1);
    // The next broadcast is a while off: these wait.
    tell(paused(2));
    tell(paused(3));
    const second = await RawViewer.watch(url);
    tell(paused(4));
    for (const viewer of [first, second]) {
      const { decisions } = await viewer.seen((seen) => seen.decisions.at(-1)?.step === 4);
      expect(decisions.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    }
  });
});

describe("nobody who watches", () => {
  it("leaves nothing running", async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    tell(paused(1));
    expect(timers()).toBe(before);
    expect(seconds).toBe(0);
    const viewer = await RawViewer.watch(url);
    expect(seconds).toBe(1);
    expect(viewer.view?.decisions).toHaveLength(1);
  });
});

describe("a page", () => {
  it("too many is told so", async () => {
    await Promise.all(Array.from({ length: 3 }, () => RawViewer.watch(url)));
    const viewer = await RawViewer.connect(url);
    expect(await viewer.closed).toEqual({ code: 1013, reason: "3 pages watch this run already; try again later" });
    expect(viewer.records).toEqual([]);
  });

  it.each<[string, number, (viewer: RawViewer) => void]>([
    ["text", 1008, (viewer) => viewer.sendRaw("hello")],
    ["garbage", 1008, (viewer) => viewer.sendRaw(Uint8Array.of(0xc1, 1, 2))],
    ["a request that there is not", 1008, (viewer) => viewer.send({ kind: "dance" } as never)],
    ["a rate below zero", 1008, (viewer) => void viewer.control({ name: "learningRate", value: -1 }).catch(() => undefined)],
    ["a book", 1009, (viewer) => viewer.sendRaw(new Uint8Array(5000))],
  ])("that sends %s is closed with %i", async (_, code, misbehave) => {
    const viewer = await RawViewer.watch(url, "secret");
    misbehave(viewer);
    expect((await viewer.closed).code).toBe(code);
  });

  it("that speaks something else is told what to speak", async () => {
    const viewer = await RawViewer.connect(url, []);
    expect(await viewer.closed).toMatchObject({ code: 1008, reason: expect.stringContaining("tabgrad.watch.v1") as string });
  });
});
