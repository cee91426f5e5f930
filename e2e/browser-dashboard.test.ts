// The dashboard in a real browser: a reload in the middle of a run, the controls and who has them, a coordinator that is gone, and
// whether everybody can use it.
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import { launchBrowser, newPerson, Watch } from "./support/browser.ts";
import { tabgrad, type Command } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";
import { isIn, openPage, patienceMs, reaches, stepOf, workerRow } from "./support/pages.ts";

let watch: Watch;
beforeEach(() => {
  watch = new Watch();
});

const train = (...args: string[]): Promise<{ run: Command; url: string }> => trainFile("examples/mnist/mlp.ts", ...args);

async function trainFile(file: string, ...args: string[]): Promise<{ run: Command; url: string }> {
  const common = ["--engine", "cpu", "--threads", "1", "--json", "--out", temporaryFolder(), "--control-token", "the-token"];
  const run = tabgrad(["train", file, ...common, ...args]);
  const { url } = (await run.event("start")) as unknown as { url: string };
  return { run, url };
}

const endless = ["--epochs", "100000"];
/** One worker leaves a processor to the browser. */
const alone = [...endless, "--workers", "1"];
const together = [...endless, "--workers", "2"];

/** Newest steps of the run, as the coordinator told them. */
const newest = (run: Command) => run.events.filter(({ event }) => event === "step").at(-1)!;

describe("a page that is loaded again in the middle of a run", () => {
  it("shows the whole run at once", async () => {
    const { run, url } = await train(...together);
    const browser = await launchBrowser();
    const page = await openPage(await newPerson(browser, watch), url);
    await reaches(page, 50);
    const before = await stepOf(page);
    await page.reload();
    await isIn(page, "phase", "running");
    await reaches(page, before);
    await page.getByTestId("chart-loss").waitFor();
    expect(await page.getByTestId("worker-row").count()).toBe(2);
    expect(await page.getByTestId("decisions").textContent()).toMatch(/local-1 joined/);
    run.kill("SIGINT");
    await isIn(page, "phase", "stopped");
    expect(await page.getByTestId("result").getAttribute("data-outcome")).toBe("stopped");
    watch.check();
  });
});

describe("the controls", () => {
  const confirm = (page: Page) => page.locator("dialog[open]").getByTestId("confirm").click();

  it("are for whoever holds the token, and nobody else", async () => {
    const { run, url } = await train(...together);
    const browser = await launchBrowser();
    const onlooker = await openPage(await newPerson(browser, watch), url);
    const controller = await openPage(await newPerson(browser, watch), `${url}/#control=the-token`);
    await controller.getByTestId("control-pause").waitFor();
    expect(new URL(controller.url()).hash).toBe("");
    await reaches(onlooker, 5);
    expect(await onlooker.getByTestId("control-pause").count()).toBe(0);
    expect(await onlooker.getByTestId("control-drop").count()).toBe(0);

    await controller.getByTestId("control-pause").click();
    await isIn(onlooker, "phase", "paused");
    await controller.getByTestId("control-resume").click();
    await isIn(onlooker, "phase", "running");

    await controller.getByTestId("control-learning-rate").fill("0.0005");
    await controller.getByTestId("control-learning-rate-apply").click();
    await run.event("step", ({ learningRate }) => learningRate === 0.0005);

    const { step } = newest(run);
    await controller.getByTestId("control-checkpoint").click();
    await run.event("checkpoint", (event) => (event.step as number) >= (step as number));

    await workerRow(controller, "local-2").getByTestId("control-drop").click();
    await confirm(controller);
    await onlooker.getByTestId("departed-worker").filter({ hasText: "local-2" }).waitFor({ state: "attached" });

    await controller.getByTestId("control-stop").click();
    await confirm(controller);
    await isIn(onlooker, "phase", "stopped");
    expect(await run.event("done")).toMatchObject({ outcome: "stopped" });
    await run.ended;
    watch.check();
  });

  it("stay hidden from who holds a wrong one, and the page says so", async () => {
    const { url } = await train(...alone);
    const browser = await launchBrowser();
    const page = await openPage(await newPerson(browser, watch), `${url}/#control=guessed`);
    await page.getByTestId("refused").waitFor();
    expect(await page.getByTestId("control-pause").count()).toBe(0);
    watch.check();
  });
});

