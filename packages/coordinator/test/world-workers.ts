// What the world of a random schedule knows about a worker: its process, and each of its connections.
import type { WorkerAvailability } from "@tabgrad/core";
import type { Action } from "../src/decide/index.ts";
import type { Lie } from "./world-script.ts";

export interface Sent {
  readonly action: Extract<Action, { kind: "assign" }>;
  isUnwanted: boolean;
}

export interface Connection {
  readonly id: string;
  readonly worker: SimulatedWorker;
  /** The process at its other end. */
  readonly life: number;
  /** Neither side has given it up. */
  isOpen: boolean;
  /** When the newest message of either direction arrives: they stay in order. */
  up: number;
  down: number;
  heardAt: number;
  queue: Sent[];
  computing?: Sent;
  availability: WorkerAvailability;
  /** The newest version of the parameters that it was sent, and that arrived. */
  sentVersion: number;
  version: number;
  /** Vectors of parameters that it was sent and has not read. */
  unread: number;
}

export interface SimulatedWorker {
  readonly index: number;
  speed: number;
  /** Another process, under another name, after each death. */
  life: number;
  isAlive: boolean;
  stalledUntil: number;
  cutUntil: number;
  lies: { kind: Lie; left: number };
  connection?: Connection;
}

/** The process that made the connection. */
export const lives = ({ worker, life }: Connection): boolean => worker.isAlive && worker.life === life;

/** What a process of the worker calls itself: it keeps that over its connections. */
export const workerId = ({ index }: SimulatedWorker, life: number): string => `${index}/${life}`;
