// `tabgrad predict`: what a trained model says of images, rows and arrays, and how it goes on with a text.
import { TabgradError, type Program } from "@tabgrad/core";
import { openEngine } from "@tabgrad/worker-node/engines";
import { Command, Option } from "commander";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { text as textOf } from "node:stream/consumers";
import type { Logger } from "pino";
import { createLog } from "../log.ts";
import { options, type CommonOptions, type EngineChoice } from "../options.ts";
import { Reading } from "../output/reading.ts";
import { answerObject, answerText } from "../predict/answer.ts";
import { ask } from "../predict/ask.ts";
import { generate } from "../predict/generate.ts";
import { inputBlocks } from "../predict/inputs.ts";
import { openTrainedModel, type TrainedModel } from "../trained-model.ts";

interface PredictOptions extends CommonOptions {
  readonly engine: EngineChoice;
  readonly threads?: number;
  readonly json?: true;
  readonly length: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly seed: number;
}

const between =
  (flag: string, from: number, to: number, isWhole: boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && value >= from && value <= to && (!isWhole || Number.isInteger(value))) return value;
    throw new TabgradError(
      "OPTION_INVALID",
      `${flag} ${text}: expected a ${isWhole ? "whole " : ""}number from ${from} to ${to}`,
      `Write, for example, ${flag} ${Math.max(from, 1)}.`,
    );
  };

export const predictCommand = (): Command =>
  new Command("predict")
    .description("say what a trained model makes of images, rows or arrays, or how it goes on with a prompt")
    .argument("<checkpoint>", "a checkpoint, or the folder of a run (its newest checkpoint)")
    .argument(
      "<input...>",
      "files (PNG, JPEG, WebP, CSV, TSV, JSON lines, Parquet, Arrow, npy, npz, IDX), - for stdin, or the prompt of a text model",
    )
    .option("--json", "print one JSON object a line on stdout, and nothing else there")
    .addOption(options.engine())
    .addOption(options.threads())
    .addOption(
      new Option("--length <number>", "text: how many tokens to add")
        .argParser(between("--length", 1, 1_000_000, true))
        .default(200),
    )
    .addOption(
      new Option("--temperature <number>", "text: below 1 what is likely becomes likelier; 0 takes the likeliest")
        .argParser(between("--temperature", 0, 100, false))
        .default(1),
    )
    .addOption(
      new Option("--top-k <number>", "text: draw among so many of the likeliest tokens").argParser(
        between("--top-k", 1, 1_000_000, true),
      ),
    )
    .addOption(options.seed().default(1))
    .addOption(options.verbose())
    .addOption(options.log())
    .action((path: string, inputs: string[], given: PredictOptions) => predict(path, inputs, given));

/** @throws TabgradError */
async function predict(path: string, inputs: readonly string[], given: PredictOptions): Promise<void> {
  process.stdout.on("error", leaveQuietly);
  const log = createLog({ verbose: given.verbose ?? false, format: given.log });
  const trained = await openTrainedModel(path);
  const { engine, reason } = await openEngine(given.engine, { threads: given.threads ?? availableParallelism() });
  log.debug(reason);
  try {
    const program = await engine.compile(trained.graph);
    await program.setParameters(trained.parameters);
    if (trained.text) await continueText(trained, program, await promptOf(inputs, log), given);
    else await answerAll(trained, program, inputs, given, log);
  } finally {
    await engine.close();
  }
}

async function answerAll(
  trained: TrainedModel,
  program: Program,
  inputs: readonly string[],
  { json }: PredictOptions,
  log: Logger,
): Promise<void> {
  const reading = new Reading({ stream: process.stderr, now: () => performance.now(), say: () => {} });
  const blocks = inputBlocks(trained, inputs, {
    stdin: process.stdin,
    // On one terminal with the answers, these show how far it has come.
    ...(!process.stdout.isTTY && {
      onProgress: (done: number, total: number) => reading.show({ activity: "predict", done, total, unit: "bytes" }),
    }),
    onNote: (note) => log.warn(note),
  });
  try {
    for await (const answer of ask(program, trained.features.shape, blocks)) {
      await print(`${json ? JSON.stringify(answerObject(answer, trained)) : answerText(answer, trained)}\n`);
    }
  } finally {
    reading.end();
  }
}

/** The words of the command line, or what comes on stdin, without the line break at its end. */
async function promptOf(inputs: readonly string[], log: Logger): Promise<string> {
  if (inputs.length === 1 && inputs[0] === "-") return (await textOf(process.stdin)).replace(/\r?\n$/, "");
  const prompt = inputs.join(" ");
  const file = await stat(prompt).catch(() => undefined);
  if (file?.isFile()) log.warn(`"${prompt}" is a file, and was taken as the prompt itself; for what is in it: … - < ${prompt}`);
  return prompt;
}

async function continueText(trained: TrainedModel, program: Program, prompt: string, given: PredictOptions): Promise<void> {
  const model = { program, shape: trained.features.shape, text: trained.text! };
  let text = "";
  // Nothing is said before it is clear that the prompt can be read.
  let said = prompt;
  for await (const piece of generate(model, prompt, given)) {
    text += piece;
    if (!given.json) await print(said + piece);
    said = "";
  }
  await print(given.json ? `${JSON.stringify({ prompt, text })}\n` : "\n");
}

/** Whoever reads has seen enough, as `head` has after some lines. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
}

/** Waits where whoever reads is slower. */
function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => process.stdout.write(text, (error) => (error ? reject(error) : resolve())));
}
