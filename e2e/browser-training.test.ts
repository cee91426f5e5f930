// A run with browser tabs on WebGPU and a Node worker, watched on the dashboard: tabs are closed in the middle of a step, others come,
// and the parameters are those of one quiet machine.
import type { Reason } from "@tabgrad/core";
import { provideTestGpu } from "@tabgrad/gpu/swiftshader";
import { describe, expect, it } from "vitest";
import small from "./runs/small.ts";
import { launchBrowser, newPerson, Watch } from "./support/browser.ts";
import { tabgrad, type Command, type JsonEvent } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { gradientsAreHeld, holdGradients, releaseGradients } from "./support/held-gradients.ts";
import { isIn, joinFromTab, openPage, reaches, stepOf, workerRow } from "./support/pages.ts";
import { checkpointParameters, referenceParameters, relativeDifference } from "./support/reference.ts";

const runFile = "e2e/runs/small.ts";

/** Resolves when the worker has had a part in a step. */
const contributed = (coordinator: Command, name: string): Promise<JsonEvent> =>
  coordinator.event("step", ({ shares }) => (shares as { name: string }[]).some((share) => share.name === name));

describe("a Node worker and tabs on WebGPU", () => {
  it("train one model; tabs that are closed in the middle of a step cost nothing but their time", async () => {
    const args = ["coordinator", runFile, "--port", "0", "--min-workers", "2", "--steps", "40", "--stay", "--json"];
    const coordinator = tabgrad([...args, "--out", temporaryFolder(), "--control-token", "the-token"]);
    const { url } = (await coordinator.event("start")) as unknown as { url: string };
    const browser = await launchBrowser();
    const watch = new Watch();
    const person = await newPerson(browser, watch);

    const dashboard = await openPage(person, `${url}/`);
    await isIn(dashboard, "phase", "waiting");
    expect(await dashboard.getByTestId("welcome").isVisible()).toBe(true);
    expect(await dashboard.getByTestId("run-name").textContent()).toBe("small");

    // The first tab's part of the first step stays with it, so the second one does that, too, and goes on alone until one of its own
    // parts stays with it. From then on everything stands still, however fast or slow the machine is.
    const first = await joinFromTab(person, url, "gpu", "tab-1", (tab) => holdGradients(tab, 0));
    await workerRow(dashboard, "tab-1").waitFor();
    await isIn(dashboard, "phase", "waiting");
    const second = await joinFromTab(person, url, "gpu", "tab-2", (tab) => holdGradients(tab, 3));
    await workerRow(dashboard, "tab-2").waitFor();
    await isIn(dashboard, "phase", "running");
    expect(await workerRow(dashboard, "tab-1").textContent()).toMatch(/tab · gpu/);
    for (const tab of [first, second]) await gradientsAreHeld(tab);
    await isIn(second, "state", "computing");
    await reaches(dashboard, 1);
    expect(await dashboard.getByTestId("lane").count()).toBe(2);
    expect(Number(await dashboard.getByTestId("loss").textContent())).toBeGreaterThan(0);

    await second.close();
    await dashboard.getByTestId("departed-worker").filter({ hasText: "tab-2" }).waitFor({ state: "attached" });
    await isIn(dashboard, "phase", "waiting");
    expect(await dashboard.getByTestId("deserted").isVisible()).toBe(true);
    await dashboard
      .getByTestId("decisions")
      .getByText(/tab-2 left \(/)
      .waitFor();
    await first.close();
    await dashboard.getByTestId("departed-worker").filter({ hasText: "tab-1" }).waitFor({ state: "attached" });
    const told = coordinator.events.flatMap(({ reason }) => (reason ? [reason as Reason] : []));
    expect(told).toContainEqual(expect.objectContaining({ kind: "duplicated", worker: "tab-2", of: "tab-1" }));
    const returned = told.flatMap((one) => (one.kind === "left" ? [[one.worker, one.returned]] : []));
    expect(returned, "what nobody else has goes back, and nothing else").toEqual([
      ["tab-2", expect.toSatisfy((count: number) => count > 0)],
      ["tab-1", 0],
    ]);
    const stoppedAt = await stepOf(dashboard);
    expect(stoppedAt).toBeGreaterThanOrEqual(1);
    expect(stoppedAt).toBeLessThan(4);

    // On the same software GPU as the tabs: beside a CPU they would be too slow to be of use.
    const { environment } = await provideTestGpu();
    tabgrad(["worker", url, "--engine", "gpu", "--name", "node-1"], { env: environment });
    await workerRow(dashboard, "node-1").waitFor();
    expect(await workerRow(dashboard, "node-1").textContent()).toMatch(/node · gpu/);
    const third = await joinFromTab(person, url, "gpu", "tab-3", (tab) => holdGradients(tab, 0));
    await workerRow(dashboard, "tab-3").waitFor();
    await contributed(coordinator, "node-1");
    await releaseGradients(third);
    await isIn(dashboard, "phase", "finished");
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
    await contributed(coordinator, "tab-2");
    watch.check();
    coordinator.kill("SIGINT");
    expect((await coordinator.ended).exitCode).toBe(0);
  });
});
