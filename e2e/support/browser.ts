// A real browser for tests: the Chromium that `npm ci` brings, with WebGPU on SwiftShader, driven by playwright-core. Every page is
// watched: a console error, an uncaught exception or a request to another machine fails the test.
import { execFile } from "node:child_process";
import { networkInterfaces } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { unpackChromium } from "@tabgrad/gpu/swiftshader";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { afterEach, expect } from "vitest";

const libraries = "al2023.tar.br";

/** What `BrowserOptions.webgpu` comes to. `workgroup_init` makes SwiftShader clear workgroup memory in a way that takes most of the time. */
const webgpuArguments = {
  software: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-dawn-features=disable_workgroup_init"],
  none: [],
} as const;

export interface BrowserOptions {
  /** `none`: a browser that finds no adapter. Default: `software`. */
  readonly webgpu?: "software" | "none";
}

const open = new Set<Browser>();

/** No test leaves a browser behind. */
afterEach(async () => {
  await Promise.all([...open].map((browser) => browser.close()));
  open.clear();
});

export async function launchBrowser({ webgpu = "software" }: BrowserOptions = {}): Promise<Browser> {
  const folder = await unpackChromium("chromium", ["chromium.br", "swiftshader.tar.br"]);
  const executablePath = join(folder, "chromium");
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--headless=shell", ...webgpuArguments[webgpu]],
    env: { ...process.env, ...(await libraryPath(executablePath, folder)) },
  });
  open.add(browser);
  return browser;
}

/** A bare Debian lacks a few libraries that Chromium wants; the package has them. Where the machine has its own, those are better. */
async function libraryPath(executable: string, folder: string): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)("ldd", [executable]).catch(() => ({ stdout: "" }));
  const folders = stdout.includes("not found") ? [folder, await unpackChromium("chromium-libraries", [libraries])] : [folder];
  return { LD_LIBRARY_PATH: [...folders, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter) };
}

/** This machine's addresses. */
const own = new Set([
  "localhost",
  "[::1]",
  ...Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)),
]);

/** The address by which others on the network reach this machine. */
export function lanAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((all = []) => all)
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (!found) throw new Error("this test needs a network address beside 127.0.0.1");
  return found.address;
}

/** What went wrong on the pages of a browser, as a list that has to stay empty. */
export class Watch {
  readonly problems: string[] = [];
  readonly #allowed: RegExp[] = [];

  /** Watches every page that a context opens. */
  over(context: BrowserContext): void {
    context.on("page", (page) => this.page(page));
    context.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      const local = own.has(hostname) || ["data:", "blob:"].includes(protocol);
      if (!local) this.#note(`a request left this machine: ${request.url()}`);
    });
  }

  /** From now on this is expected, such as the console's word on a socket whose coordinator was killed. */
  allow(pattern: RegExp): void {
    this.#allowed.push(pattern);
  }

  page(page: Page): void {
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.#note(`console ${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.#note(`uncaught: ${error.stack ?? error.message}`));
    page.on("crash", () => this.#note("the page crashed"));
  }

  check(): void {
    expect(this.problems.filter((problem) => !this.#allowed.some((pattern) => pattern.test(problem)))).toEqual([]);
  }

  #note(problem: string): void {
    this.problems.push(problem);
  }
}

/** A context of its own: another person's browser. */
export async function newPerson(browser: Browser, watch: Watch, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  watch.over(context);
  return context;
}
