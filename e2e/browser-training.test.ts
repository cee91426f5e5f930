// A run with a Node worker and browser tabs on WebGPU, watched on the dashboard: a tab is closed in the middle of a step, another one
// comes, and the parameters are those of one quiet machine.
import { provideTestGpu } from "@tabgrad/gpu/swiftshader";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import small from "./runs/small.ts";
import { launchBrowser, newPerson, Watch } from "./support/browser.ts";
import { tabgrad } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { isIn, joinFromTab, openPage, reaches, stepOf, tabWorker, workerRow } from "./support/pages.ts";
import { checkpointParameters, referenceParameters, relativeDifference } from "./support/reference.ts";

const runFile = "e2e/runs/small.ts";

/** From now on the tab computes, but nothing of its gradients leaves it: it holds its part of a step. Resolves when it does. */
async function holdBack(page: Page): Promise<void> {
  const worker = tabWorker(page);
  await worker.evaluate(() => {
    const held = globalThis as { isHolding?: boolean };
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      // A gradient is long; what goes before it is let through, and nothing after it has begun.
      if (!held.isHolding && (data as Uint8Array).byteLength < 1000) return send.call(this, data);
      held.isHolding = true;
    };
  });
  await expect.poll(() => worker.evaluate(() => (globalThis as { isHolding?: boolean }).isHolding), { timeout: 60_000 }).toBe(true);
}

describe("a Node worker and tabs on WebGPU", () => {
  it("train one model; a tab that is closed in the middle of a step costs nothing but its time", async () => {
    const args = ["coordinator", runFile, "--port", "0", "--min-workers", "3", "--steps", "40", "--stay", "--json"];
    const coordinator = tabgrad([...args, "--out", temporaryFolder(), "--control-token", "the-token"]);
    const { url } = (await coordinator.event("start")) as unknown as { url: string };
    const browser = await launchBrowser();
    const watch = new Watch();
    const person = await newPerson(browser, watch);

    const dashboard = await openPage(person, `${url}/`);
    await isIn(dashboard, "phase", "waiting");
    expect(await dashboard.getByTestId("welcome").isVisible()).toBe(true);
    expect(await dashboard.getByTestId("run-name").textContent()).toBe("small");

    // On the same software GPU as the tabs: beside a CPU they would be too slow to be of use.
    const { environment } = await provideTestGpu();
    tabgrad(["worker", url, "--engine", "gpu", "--name", "node-1"], { env: environment });
    await workerRow(dashboard, "node-1").waitFor();
    await isIn(dashboard, "phase", "waiting");
    const first = await joinFromTab(person, url, "gpu", "tab-1");
    const second = await joinFromTab(person, url, "gpu", "tab-2");
    for (const name of ["tab-1", "tab-2"]) await workerRow(dashboard, name).waitFor();
    await isIn(dashboard, "phase", "running");
    expect(await workerRow(dashboard, "tab-1").textContent()).toMatch(/tab · gpu/);
    expect(await workerRow(dashboard, "node-1").textContent()).toMatch(/node · gpu/);

    await reaches(dashboard, 3);
    await isIn(first, "state", "computing");
    expect(await dashboard.getByTestId("lane").count()).toBe(3);
    expect(Number(await dashboard.getByTestId("loss").textContent())).toBeGreaterThan(0);

    await holdBack(second);
    await second.close();
    await dashboard.getByTestId("departed-worker").filter({ hasText: "tab-2" }).waitFor({ state: "attached" });
    await isIn(dashboard, "phase", "waiting");
    expect(await dashboard.getByTestId("deserted").isVisible()).toBe(true);
    const told = dashboard.getByTestId("decisions");
    await told.getByText(/tab-2 left \(/).waitFor();
    // What it held went back, unless somebody had done it already, taking it for late.
    const reasons = coordinator.events.flatMap(({ reason }) =>
      reason ? [reason as { kind: string; worker: string; of?: string; returned?: number }] : [],
    );
    expect(reasons).toContainEqual(
      expect.toSatisfy(
        ({ kind, worker, of, returned }: (typeof reasons)[number]) =>
          (kind === "left" && worker === "tab-2" && returned! > 0) || (kind === "duplicated" && of === "tab-2"),
      ),
    );
    const stoppedAt = await stepOf(dashboard);
    expect(stoppedAt).toBeGreaterThanOrEqual(3);
    expect(stoppedAt).toBeLessThan(40);

    const third = await joinFromTab(person, url, "gpu", "tab-3");
    await workerRow(dashboard, "tab-3").waitFor();
    await isIn(dashboard, "phase", "running");
    await isIn(dashboard, "phase", "finished");
    await isIn(first, "state", "finished");
    await isIn(third, "state", "finished");
    const done = await coordinator.event("done");
    expect(done).toMatchObject({ outcome: "finished", step: 40 });
    expect(await dashboard.getByTestId("parameters-sha256").getAttribute("data-sha256")).toBe(done.parametersSha256);
    expect(await dashboard.getByTestId("result-accuracy").textContent()).toBe(`${(100 * (done.accuracy as number)).toFixed(2)} %`);

    // A page that comes after the end sees it, too.
    await dashboard.reload();
    await isIn(dashboard, "phase", "finished");
    expect(await stepOf(dashboard)).toBe(40);

    const parameters = await checkpointParameters(done.checkpoint as string);
    expect(relativeDifference(parameters, await referenceParameters(small, ["steps=40"]))).toBeLessThan(1e-4);
    // The tabs were not just carried along.
    const contributors = new Set(
      coordinator.events.flatMap(({ shares }) => ((shares ?? []) as { name: string }[]).map(({ name }) => name)),
    );
    expect(contributors).toEqual(new Set([...contributors, "node-1", "tab-1", "tab-2"]));
    watch.check();
    coordinator.kill("SIGINT");
    expect((await coordinator.ended).exitCode).toBe(0);
  });
});
