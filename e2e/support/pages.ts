// What people do and see on the pages, in one line each.
import { expect } from "vitest";
import type { BrowserContext, Page } from "playwright-core";

/** SwiftShader compiles slowly, and everybody shares the cores. */
export const patienceMs = 180_000;

export async function openPage(context: BrowserContext, address: string): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  await page.goto(address);
  return page;
}

/**
 * Opens the join page, waits for the preflight and joins.
 * @param prepare what to do with the page before it joins
 */
export async function joinFromTab(
  context: BrowserContext,
  url: string,
  engine: "gpu" | "cpu",
  name: string,
  prepare?: (page: Page) => Promise<void>,
): Promise<Page> {
  const page = await openPage(context, `${url}/join`);
  const button = page.getByTestId(`join-${engine}`);
  await button.waitFor();
  await prepare?.(page);
  await page.getByTestId("name").fill(name);
  await button.click();
  return page;
}

/** What the page is: the dashboard's phase, or the join page's state. */
export async function isIn(page: Page, testId: "phase" | "state", value: string): Promise<void> {
  await page.locator(`[data-testid="${testId}"][data-${testId}="${value}"]`).waitFor({ state: "attached" });
}

export const workerRow = (page: Page, name: string) => page.getByTestId("worker-row").filter({ hasText: name });

/** The steps taken, as the dashboard says. */
export async function stepOf(page: Page): Promise<number> {
  return Number(((await page.getByTestId("step").textContent()) ?? "").replace(/[^0-9]/g, ""));
}

/** Waits until the dashboard shows that step, or a later one. */
export async function reaches(page: Page, step: number): Promise<void> {
  await expect.poll(() => stepOf(page), { timeout: patienceMs }).toBeGreaterThanOrEqual(step);
}

/** The dedicated Worker of a join page: the one that holds the session. */
export const tabWorker = (page: Page) => page.workers()[0];
