// The flat vector in chunks, and how two versions of the protocol find out about each other.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkChunk,
  checkDiscovery,
  chooseSubprotocol,
  chunkLayout,
  chunkLength,
  chunkOf,
  chunkOffset,
  ChunkSet,
  discovery,
  otherStretches,
  PackedLayout,
  protocolMismatch,
  protocolOf,
  type Stretch,
  trainedStretches,
} from "../src/protocol/index.ts";

describe("chunks", () => {
  it("cover the vector without gaps, in order, and only the last is short", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 600 }), (elements, chunkElements) => {
        const layout = chunkLayout(elements, chunkElements);
        const vector = Float32Array.from({ length: elements }, (_, i) => i);
        const joined: number[] = [];
        for (let chunk = 0; chunk < layout.count; chunk += 1) {
          const part = chunkOf(layout, vector, chunk);
          expect(part.buffer).toBe(vector.buffer);
          expect(part.length).toBe(chunkLength(layout, chunk));
          expect(part[0]).toBe(chunkOffset(layout, chunk));
          if (chunk < layout.count - 1) expect(part.length).toBe(chunkElements);
          checkChunk(layout, chunk, part);
          joined.push(...part);
        }
        expect(joined).toEqual([...vector]);
      }),
    );
  });

  it("are complete when each came once, in any order", () => {
    const chunks = fc
      .integer({ min: 1, max: 30 })
      .chain((count) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count }));
    fc.assert(
      fc.property(chunks, (order) => {
        const set = new ChunkSet(chunkLayout(order.length, 1));
        order.forEach((chunk, i) => {
          expect(set.missing).toBe(order.length - i);
          expect(set.complete).toBe(false);
          set.add(chunk);
        });
        expect(set.complete).toBe(true);
      }),
    );
  });

  it("are refused where they come twice, do not exist or have the wrong length", () => {
    const layout = chunkLayout(10, 4);
    const set = new ChunkSet(layout);
    set.add(2);
    expect(() => set.add(2)).toThrow("chunk 2 came twice");
    expect(() => checkChunk(layout, 3, new Float32Array(4))).toThrow("chunk 3 of a vector that has chunks 0 to 2");
    expect(() => checkChunk(layout, 2, new Float32Array(4))).toThrow("chunk 2 has 4 values; it must have 2");
  });
});

describe("stretches in chunks", () => {
  const slots = fc
    .array(fc.record({ elements: fc.integer({ min: 1, max: 40 }), frozen: fc.boolean() }), { minLength: 1, maxLength: 12 })
    .map((made) => {
      let end = 0;
      return made.map((slot) => ({ ...slot, offset: (end += slot.elements) - slot.elements }));
    });

  it.each([
    ["trained", (_: number, ...trained: Stretch[]) => trained, false],
    ["frozen", (end: number, ...trained: Stretch[]) => otherStretches(trained, end), true],
  ])("carry what is %s, in order, and nothing else, and bring it back to where it was", (_, stretchesOf, areFrozen) => {
    fc.assert(
      fc.property(slots, fc.integer({ min: 1, max: 50 }), (model, chunkElements) => {
        const end = model.reduce((total, { elements }) => total + elements, 0);
        const layout = new PackedLayout(stretchesOf(end, ...trainedStretches(model)), chunkElements);
        const carried = model.flatMap(({ frozen, offset, elements }) =>
          frozen === areFrozen ? Array.from({ length: elements }, (_, i) => offset + i) : [],
        );
        const vector = Float32Array.from({ length: end }, (_, i) => i);
        const back = new Float32Array(end).fill(-1);
        const sent: number[] = [];
        for (let chunk = 0; chunk < layout.chunks.count; chunk++) {
          const values = layout.pick(vector, chunk);
          checkChunk(layout.chunks, chunk, values);
          sent.push(...values);
          layout.spread(chunk, values, (offset, part) => back.set(part, offset));
        }
        expect(sent).toEqual(carried);
        expect([...back]).toEqual(Array.from(vector, (i) => (carried.includes(i) ? i : -1)));
      }),
    );
  });

  it("are views of the vector where nothing frozen lies in between", () => {
    const vector = new Float32Array(10);
    const layout = new PackedLayout([{ offset: 1, count: 8 }], 4);
    for (const chunk of [0, 1]) expect(layout.pick(vector, chunk)).toMatchObject({ buffer: vector.buffer, length: 4 });
  });
});

describe("the version", () => {
  it("is chosen from what a peer offers; another one is accepted so that it can be refused in words", () => {
    expect(chooseSubprotocol(["tabgrad.v2", "tabgrad.v1"])).toBe("tabgrad.v1");
    expect(chooseSubprotocol(new Set(["chat", "tabgrad.v7"]))).toBe("tabgrad.v7");
    expect(chooseSubprotocol(["chat"])).toBe(false);
    expect(chooseSubprotocol([])).toBe(false);
    expect(protocolOf("tabgrad.v12")).toBe(12);
    expect(protocolOf("tabgrad.v012")).toBeUndefined();
    expect(protocolOf("chat")).toBeUndefined();
  });

  it("names the side that has to be updated", () => {
    expect(protocolMismatch(2, "the coordinator").remedy).toMatch(/update this side/);
    expect(protocolMismatch(0, "the coordinator").remedy).toMatch(/update the coordinator/);
  });
});

describe("discovery", () => {
  const address = "http://127.0.0.1:7070";

  it("recognises a coordinator, whatever else it says", () => {
    expect(checkDiscovery(JSON.stringify({ ...discovery, run: "x" }), address)).toEqual({ tabgrad: "coordinator", protocol: 1 });
  });

  it.each([
    ["<html>", "NOT_A_COORDINATOR", "its answer is not JSON"],
    ["null", "NOT_A_COORDINATOR", 'its answer does not say "tabgrad": "coordinator"'],
    ['{"tabgrad":"coordinator"}', "NOT_A_COORDINATOR", "its answer names no version of the protocol"],
    ['{"tabgrad":"coordinator","protocol":3}', "PROTOCOL_VERSION", "the coordinator speaks version 3"],
  ])("refuses %s", (text, code, message) => {
    expect(() => checkDiscovery(text, address)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
