// The join page in a real browser: what the preflight finds, what a tab does in a run, and that it survives what tabs go through.
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import { lanAddress, launchBrowser, newPerson, Watch } from "./support/browser.ts";
import { tabgrad, type Command } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { isIn, joinFromTab, openPage, reaches, tabWorker, workerRow } from "./support/pages.ts";

const runFile = "e2e/runs/small.ts";

let watch: Watch;
beforeEach(() => {
  watch = new Watch();
});

interface Started {
  readonly coordinator: Command;
  readonly url: string;
  readonly port: string;
}

async function start(...args: string[]): Promise<Started> {
  const coordinator = tabgrad(["coordinator", runFile, "--port", "0", "--json", "--out", temporaryFolder(), ...args]);
  const { url } = (await coordinator.event("start")) as unknown as { url: string };
  return { coordinator, url, port: new URL(url).port };
}

const endless = ["--steps", "1000000"];

/** Waits for a line of the preflight, and gives its text. */
async function line(page: Page, id: string, status: string): Promise<string> {
  const found = page.locator(`[data-testid="preflight-${id}"][data-status="${status}"]`);
  await found.waitFor();
  return (await found.textContent()) ?? "";
}

describe("the preflight", () => {
  it("starts nothing by itself, and says what it found", async () => {
    const { coordinator, url } = await start();
    const browser = await launchBrowser();
    const page = await openPage(await newPerson(browser, watch), `${url}/join`);
    await line(page, "secure", "passed");
    await line(page, "webgpu", "passed");
    expect(await line(page, "adapter", "warning")).toMatch(/SwiftShader.*made of software/i);
    await line(page, "limits", "passed");
    expect(await line(page, "gradient", "passed")).toMatch(/correct to/);
    await page.locator('[data-testid="preflight-speed"]:not([data-status="pending"])').waitFor();
    await page.getByTestId("join-gpu").waitFor();
    expect(coordinator.events.filter(({ event }) => event === "worker")).toEqual([]);
    watch.check();
  });

  it("says that there is no WebGPU; then the tab joins on its CPU, and trains", async () => {
    const { coordinator, url } = await start();
    const browser = await launchBrowser({ webgpu: "none" });
    const person = await newPerson(browser, watch);
    // Browsers without WebGPU are old ones: this one forgets it before the tab's Worker looks.
    await person.route("**/tab-worker-*.js", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `delete WorkerNavigator.prototype.gpu;\n${await response.text()}` });
    });
    const page = await openPage(person, `${url}/join`);
    expect(await line(page, "webgpu", "failed")).toMatch(/no WebGPU.*Use a recent/);
    await line(page, "adapter", "skipped");
    await page.getByTestId("join-cpu").click();
    await isIn(page, "state", "finished");
    expect(await coordinator.event("done")).toMatchObject({ outcome: "finished", step: 20 });
    expect(await coordinator.event("worker")).toMatchObject({ host: "tab", engine: "cpu" });
    // Nobody told the coordinator to stay: a link to its page would lead nowhere.
    await page.getByTestId("gone").waitFor();
    expect(await page.getByTestId("watch").count()).toBe(0);
    watch.check();
  });

  it("says that the browser found no GPU", async () => {
    const { url } = await start();
    const browser = await launchBrowser({ webgpu: "none" });
    const page = await openPage(await newPerson(browser, watch), `${url}/join`);
    expect(await line(page, "adapter", "failed")).toMatch(/found no GPU.*graphics acceleration/);
    await page.getByTestId("join-cpu").waitFor();
    watch.check();
  });

  it("tells a tab on plain http over the network why its GPU is hidden, and leads it to https", async () => {
    const { port } = await start("--host", "0.0.0.0", "--tls");
    const browser = await launchBrowser();
    const person = await newPerson(browser, watch, { ignoreHTTPSErrors: true });
    const page = await openPage(person, `http://${lanAddress()}:${port}/join`);
    expect(await line(page, "secure", "failed")).toMatch(/plain http.*browsers hide the GPU/);
    await page.getByTestId("join-cpu").waitFor();
    await page.getByTestId("https-link").first().click();
    await line(page, "secure", "passed");
    expect(new URL(page.url()).protocol).toBe("https:");
    await line(page, "gradient", "passed");
    watch.check();
  });

  it("says what to do where there is no https", async () => {
    const { port } = await start("--host", "0.0.0.0");
    const browser = await launchBrowser();
    const page = await openPage(await newPerson(browser, watch), `http://${lanAddress()}:${port}/join`);
    expect(await line(page, "secure", "failed")).toMatch(/--tls/);
    expect(await page.getByTestId("https-link").count()).toBe(0);
    watch.check();
  });
});

