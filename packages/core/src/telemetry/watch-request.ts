// What a page that watches may ask of the coordinator, and how that is checked: it comes from anybody who can reach the port.
import { z } from "zod";

const commandSchema = z.discriminatedUnion("name", [
  z.object({ name: z.literal("pause") }),
  z.object({ name: z.literal("resume") }),
  z.object({ name: z.literal("stop") }),
  z.object({ name: z.literal("checkpoint") }),
  z.object({ name: z.literal("learningRate"), value: z.number().positive().max(1e6) }),
  z.object({ name: z.literal("drop"), worker: z.string().max(64) }),
]);

/** From a page. */
export const watchRequestSchema = z.discriminatedUnion("kind", [
  /** The first one. Without a token, or with a wrong one, a page sees and can't touch. */
  z.object({ kind: z.literal("hello"), token: z.string().max(256).optional() }),
  /** Whether somebody is looking at the histograms: they are made only then. */
  z.object({ kind: z.literal("look"), histograms: z.boolean() }),
  z.object({ kind: z.literal("control"), id: z.int().nonnegative(), command: commandSchema }),
]);

export type WatchRequest = z.infer<typeof watchRequestSchema>;
/** What whoever holds the control token can ask for. `learningRate` holds from the next step on. */
export type ControlCommand = z.infer<typeof commandSchema>;
