// The one port as people meet it: https with a certificate that is made for the occasion, pages that outlive the run, and a token that
// is told to nobody but whoever started it.
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { root, tabgrad } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";

const run = "e2e/runs/small.ts";
const token = "nobody-else-knows-this";

/** What a request over https is answered with, by a server that `ca` vouches for. */
const get = (url: string, ca: string): Promise<{ status: number | undefined; type: string | undefined }> =>
  new Promise((resolve, reject) => {
    request(url, { ca, agent: false }, (response) => {
      response.resume().once("end", () => resolve({ status: response.statusCode, type: response.headers["content-type"] }));
    })
      .once("error", reject)
      .end();
  });

describe("a coordinator with --tls and --stay", () => {
  it("has workers over https and http, shows its pages after the run, and ends with Ctrl-C", async () => {
    const folder = temporaryFolder();
    const env = { XDG_CONFIG_HOME: join(folder, "settings"), HOME: folder, APPDATA: join(folder, "settings") };
    const options = [
      "--tls",
      "--stay",
      "--control-token",
      token,
      "--min-workers",
      "2",
      "--port",
      "0",
      "--out",
      join(folder, "run"),
    ];
    const coordinator = tabgrad(["coordinator", run, "--json", "--steps", "5", ...options], { env });
    const { url } = (await coordinator.event("start")) as unknown as { url: string };
    const stderr = await coordinator.said(/"certificate":/);
    const { certificate } = JSON.parse(stderr.split("\n").find((line) => line.includes('"certificate":'))!) as {
      certificate: string;
    };
    const secure = url.replace("http:", "https:");

    const stranger = await tabgrad(["worker", secure, "--engine", "cpu"]).ended;
    expect(stranger).toMatchObject({ exitCode: 4, stderr: expect.stringMatching(/CERTIFICATE_UNTRUSTED.*\n.*--ca/) as string });

    const workers = [
      tabgrad(["worker", secure, "--engine", "cpu", "--ca", certificate]),
      tabgrad(["worker", url, "--engine", "cpu"]),
    ];
    expect(await coordinator.event("done")).toMatchObject({ outcome: "finished", step: 5 });
    for (const { ended } of workers) expect((await ended).exitCode).toBe(0);

    await coordinator.said(/The dashboard stays at/);
    const ca = await readFile(certificate, "utf8");
    for (const path of ["/", "/join"]) {
      expect(await get(secure + path, ca), path).toEqual({ status: 200, type: "text/html; charset=utf-8" });
    }
    coordinator.kill("SIGINT");
    const { exitCode, stdout, stderr: log } = await coordinator.ended;
    expect(exitCode).toBe(0);
    expect(log).toContain(`${url}/#control=${token}`);
    expect(stdout).not.toContain(token);
    expect((await readFile(join(folder, "run", "journal.msgpack"))).includes(token)).toBe(false);

    // A run that goes on speaks https as it did before: with this machine's own certificate, or with the one that was given.
    const goOn = async (steps: number, more: readonly string[], cwd: string): Promise<void> => {
      const resumed = tabgrad(["coordinator", "--resume", join(folder, "run"), "--steps", String(steps), "--json", ...more], {
        env: cwd === folder ? { ...env, XDG_CONFIG_HOME: join(folder, "other") } : env,
        cwd,
      });
      expect(await resumed.event("start")).toMatchObject({ url });
      expect(await get(`${secure}/join`, ca)).toMatchObject({ status: 200 });
      tabgrad(["worker", secure, "--engine", "cpu", "--ca", certificate]);
      expect(await resumed.event("done")).toMatchObject({ outcome: "finished", step: steps });
      expect((await resumed.ended).exitCode).toBe(0);
    };
    await goOn(7, [], root);
    const given = ["--cert", certificate, "--key", certificate.replace("certificate.pem", "key.pem")];
    await goOn(
      9,
      given.map((text) => (text.startsWith("--") ? text : relative(folder, text))),
      folder,
    );
    await goOn(11, [], folder);
  });
});

describe("train", () => {
  it("shares its port with others who come over https", async () => {
    const folder = temporaryFolder();
    const env = { XDG_CONFIG_HOME: folder, HOME: folder, APPDATA: folder };
    const command = tabgrad(
      ["train", run, "--steps", "3", "--workers", "1", "--engine", "cpu", "--tls", "--out", join(folder, "run")],
      {
        env,
      },
    );
    const { exitCode, stderr } = await command.ended;
    expect(exitCode).toBe(0);
    expect(stderr).toContain("made a certificate for https: there was none");
    expect(stderr).toMatch(/Join with: npx tabgrad worker http:\/\/127\.0\.0\.1:\d+/);
  });

  it("names the option that lacks another, before anything listens", async () => {
    const { exitCode, stderr, stdout } = await tabgrad(["train", run, "--cert", "cert.pem"]).ended;
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/OPTION_INVALID\s+--cert was given without --key/);
    expect(stdout).toBe("");
  });
});
