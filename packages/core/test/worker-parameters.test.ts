// Versions of the parameters in a worker's session: which one is kept for whom, and when the engine gets it.
import { describe, expect, it } from "vitest";
import { assignment, chunk, Script } from "./worker-script.ts";

describe("the parameters of an assignment", () => {
  it("has its parameters in the engine before it arrives, where nothing else is to do", () => {
    expect(new Script().open().parameters(0).actions).toEqual([{ type: "setParameters", version: 0 }]);
  });

  it("may come early: it is held while another is computed, and its parameters gather meanwhile", () => {
    const script = new Script()
      .computing()
      .message(assignment(2, { version: 1 }))
      .message(chunk(1));
    expect(script.types()).toEqual(["storeChunk"]);
    script.on({ type: "parametersComplete", version: 1 });
    expect(script.actions).toEqual([]);
    script.computed();
    expect(script.types()).toEqual(["contribute", "setParameters", "compute"]);
    expect(script.action("setParameters").version).toBe(1);
  });

  it("keeps its parameters while newer ones arrive; those in between are dropped", () => {
    const script = new Script()
      .computing()
      .message(assignment(2, { version: 1 }))
      .parameters(1);
    script.parameters(2).message(chunk(3));
    expect(script.actions.filter(({ type }) => type === "dropParameters")).toEqual([]);
    script.on({ type: "parametersComplete", version: 3 });
    expect(script.actions).toEqual([{ type: "dropParameters", version: 2 }]);
    script.computed();
    expect(script.action("setParameters").version).toBe(1);
    script.computed();
    expect(script.action("setParameters").version).toBe(3);
  });

  it("fails where its parameters are gone", () => {
    const script = new Script()
      .open()
      .parameters(0)
      .parameters(1)
      .message(assignment(1, { version: 0 }));
    expect(script.action("send").message).toMatchObject({
      type: "failed",
      assignment: 1,
      reason: expect.stringContaining("version 0"),
    });
    expect(script.activity).toBe("waitingForAssignment");
  });

  it("that names an older version than the one before it goes back when its turn comes, and holds up nobody", () => {
    const script = new Script().computing();
    [1, 0, 1].forEach((version, i) => script.message(assignment(i + 2, { version })));
    script.parameters(1).computed();
    expect(script.action("compute").assignment.assignment).toBe(2);
    script.on({ type: "uploaded", connection: 1, uploadMs: 1 }).computed();
    expect(script.action("send").message).toMatchObject({ type: "failed", assignment: 3 });
    expect(script.action("compute").assignment.assignment).toBe(4);
  });
});