describe("a tab in a run", () => {
  async function joined(...args: string[]): Promise<Started & { tab: Page; dashboard: Page }> {
    const started = await start(...endless, "--control-token", "the-token", ...args);
    const browser = await launchBrowser();
    const person = await newPerson(browser, watch, { ignoreHTTPSErrors: true });
    const dashboard = await openPage(person, `${started.url}/`);
    const tab = await joinFromTab(person, started.url, "gpu", "the tab");
    await isIn(dashboard, "phase", "running");
    await reaches(dashboard, 2);
    return { ...started, tab, dashboard };
  }

  it("pauses, resumes and leaves, and nothing is lost", async () => {
    const { url, coordinator, tab, dashboard } = await joined();
    tabgrad(["worker", url, "--engine", "cpu", "--name", "steady"]);
    await workerRow(dashboard, "steady").waitFor();

    await tab.getByTestId("pause").click();
    await isIn(tab, "state", "paused");
    await workerRow(dashboard, "the tab").and(dashboard.locator('[data-availability="paused"]')).waitFor();
    await tab.getByTestId("resume").click();
    await workerRow(dashboard, "the tab").and(dashboard.locator('[data-availability="available"]')).waitFor();
    await isIn(tab, "state", "computing");

    await tab.getByTestId("leave").click();
    await isIn(tab, "state", "left");
    await dashboard.getByTestId("departed-worker").filter({ hasText: "the tab" }).waitFor({ state: "attached" });
    const { step } = await coordinator.event("step");
    await coordinator.event("step", (event) => (event.step as number) > (step as number) + 20);
    await isIn(dashboard, "phase", "running");
    watch.check();
  });

  it("is given less while it is hidden", async () => {
    const { tab, dashboard } = await joined();
    await tab.evaluate(() => {
      Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await workerRow(dashboard, "the tab").and(dashboard.locator('[data-availability="background"]')).waitFor();
    await dashboard.getByTestId("decisions").getByText("the tab is in the background (the tab is hidden) and gets less.").waitFor();
    watch.check();
  });

  it("stays in the run when its GPU is lost", async () => {
    const { tab, dashboard, coordinator } = await joined();
    const id = await workerRow(dashboard, "the tab").getAttribute("data-worker");
    await tabWorker(tab).evaluate(() => {
      const { createCommandEncoder } = GPUDevice.prototype;
      GPUDevice.prototype.createCommandEncoder = function (...options) {
        GPUDevice.prototype.createCommandEncoder = createCommandEncoder;
        this.destroy();
        return createCommandEncoder.apply(this, options);
      };
    });
    const away = await coordinator.event("availability", ({ availability }) => availability === "paused");
    expect(away.why).toMatch(/engine/);
    await coordinator.event("availability", ({ availability }) => availability === "available");
    const { step } = coordinator.events.filter(({ event }) => event === "step").at(-1)!;
    await coordinator.event("step", (event) => (event.step as number) > (step as number) + 1);
    await isIn(tab, "state", "computing");
    expect(await workerRow(dashboard, "the tab").getAttribute("data-worker")).toBe(id);
    watch.check();
  });

  it("trains over https, page and socket on one origin", async () => {
    const { coordinator, port } = await start("--host", "0.0.0.0", "--tls");
    const browser = await launchBrowser();
    const person = await newPerson(browser, watch, { ignoreHTTPSErrors: true });
    const tab = await joinFromTab(person, `https://${lanAddress()}:${port}`, "gpu", "over https");
    await isIn(tab, "state", "finished");
    expect(await coordinator.event("done")).toMatchObject({ outcome: "finished", step: 20 });
    watch.check();
  });
});