describe("a coordinator that is gone", () => {
  it("leaves a page that says so and still shows what it knew", async () => {
    const { run, url } = await train(...alone);
    const browser = await launchBrowser();
    const page = await openPage(await newPerson(browser, watch), url);
    await reaches(page, 20);
    // The browser itself writes to the console that nobody answers.
    watch.allow(/WebSocket connection to .* failed/);
    run.kill("SIGKILL");
    await page.getByTestId("lost").waitFor();
    expect(await stepOf(page)).toBeGreaterThanOrEqual(20);
    watch.check();
  });
});

describe("predictions on the live parameters", () => {
  it("are made in the viewer's browser, and improve with the run", async () => {
    const { url } = await train(...alone);
    const browser = await launchBrowser();
    const page = await openPage(await newPerson(browser, watch), url);
    await reaches(page, 30);
    await page.getByRole("heading", { name: "Predictions" }).scrollIntoViewIfNeeded();
    await page.getByTestId("prediction-sample").first().waitFor();
    await page.getByTestId("confusion-cell").first().waitFor();
    await expect
      .poll(async () => Number(/[\d.]+/.exec((await page.getByTestId("predictions-accuracy").textContent()) ?? "")?.[0]), {
        timeout: patienceMs,
      })
      .toBeGreaterThan(90);
    watch.check();
  });

  it("answer what is drawn", async () => {
    const { url } = await train(...alone);
    const browser = await launchBrowser();
    const page = await openPage(await newPerson(browser, watch), url);
    await reaches(page, 400);
    await page.getByRole("heading", { name: "Predictions" }).scrollIntoViewIfNeeded();
    const pad = page.getByTestId("pad");
    await pad.scrollIntoViewIfNeeded();
    // A one: straight down.
    const box = (await pad.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height * 0.2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height * 0.8, { steps: 12 });
    await page.mouse.up();
    await expect.poll(() => page.getByTestId("pad-answer").textContent(), { timeout: patienceMs }).toMatch(/1/);
    watch.check();
  });
});

describe("tables of an evaluation", () => {
  it("are shown with names and shares, and read cell by cell with the arrow keys", async () => {
    const { run, url } = await trainFile("e2e/runs/shown.ts", ...alone);
    const browser = await launchBrowser();
    const page = await openPage(await newPerson(browser, watch), url);
    const { confusionMatrix, classF1 } = (await run.event("eval")) as unknown as {
      confusionMatrix: number[][];
      classF1: number[];
    };
    expect(classF1).toHaveLength(confusionMatrix.length);
    const cell = page.locator('[data-cell="0-0"]');
    await cell.first().waitFor();
    expect(await page.getByTestId("matrix-cell").count()).toBe(confusionMatrix.length ** 2);
    await cell.first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toMatch(
      /^true 1, predicted 1: [\d,]+, [\d.]+ % of the true 1$/,
    );
    await expect.poll(() => page.getByTestId("matrix-pointed").textContent()).toMatch(/^true 1, predicted 1/);
    const shares = page.getByTestId("class-shares").locator("tbody tr");
    expect(await shares.count()).toBe(classF1.length);
    expect(await shares.first().textContent()).toMatch(/^0\d+(\.\d)? %$/);
    await expect.poll(() => page.getByTestId("standing-clipped").textContent()).toMatch(/in \d+ of \d+/);
    expect(await page.getByTestId("standing-stop-early").textContent()).toMatch(/Best accuracy\d+\.\d+ %/);
    watch.check();
  });
});

describe("everybody can use it", () => {
  const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

  /** The context has to bypass the page's own policy, which allows no other script. */
  async function violations(page: Page): Promise<string[]> {
    await page.addScriptTag({ path: axe });
    return page.evaluate(async () => {
      const { run } = (
        globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
      ).axe;
      const { violations: found } = await run();
      return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    });
  }

  it.each(["light", "dark"] as const)("dashboard and join page have no flaw that axe finds, in %s", async (colorScheme) => {
    const { url } = await trainFile("e2e/runs/shown.ts", ...alone);
    const browser = await launchBrowser();
    const person = await newPerson(browser, watch, { colorScheme, bypassCSP: true, reducedMotion: "reduce" });
    const page = await openPage(person, `${url}/#control=the-token`);
    await page.getByTestId("matrix-cell").first().waitFor();
    await page.getByTestId("by-class").locator("summary").click();
    expect(await violations(page)).toEqual([]);
    const join = await openPage(person, `${url}/join`);
    await join.getByTestId("join-gpu").waitFor();
    expect(await violations(join)).toEqual([]);
  });
});
