// A worker as a process: the session on this thread, the engine on another, and the host's part of both.
import type { TabgradError } from "@tabgrad/core";
import {
  type SessionPlan,
  type SessionReport,
  type SocketEvents,
  type WorkerHost,
  type WorkerOutcome,
  WorkerSession,
} from "@tabgrad/core";
import { createHash, randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { fetchShard } from "./fetch-shard.ts";
import { HttpClient } from "./http-client.ts";
import { NodeSocket } from "./socket.ts";
import { ThreadCompute } from "./thread-compute.ts";
import type { EngineChoice } from "./thread-messages.ts";

/** What a logger must have; pino's does. */
export interface WorkerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface WorkerOptions {
  /** The coordinator's address: http://HOST:PORT or https://HOST:PORT */
  readonly url: string;
  /** Certificates to trust over https instead of those of the usual authorities, PEM: a coordinator's own, say. */
  readonly ca?: string;
  /** For people, 1 to 64 characters. */
  readonly name: string;
  readonly engine: EngineChoice;
  /** Threads of the CPU engine. Default: 1. */
  readonly threads?: number;
  readonly log: WorkerLog;
  /** Aborts: the worker leaves the run politely and ends. */
  readonly signal?: AbortSignal;
  /** Give up where no coordinator has answered for so long, in milliseconds. Default: never. */
  readonly giveUpMs?: number;
}

/** How a worker ended that did not fail. */
export type WorkerEnd = Exclude<WorkerOutcome, { kind: "failed" }>;

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

/**
 * Works for a coordinator until the run is over or `signal` aborts, through any number of lost connections. When it settles, no socket
 * and no thread of it is left.
 * @throws TabgradError ENGINE_UNAVAILABLE, or ENGINE_FAILED where the engine computes a known gradient wrongly, before anything is
 *   connected; NOT_A_COORDINATOR, CERTIFICATE_UNTRUSTED, PROTOCOL_VERSION,
 *   ENGINE_UNSUPPORTED, ENGINE_FAILED and whatever else makes going on useless
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerEnd> {
  const { ca, name, engine, threads, log, signal, giveUpMs } = options;
  const { compute, opened } = await ThreadCompute.open({ kind: engine, threads });
  const http = new HttpClient(ca);
  try {
    log.info({ engine: opened.kind, device: opened.device }, `computing on ${opened.device}: ${opened.reason}`);
    const identity = {
      workerId: randomBytes(16).toString("hex"),
      name,
      host: "node",
      engine: opened.kind,
      device: opened.device,
      software: `tabgrad ${version}`,
    };
    const outcome = await runSession({ identity, giveUpMs }, createHost(options, http), compute, signal);
    if (outcome.kind === "failed") throw outcome.error;
    log.info({ reason: outcome.reason }, outcome.kind === "finished" ? `the run is over: ${outcome.reason}` : "left the run");
    return outcome;
  } finally {
    await http.close();
    await compute.close();
  }
}

async function runSession(
  plan: SessionPlan,
  host: WorkerHost,
  compute: ThreadCompute,
  signal: AbortSignal | undefined,
): Promise<WorkerOutcome> {
  const session = new WorkerSession(plan, host, compute);
  const leave = (): void => session.leave("asked to leave");
  signal?.addEventListener("abort", leave);
  try {
    if (signal?.aborted) return { kind: "left", reason: "asked to leave" };
    session.start();
    return await session.outcome;
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}

function createHost(options: WorkerOptions, http: HttpClient): WorkerHost {
  const { url } = options;
  return {
    now: () => performance.now(),
    timer(ms, fire) {
      const timeout = setTimeout(fire, ms);
      return () => clearTimeout(timeout);
    },
    openSocket: (events: SocketEvents) => new NodeSocket(url, http, events),
    fetchShard: (shard, signal) => fetchShard(url, shard, http, signal),
    sha256: (bytes) => createHash("sha256").update(new Uint8Array(bytes)).digest("hex"),
    report: (report) => logReport(options, report),
  };
}

function logReport({ log, url, giveUpMs }: WorkerOptions, report: SessionReport): void {
  switch (report.type) {
    case "joined":
      return log.info({ run: report.runId }, `joined the run at ${url}`);
    case "retrying":
      return log.warn(
        fieldsOf(report.error),
        `${report.error.message}; trying again${giveUpMs ? ` for ${duration(giveUpMs)}` : ""}`,
      );
    case "stillRetrying": {
      const end = giveUpMs ? `; gives up after ${duration(giveUpMs)}` : "";
      return log.warn(fieldsOf(report.error), `has waited ${duration(report.awayMs)} for a coordinator at ${url}${end}`);
    }
    case "assignmentFailed":
      return log.warn({ ...fieldsOf(report.error), assignment: report.assignment }, `gave work back: ${report.error.message}`);
    case "rebuilding":
      return log.warn(fieldsOf(report.error), `the engine failed and is being made again: ${report.error.message}`);
    case "rebuilt":
      return log.info({}, "the engine is there again");
    default:
      return report satisfies never;
  }
}

/** Whole seconds, minutes or hours. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

const fieldsOf = ({ code, remedy }: TabgradError): object => ({ code, remedy });
