// The token, the invitation, the list of what happened, the histograms' outlines: what the page decides without a DOM.
import { describe, expect, it } from "vitest";
import type { Links } from "@tabgrad/core";
import { ask, dismiss, said } from "../src/watch/controls/ask.ts";
import { readLearningRate } from "../src/watch/controls/read-learning-rate.ts";
import { entriesOf } from "../src/watch/decisions/entries.ts";
import { invitation, isLoopback } from "../src/watch/invite/invitation.ts";
import { outline } from "../src/watch/model/outline.ts";
import { takeToken, tokenIn, type TokenPlace } from "../src/watch/token.ts";
import { evaluationEvent, joinedEvent, running, startEvent, viewOf } from "./watch-events.ts";

describe("the control token", () => {
  function place(hash: string, stored = new Map<string, string>()) {
    const shown: string[] = [];
    const at: TokenPlace = {
      location: { hash, pathname: "/", search: "?x=1" },
      history: { replaceState: (_state, _unused, url) => void shown.push(String(url)) },
      storage: () => ({ getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => void stored.set(key, value) }),
    };
    return { at, shown, stored };
  }

  it("is read from the fragment", () => {
    expect(tokenIn("#control=a%2Bb")).toBe("a+b");
    expect([tokenIn(""), tokenIn("#control="), tokenIn("#other=1")]).toEqual([undefined, undefined, undefined]);
  });

  it("leaves the address bar, and is there after a reload", () => {
    const first = place("#control=secret");
    expect(takeToken(first.at)).toBe("secret");
    expect(first.shown).toEqual(["/?x=1"]);
    const again = place("", first.stored);
    expect(takeToken(again.at)).toBe("secret");
    expect(again.shown).toEqual([]);
  });

  it("works without storage", () => {
    const { at } = place("#control=secret");
    const forbidden = (): never => {
      throw new Error("forbidden");
    };
    expect(takeToken({ ...at, storage: forbidden })).toBe("secret");
    expect(takeToken({ ...place("").at, storage: forbidden })).toBeUndefined();
  });
});

describe("the invitation", () => {
  const links = (...join: string[]): Links => ({
    watch: [],
    join,
    worker: join.map((link) => link.replace("/join", "").replace("http", "ws")),
  });
  const own = "http://127.0.0.1:7070/join";

  it("is an address that reaches further than this machine, if there is one", () => {
    const found = invitation(links(own, "https://192.168.1.5:7070/join", "https://10.0.0.2:7070/join"), "http://127.0.0.1:7070");
    expect(found).toEqual({
      link: "https://192.168.1.5:7070/join",
      others: ["https://10.0.0.2:7070/join"],
      worker: "wss://192.168.1.5:7070",
      loopback: false,
      insecure: false,
    });
  });

  it("is the one that brought this person here", () => {
    const both = links(own, "https://192.168.1.5:7070/join", "https://10.0.0.2:7070/join");
    expect(invitation(both, "https://10.0.0.2:7070").link).toBe("https://10.0.0.2:7070/join");
    expect(invitation(both, "https://run.example").link).toBe("https://run.example/join");
  });

  it("says where nobody else can use it, and where tabs get no GPU", () => {
    expect(invitation(links(own), "http://127.0.0.1:7070")).toMatchObject({ link: own, loopback: true, insecure: false });
    expect(invitation(links(own, "http://192.168.1.5:7070/join"), "http://localhost:7070")).toMatchObject({ insecure: true });
    expect(["http://localhost/", "http://[::1]:1/", "http://127.1.2.3/", "http://128.0.0.1/"].map(isLoopback)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe("entriesOf", () => {
  const view = viewOf(
    startEvent,
    joinedEvent("w1"),
    running,
    { event: "checkpoint", step: 5, path: "x", bytes: 2_821_752, milliseconds: 12.4 },
    evaluationEvent(5),
    { event: "decision", step: 6, reason: { kind: "left", worker: "tab-1", why: "it said goodbye", returned: 2, workers: 0 } },
  );

  it("tells what happened as sentences, the newest first", () => {
    expect(entriesOf(view, 10).map(({ kind, text }) => [kind, text])).toEqual([
      ["trouble", "tab-1 left (it said goodbye); 0 workers now. Its 2 microbatches went back."],
      ["evaluation", "Evaluated after step 5: loss 0.2500, accuracy 97.85 %."],
      ["checkpoint", "Checkpoint of step 5 written: 2.82 MB in 12 ms."],
      ["decision", "Computing step 1 with 1 worker."],
    ]);
  });

  it("is no longer than wanted", () => {
    expect(entriesOf(view, 2).map(({ step }) => step)).toEqual([6, 5]);
  });
});

describe("controls", () => {
  it("take a learning rate that the coordinator takes, too", () => {
    expect(["0.01", " 1e-3 ", "0,5", "1000000"].map(readLearningRate)).toEqual([0.01, 0.001, 0.5, 1e6]);
    expect(["", "0", "-1", "a", "1e7", "NaN", "Infinity"].map(readLearningRate)).toEqual(Array(7).fill(undefined));
  });

  it("say what the coordinator answered, and keep a failure until it is dismissed", async () => {
    const refused = { error: { message: "No.", remedy: "Ask nicely." } };
    expect(await ask({ control: () => Promise.resolve(refused) }, { name: "pause" }, "Paused.")).toBe(false);
    expect(said.value).toMatchObject({ text: "No.", remedy: "Ask nicely.", failed: true });
    dismiss();
    expect(said.value).toBeUndefined();
  });
});

describe("outline", () => {
  it("stands on the bottom, and touches the top once at least", () => {
    expect(outline([1, 2], 10, 4)).toBe("M0 4V2H5V0H10V4z");
    expect(outline([0, 0], 10, 4)).toBe("");
    expect(outline([], 10, 4)).toBe("");
  });
});
