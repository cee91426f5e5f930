// The small parts of the tab host, with a clock of their own.
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { linePath } from "../src/join/line-path.ts";
import { checkedName } from "../src/join/name.ts";
import { nextTurn } from "../src/join/next-turn.ts";
import { lookMs, Outbox } from "../src/join/outbox.ts";
import { quantile } from "../src/join/quantile.ts";
import { sha256 } from "../src/join/sha256.ts";
import { SteadyActivity, steadyMs } from "../src/join/steady-activity.ts";
import { throttle } from "../src/join/throttle.ts";
import { wantedOf } from "../src/join/wanted.ts";

/** Fires timers in the order of their times. */
class VirtualClock {
  time = 0;
  readonly #timers: { readonly at: number; readonly fire: () => void }[] = [];
  readonly now = (): number => this.time;
  readonly timer = (ms: number, fire: () => void): void => void this.#timers.push({ at: this.time + ms, fire });

  pass(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      this.#timers.sort((a, b) => a.at - b.at);
      const next = this.#timers[0];
      if (!next || next.at > until) break;
      this.#timers.shift();
      this.time = next.at;
      next.fire();
    }
    this.time = until;
  }
}

describe("the outbox", () => {
  function outbox() {
    const clock = new VirtualClock();
    const socket = { buffered: 0 };
    const box = new Outbox({ buffered: () => socket.buffered, timer: clock.timer });
    const sent: string[] = [];
    const add = (name: string, bytes: number): void => {
      socket.buffered += bytes;
      box.add(bytes, () => sent.push(name));
    };
    return { clock, socket, box, sent, add };
  }

  it("tells of each frame when its last byte has left, in order", () => {
    const { clock, socket, sent, add } = outbox();
    add("a", 100);
    add("b", 50);
    expect(sent).toEqual([]);
    clock.pass(lookMs);
    expect(sent).toEqual([]);
    socket.buffered = 50;
    clock.pass(lookMs);
    expect(sent).toEqual(["a"]);
    socket.buffered = 1;
    clock.pass(lookMs);
    expect(sent).toEqual(["a"]);
    socket.buffered = 0;
    clock.pass(lookMs);
    expect(sent).toEqual(["a", "b"]);
  });

  it("counts frames that nobody waits for", () => {
    const { clock, socket, box, sent, add } = outbox();
    socket.buffered += 10;
    box.add(10);
    add("a", 5);
    socket.buffered = 5;
    clock.pass(lookMs);
    expect(sent).toEqual([]);
    socket.buffered = 0;
    clock.pass(lookMs);
    expect(sent).toEqual(["a"]);
    expect(box.total).toBe(15);
  });

  it("says nothing once it is closed", () => {
    const { clock, socket, box, sent, add } = outbox();
    add("a", 100);
    socket.buffered = 0;
    box.close();
    clock.pass(10 * lookMs);
    expect(sent).toEqual([]);
  });
});

describe("the throttle", () => {
  it("acts at once, then at most so often, and never forgets the last request", () => {
    const clock = new VirtualClock();
    const acts: number[] = [];
    const request = throttle(100, clock, () => acts.push(clock.time));
    request();
    expect(acts).toEqual([0]);
    for (let i = 0; i < 25; i++) {
      clock.pass(10);
      request();
    }
    clock.pass(1000);
    expect(acts).toEqual([0, 100, 200, 300]);
    request();
    expect(acts).toHaveLength(5);
  });
});

describe("the activity that people see", () => {
  it("stays at computing through the turns of a step", () => {
    const activity = new SteadyActivity();
    activity.note("waitingForParameters", 0);
    expect(activity.shown(0)).toBe("waitingForParameters");
    activity.note("computing", 10);
    activity.note("uploading", 20);
    activity.note("waitingForParameters", 30);
    expect(activity.shown(40)).toBe("computing");
    expect(activity.shown(20 + steadyMs)).toBe("waitingForParameters");
  });

  it("counts a long computation from its end", () => {
    const activity = new SteadyActivity();
    activity.note("computing", 0);
    activity.note("uploading", 60_000);
    expect(activity.shown(60_000 + steadyMs - 1)).toBe("computing");
  });

  it("hides no pause and no lost connection", () => {
    const activity = new SteadyActivity();
    activity.note("computing", 0);
    activity.note("paused", 1);
    expect(activity.shown(2)).toBe("paused");
    activity.note("backingOff", 3);
    expect(activity.shown(4)).toBe("backingOff");
  });
});

describe("what is wanted of a tab", () => {
  it("follows its user first, then whether anybody looks", () => {
    expect(wantedOf({ paused: false, hidden: false }).state).toBe("available");
    expect(wantedOf({ paused: false, hidden: true })).toEqual({ state: "background", reason: "the tab is hidden" });
    expect(wantedOf({ paused: true, hidden: true }).state).toBe("paused");
  });
});

describe("a tab's name", () => {
  it("has 1 to 64 characters between its spaces", () => {
    expect(checkedName("  Ada's phone ")).toBe("Ada's phone");
    expect(checkedName("   ")).toBeUndefined();
    expect(checkedName("🦊".repeat(64))).toBe("🦊".repeat(64));
    expect(checkedName("x".repeat(65))).toBeUndefined();
  });
});

describe("sha-256", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  const expected = createHash("sha256").update(bytes).digest("hex");

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("is the browser's own on a secure page", async () => {
    expect(await sha256(bytes.buffer)).toBe(expected);
  });

  it("is the same on a page that is not secure", async () => {
    vi.stubGlobal("crypto", { subtle: undefined });
    expect(await sha256(bytes.buffer)).toBe(expected);
  });
});

describe("the next turn", () => {
  it("lets messages in between runs that follow each other without a pause", async () => {
    const channel = new MessageChannel();
    let hasArrived = false;
    channel.port1.onmessage = () => (hasArrived = true);
    channel.port2.postMessage(undefined);
    // Node hands over up to a thousand messages of one channel before it looks at another; browsers take turns.
    for (let turns = 0; !hasArrived && turns < 5000; turns++) await nextTurn();
    channel.port1.close();
    expect(hasArrived).toBe(true);
  });

  it("keeps the order of those who wait", async () => {
    const order: number[] = [];
    await Promise.all([1, 2, 3].map((i) => nextTurn().then(() => order.push(i))));
    expect(order).toEqual([1, 2, 3]);
  });
});

describe("figures for the eye", () => {
  it("draws a line from the highest to the lowest value", () => {
    expect(linePath([3, 2, 1], 120)).toBe("M0.00 4.00L50.00 50.00L100.00 96.00");
    expect(linePath([4, 2, 2, 0], 2)).toBe("M0.00 4.00L100.00 96.00");
    expect(linePath([1], 120)).toBe("");
    expect(linePath([1, 1], 120)).not.toContain("NaN");
  });

  it("finds quantiles", () => {
    expect(quantile([5, 1, 3], 0.5)).toBe(3);
    expect(quantile([1, 2, 3, 1000], 0.5)).toBe(3);
    expect(quantile([7], 0.85)).toBe(7);
    expect(quantile([], 0.5)).toBe(0);
  });
});
