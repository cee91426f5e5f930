// Mixed precision with real processes: where the GPU that tests run on has shader-f16, a run like any other, whatever dies in it; where
// it has not, a refusal that says what to do.
import { readCheckpoint } from "@tabgrad/coordinator";
import { provideTestGpu } from "@tabgrad/gpu/swiftshader";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { tabgrad, type Command, type JsonEvent } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { ownPort } from "./support/port.ts";
import { checkpointParameters, relativeDifference } from "./support/reference.ts";

const runFile = "e2e/runs/small.ts";
const mixed = ["--set", "precision=mixed"];
const patience = { timeout: 600_000 };

let env: Record<string, string>;
let hasHalf: boolean;
beforeAll(async () => {
  const { environment } = await provideTestGpu();
  env = { ...environment };
  const { stdout } = await tabgrad(["doctor", "--json"], { env }).ended;
  const { engines } = JSON.parse(stdout) as { engines: { kind: string; adapter?: { features: readonly string[] } }[] };
  hasHalf = engines.find(({ kind }) => kind === "gpu")!.adapter!.features.includes("shader-f16");
});

const reached = (coordinator: Command, count: number): Promise<JsonEvent> =>
  coordinator.event("step", ({ step }) => (step as number) >= count);

it(
  "trains as float32 does but for rounding, though a worker dies and the coordinator does, or is refused in words",
  patience,
  () => (hasHalf ? trains() : isRefused()),
);

async function trains(): Promise<void> {
  const out = temporaryFolder();
  const begin = ["coordinator", runFile, "--steps", "40", "--checkpoint-every", "2steps", "--json", "--out", out];
  const first = tabgrad([...begin, "--port", String(await ownPort()), ...mixed]);
  const { url } = (await first.event("start")) as unknown as { url: string };
  const work = () => tabgrad(["worker", url, "--engine", "gpu"], { env });
  const doomed = work();
  await reached(first, 4);
  work();
  await first.event("worker", (event) => event.state === "joined" && event.id !== "w1");
  doomed.kill("SIGKILL");
  await reached(first, 16);
  first.kill("SIGKILL");
  await first.ended;
  const { manifest: before } = await readCheckpoint(out);
  const second = tabgrad(["coordinator", "--resume", out, "--json"]);
  const done = await second.event("done");
  expect((await second.ended).exitCode).toBe(0);

  // The scale goes on where it was: so many steps without an overflow since the last one, over both coordinators.
  const events = [...first.events, ...second.events];
  const overflows = events.flatMap(({ event, reason }) =>
    event === "decision" && (reason as { kind: string }).kind === "overflowed" ? [reason as { step: number; scale: number }] : [],
  );
  const { manifest: after, path } = await readCheckpoint(out);
  const expectedAt = (step: number) => {
    const last = overflows.findLast((overflow) => overflow.step <= step);
    return { scale: last?.scale ?? 2 ** 16, finiteSteps: step - (last ? last.step - 1 : 0) };
  };
  expect(before).toMatchObject({ lossScale: expectedAt(before.step) });
  expect(after).toMatchObject({ step: 40, lossScale: expectedAt(40) });

  // An overflow is nobody's fault, and no error.
  const blamed = ["refused", "discarded", "quarantined"];
  const kinds = events.flatMap(({ event, reason }) => (event === "decision" ? [(reason as { kind: string }).kind] : []));
  expect(kinds.filter((kind) => blamed.includes(kind))).toEqual([]);
  for (const { stderr } of [await first.ended, await second.ended]) expect(stderr).not.toMatch(/"level":(4|5|6)0/);

  const float32 = tabgrad([
    "train",
    runFile,
    "--steps",
    "40",
    "--workers",
    "1",
    "--engine",
    "cpu",
    "--json",
    "--out",
    temporaryFolder(),
  ]);
  const expected = await float32.event("done");
  expect(Number(done.loss) / Number(expected.loss)).toBeCloseTo(1, 2);
  const distance = relativeDifference(await checkpointParameters(path), await checkpointParameters(expected.checkpoint as string));
  expect(distance).toBeLessThan(5e-3);
  // It is f16 that computed.
  expect(distance).toBeGreaterThan(1e-6);

  const exported = await tabgrad(["export", out, "--onnx", join(temporaryFolder(), "model.onnx")]).ended;
  expect(exported.exitCode, exported.stderr).toBe(0);
}

async function isRefused(): Promise<void> {
  const run = tabgrad(["train", runFile, "--workers", "1", "--engine", "gpu", "--out", temporaryFolder(), ...mixed], { env });
  const { exitCode, stderr } = await run.ended;
  expect(stderr).toMatch(/ENGINE_UNSUPPORTED/);
  expect(stderr).toContain("shader-f16");
  expect(stderr).toContain('precision: "float32"');
  expect(exitCode).not.toBe(0);
}
