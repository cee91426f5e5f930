// The options that say more than a number: how often to save.
import { Command } from "commander";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  defaultsIn,
  durationOf,
  options,
  overridesOf,
  withRunOptions,
  withServingOptions,
  type RunOptions,
} from "../src/options.ts";

const parsed = (...args: readonly string[]): { command: Command; given: RunOptions } => {
  const command = withServingOptions(withRunOptions(new Command()), 7070);
  command.parse(args, { from: "user" });
  return { command, given: command.opts() };
};

describe("--checkpoint-every", () => {
  it.each([
    ["30s", { seconds: 30 }],
    ["0.5s", { seconds: 0.5 }],
    ["200steps", { steps: 200 }],
    ["1 step", { steps: 1 }],
    ["2epochs", { epochs: 2 }],
    ["end", "end"],
  ])("%s", (text, interval) => {
    const { given } = parsed("--checkpoint-every", text);
    expect(given.checkpointEvery).toEqual(interval);
    expect(overridesOf(given)).toEqual([`checkpointEvery=${JSON.stringify(interval)}`]);
  });

  it.each(["30", "s", "1.5steps", "0s", "-1s", "3parsecs", "1.2.3s", ""])("not %j", (text) => {
    expect(() => parsed("--checkpoint-every", text)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringContaining("--checkpoint-every") as string }),
    );
  });
});

describe("--init", () => {
  it("is relative to where it is typed, with its options", () => {
    const { given } = parsed("--init", "model.safetensors", "--init-prefix", "model.", "--init-skip-mismatched");
    const from = resolve("model.safetensors");
    expect(overridesOf(given)).toEqual([`initialise=${JSON.stringify({ from, prefix: "model.", skipMismatched: true })}`]);
    expect(overridesOf(parsed("--init", "/a/b").given)).toEqual(['initialise={"from":"/a/b"}']);
  });

  it.each([["--init-prefix", "model."], ["--init-skip-mismatched"]])("has to be there where %s is", (...args) => {
    expect(() => overridesOf(parsed(...args).given)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: `${args[0]} was given without --init` }),
    );
  });
});

describe("--name", () => {
  const named = (name: string): unknown =>
    new Command().addOption(options.name()).parse(["--name", name], { from: "user" }).opts().name;

  it("is what people see", () => {
    expect(named("laptop 7")).toBe("laptop 7");
  });

  it.each(["", "  ", "x".repeat(65)])("is not %j, which a coordinator refuses", (name) => {
    expect(() => named(name)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringContaining("--name") as string }),
    );
  });
});

describe("--give-up-after", () => {
  const after = (...args: readonly string[]): unknown =>
    new Command().addOption(options.giveUpAfter()).parse(args, { from: "user" }).opts().giveUpAfter;

  it.each([
    ["90s", 90_000],
    ["1.5 min", 90_000],
    ["2h", 7_200_000],
    ["never", Infinity],
  ])("%s", (text, milliseconds) => {
    expect(after("--give-up-after", text)).toBe(milliseconds);
  });

  it("is an hour unless told otherwise", () => {
    expect(after()).toBe(3_600_000);
  });

  it.each(["90", "0s", "-1s", "3days", ""])("not %j", (text) => {
    expect(() => after("--give-up-after", text)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringContaining("--give-up-after") as string }),
    );
  });
});

it("knows which of host and port were chosen", () => {
  expect([...defaultsIn(parsed("--port", "7070").command)]).toEqual(["host"]);
  expect([...defaultsIn(parsed().command)]).toEqual(["port", "host"]);
});

it("takes one duration", () => {
  expect(durationOf(parsed("--steps", "5").given)).toEqual({ steps: 5 });
  expect(durationOf(parsed().given)).toBeUndefined();
  expect(() => overridesOf(parsed("--steps", "5", "--epochs", "2").given)).toThrow(
    expect.objectContaining({ code: "OPTION_INVALID" }),
  );
});
