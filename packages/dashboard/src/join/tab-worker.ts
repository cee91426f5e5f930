// The entry of the tab's Worker: preflight, session and engine live here, so that a hidden tab goes on computing and a busy one still
// scrolls.
import "../shared/no-eval.ts";
import type { Readiness } from "@tabgrad/core";
import { type FromTab, failureOf, type TabEnd, type ToTab } from "./messages.ts";
import { TabEngines } from "./tab-engines.ts";
import { TabSession } from "./tab-session.ts";

const engines = new TabEngines();
let wanted: Readiness = { state: "available", reason: "" };
let session: TabSession | undefined;
/** Why the tab is to leave before it has joined. */
let leaving: string | undefined;
/** What the page asks for that takes time is done one by one. */
let last: Promise<void> = Promise.resolve();

const post = (message: FromTab): void => postMessage(message);

addEventListener("message", ({ data }: MessageEvent<ToTab>) => receive(data));

function receive(message: ToTab): void {
  switch (message.type) {
    case "look":
      last = last.then(() => engines.look((findings) => post({ type: "findings", findings })));
      return;
    case "join":
      leaving = undefined;
      last = last.then(async () => post({ type: "ended", end: await stay(message) }));
      return;
    case "availability":
      wanted = message.wanted;
      return session?.setAvailability(wanted);
    case "leave":
      leaving = message.reason;
      return session?.leave(message.reason);
    default:
      return message satisfies never;
  }
}

async function stay({ engine: kind, name }: ToTab & { type: "join" }): Promise<TabEnd> {
  post({ type: "opening", engine: kind });
  try {
    const engine = await engines.open(kind);
    session = new TabSession({
      url: location.origin,
      name,
      engine,
      reopen: () => engines.open(kind),
      wanted,
      tell: (status) => post({ type: "status", status }),
    });
    if (leaving !== undefined) session.leave(leaving);
    return await session.run();
  } catch (error) {
    return { kind: "failed", failure: failureOf(error) };
  } finally {
    session = undefined;
  }
}
