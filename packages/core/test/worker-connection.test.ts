// The life of a worker's connection under scripted events and a virtual clock: opening, silence, loss, and the end.
import { describe, expect, it } from "vitest";
import { TabgradError } from "../src/errors.ts";
import { backOffMs, nextWake } from "../src/worker/index.ts";
import { assignment, identity, Script, welcome } from "./worker-script.ts";

describe("connecting", () => {
  it("opens a socket, says hello, is welcomed, loads the run, and waits for work", () => {
    const script = new Script().on({ type: "start" });
    expect(script.activity).toBe("connecting");
    expect(script.actions).toEqual([{ type: "openSocket", connection: 1 }]);
    script.on({ type: "socketOpened", connection: 1 });
    expect(script.activity).toBe("greeting");
    expect(script.action("send").message).toEqual({ type: "hello", protocol: 1, ...identity });
    script.message(welcome);
    expect(script.activity).toBe("loading");
    expect(script.types()).toEqual(["load", "resetParameters", "report"]);
    script.on({ type: "loaded", token: 1 });
    expect(script.activity).toBe("waitingForAssignment");
  });

  it("backs off: doubling delays with a ceiling, told once for each reason", () => {
    const script = new Script().on({ type: "start" });
    const refusedError = new TabgradError("COORDINATOR_UNREACHABLE", "nothing listens", "");
    const delays: number[] = [];
    const reports: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) {
      const failure = attempt < 5 ? refusedError : new TabgradError("COORDINATOR_UNREACHABLE", "timed out", "");
      script.closed(1006, failure);
      expect(script.activity).toBe("backingOff");
      if (script.types().includes("report")) reports.push(attempt);
      delays.push(nextWake(script.plan, script.state)! - script.now);
      script.sleep();
      expect(script.activity).toBe("connecting");
    }
    expect(reports).toEqual([0, 5]);
    delays.forEach((delay, attempt) => {
      const whole = Math.min(5000, 100 * 2 ** attempt);
      expect(delay).toBeGreaterThanOrEqual(whole / 2 - 1e-6);
      expect(delay).toBeLessThanOrEqual(whole + 1e-6);
    });
  });

  it("spreads workers: the delay differs from worker to worker and stays the same for one", () => {
    expect(backOffMs(identity.workerId, 3)).toBe(backOffMs(identity.workerId, 3));
    expect(backOffMs(identity.workerId, 3)).not.toBe(backOffMs("f0112233445566778899aabbccddeeff", 3));
  });

  it("begins again with the shortest delay after a steady connection, and not after a brief one", () => {
    const brief = new Script().open();
    brief.closed(1006).sleep().on({ type: "socketOpened", connection: 2 }).welcomed().closed(1006);
    expect(brief.state.attempt).toBe(2);
    const steady = new Script().open().message({ type: "ping", nonce: 1 }, 6000).closed(1006);
    expect(steady.state.attempt).toBe(1);
  });

  it("gives up on a socket that does not open, and on a coordinator that does not answer", () => {
    const unopened = new Script().on({ type: "start" }).sleep();
    expect(unopened.now).toBe(10_000);
    expect(unopened.action("closeSocket").abrupt).toBe(true);
    expect(unopened.activity).toBe("backingOff");
    const unanswered = new Script().connected().sleep();
    expect(unanswered.activity).toBe("backingOff");
    expect(unanswered.action("report").report).toMatchObject({ error: { code: "COORDINATOR_UNREACHABLE" } });
  });

  it("ignores what a former socket says", () => {
    const script = new Script().open().closed(1006).sleep();
    const { state } = script;
    script.on({ type: "socketOpened", connection: 1 }).on({ type: "socketClosed", connection: 1, code: 1000, reason: "" });
    script.on({ type: "message", connection: 1, message: assignment(1) }).on({ type: "uploaded", connection: 1, uploadMs: 1 });
    expect(script.state).toBe(state);
  });

  it("ends where trying again is useless: another service, another version", () => {
    for (const code of ["NOT_A_COORDINATOR", "PROTOCOL_VERSION"] as const) {
      const script = new Script().on({ type: "start" }).closed(1006, new TabgradError(code, "no", ""));
      expect(script.outcome).toMatchObject({ kind: "failed", error: { code } });
      expect(script.types()).toEqual(["end"]);
    }
  });

  it("keeps trying where the address once was a coordinator's", () => {
    const script = new Script().open().closed(1006).sleep();
    expect(script.closed(1006, new TabgradError("NOT_A_COORDINATOR", "a proxy", "")).activity).toBe("backingOff");
  });

  it("gives up after the time it was given without a coordinator", () => {
    const script = new Script({ giveUpMs: 3000 }).on({ type: "start" });
    for (let i = 0; i < 100 && !script.outcome; i += 1) {
      if (script.activity === "connecting") script.closed(1006, new TabgradError("COORDINATOR_UNREACHABLE", "nothing listens", ""));
      script.sleep();
    }
    expect(script.now).toBe(3000);
    expect(script.outcome).toMatchObject({
      kind: "failed",
      error: { code: "COORDINATOR_UNREACHABLE", message: expect.stringMatching(/3 s: .*nothing/) },
    });
  });

  it("says now and then that it still waits, the more rarely the longer it takes", () => {
    const script = new Script().open().closed(1006);
    const minutes: number[] = [];
    const lostAt = script.now;
    while (script.now < lostAt + 20 * 60_000) {
      if (script.activity === "connecting") script.closed(1006, new TabgradError("COORDINATOR_UNREACHABLE", "nothing listens", ""));
      for (const action of script.actions)
        if (action.type === "report" && action.report.type === "stillRetrying")
          minutes.push(Math.floor(action.report.awayMs / 60_000));
      script.sleep();
    }
    expect(minutes).toEqual([1, 2, 4, 8, 16]);
    script.on({ type: "socketOpened", connection: script.state.connection }).welcomed().closed(1006);
    expect(script.state.reminders).toBe(0);
  });

  it("counts that time from the loss of a connection", () => {
    const script = new Script({ giveUpMs: 3000 }).open();
    script.message({ type: "ping", nonce: 1 }, 60_000).closed(1006);
    expect(script.activity).toBe("backingOff");
    for (let i = 0; i < 100 && !script.outcome; i += 1) {
      if (script.activity === "connecting") script.closed(1006);
      script.sleep();
    }
    expect(script.now).toBe(63_000);
  });
});

