// Logs go to stderr: pretty on a terminal, JSON lines otherwise, so that stdout holds nothing but results.
import { createRequire } from "node:module";
import { Writable } from "node:stream";
import { pino, type Logger } from "pino";
import type Pretty from "pino-pretty";

const require = createRequire(import.meta.url);

export interface LogOptions {
  readonly verbose: boolean;
  readonly format: "auto" | "json" | "pretty";
  /** Where lines go; stderr by default. A progress bar has them written above itself. */
  readonly write?: (line: string) => void;
}

/** Whether the log is for programs: it was asked for, or nobody sits in front of it. */
export const isJsonLog = (format: LogOptions["format"]): boolean =>
  format === "json" || (format === "auto" && !process.stderr.isTTY);

export function createLog({ verbose, format, write = (line) => process.stderr.write(line) }: LogOptions): Logger {
  const level = verbose ? "debug" : "info";
  const base = null;
  if (isJsonLog(format)) return pino({ level, base }, { write });
  // Loaded when somebody sits in front of it: workers of `tabgrad train` start without.
  const pretty = require("pino-pretty") as typeof Pretty;
  const stream = pretty({
    colorize: process.stderr.isTTY,
    translateTime: verbose ? "HH:MM:ss.l" : false,
    ignore: verbose ? "pid,hostname" : "pid,hostname,time",
    hideObject: !verbose,
    sync: true,
    destination: lineStream(write),
  });
  return pino({ level, base }, stream);
}

function lineStream(write: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(line: string, _, done) {
      write(line);
      done();
    },
  });
}