describe("silence", () => {
  it("of the coordinator ends the connection after the time that Welcome states, counted from the last message", () => {
    const script = new Script().open();
    script.message({ type: "ping", nonce: 1 }, 3000);
    expect(nextWake(script.plan, script.state)).toBe(8000);
    script.on({ type: "tick" }, 4999);
    expect(script.activity).toBe("waitingForAssignment");
    script.on({ type: "tick" }, 1);
    expect(script.activity).toBe("backingOff");
    expect(script.action("closeSocket").abrupt).toBe(true);
    expect(script.action("report").report).toMatchObject({
      error: { code: "CONNECTION_LOST", message: expect.stringContaining("5000 ms") },
    });
  });

  it("of this machine, asleep, does not: what arrived meanwhile is still to be read", () => {
    const script = new Script().open().on({ type: "tick" }, 3_600_000);
    expect(script.activity).toBe("waitingForAssignment");
    expect(nextWake(script.plan, script.state)).toBe(script.now + 5000);
  });
});

describe("a lost connection", () => {
  it("costs what was held, but not the shards and the loaded run, if the run is the same", () => {
    const script = new Script().computing().message(assignment(2)).closed(1006);
    expect(script.state.held).toEqual([]);
    script.sleep().on({ type: "socketOpened", connection: 2 });
    expect(script.action("send").message).toMatchObject({ type: "hello", workerId: identity.workerId });
    script.message(welcome);
    expect(script.types()).toEqual(["resetParameters", "report"]);
    expect([...script.state.shards.held]).toEqual([0]);
    expect(script.computed().types()).toEqual(["recycleGradients"]);
    script.parameters(0).message(assignment(1));
    expect(script.types()).toEqual(["compute"]);
  });

  it("costs everything if the run is another one", () => {
    const script = new Script().computing().closed(1006).sleep().on({ type: "socketOpened", connection: 2 });
    script.message({ ...welcome, runId: "another" });
    expect(script.types()).toEqual(["load", "resetParameters", "report"]);
    expect(script.state.shards.held.size).toBe(0);
    // What the engine was doing is of no use to anyone.
    const { state } = script;
    expect(script.computed().state).toEqual(state);
    expect(script.shard(0).state).toEqual(state);
  });

  it("may go back to earlier versions of the parameters: the coordinator went on from a checkpoint", () => {
    const script = new Script().open().parameters(40).closed(1006).sleep().on({ type: "socketOpened", connection: 2 }).welcomed();
    expect(script.parameters(30).actions).toEqual([{ type: "setParameters", version: 30 }]);
  });

  it("during loading lets the loading go on", () => {
    const script = new Script().connected().message(welcome).closed(1006).on({ type: "loaded", token: 1 }).sleep();
    expect(script.on({ type: "socketOpened", connection: 2 }).message(welcome).types()).toEqual(["resetParameters", "report"]);
  });
});

describe("leaving", () => {
  it("is said, does not wait for the computation, and ends when the socket is closed", () => {
    const script = new Script().computing().on({ type: "leave", reason: "enough" });
    expect(script.types()).toEqual(["send", "closeSocket"]);
    expect(script.action("send").message).toEqual({ type: "leaving", reason: "enough" });
    expect(script.activity).toBe("leaving");
    expect(script.message(assignment(9)).actions).toEqual([]);
    expect(script.computed().types()).toEqual(["recycleGradients"]);
    script.closed(1000);
    expect(script.types()).toEqual(["end"]);
    expect(script.outcome).toEqual({ kind: "left", reason: "enough" });
  });

  it("does not wait for a socket that does not close, nor at a second request", () => {
    const patient = new Script().open().on({ type: "leave", reason: "" }).sleep();
    expect(patient.now).toBe(2000);
    expect(patient.types()).toEqual(["closeSocket", "end"]);
    const impatient = new Script().open().on({ type: "leave", reason: "" }).on({ type: "leave", reason: "" });
    expect(impatient.types()).toEqual(["closeSocket", "end"]);
  });

  it("is immediate where nothing is connected", () => {
    expect(new Script().on({ type: "start" }).on({ type: "leave", reason: "" }).types()).toEqual(["closeSocket", "end"]);
    expect(new Script().on({ type: "start" }).closed(1006).on({ type: "leave", reason: "" }).types()).toEqual(["end"]);
  });

  it("is the end: nothing happens after it", () => {
    const script = new Script().on({ type: "start" }).on({ type: "leave", reason: "" });
    const { state } = script;
    expect(script.on({ type: "tick" }).on({ type: "start" }).on({ type: "leave", reason: "" }).state).toBe(state);
    expect(nextWake(script.plan, state)).toBeUndefined();
  });
});
