// What the preflight makes of what was found: every reason why a GPU stays out, and what people are told to do about it.
import { describe, expect, it } from "vitest";
import type { AdapterFinding, Findings } from "../src/join/findings.ts";
import { httpsLink } from "../src/join/https-link.ts";
import { preflight, type Circumstances, type PreflightLine } from "../src/join/preflight.ts";

const adapter: AdapterFinding = {
  name: "apple metal-3",
  software: false,
  maxBufferSize: 2 ** 32,
  maxStorageBufferBindingSize: 2 ** 30,
  maxStorageBuffersPerShaderStage: 10,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupStorageSize: 32_768,
};
const proof = {
  passed: true,
  relativeError: 2e-7,
  worstError: 3e-7,
  lossError: 1e-7,
  tolerance: 1e-4,
  samplesPerSecond: 200_000,
  milliseconds: 300,
};
const good: Findings = { secure: true, webgpu: true, webAssembly: true, adapter, device: "opened", proof, complete: true };

const look = (findings: Partial<Findings>, circumstances: Circumstances = {}) => preflight({ ...good, ...findings }, circumstances);
const line = (id: PreflightLine["id"], findings: Partial<Findings>, circumstances?: Circumstances) =>
  look(findings, circumstances).lines.find((one) => one.id === id)!;
const statuses = (findings: Partial<Findings>, circumstances?: Circumstances) =>
  look(findings, circumstances).lines.map(({ status }) => status);

describe("the preflight", () => {
  it("lets a good GPU join, and the CPU where somebody prefers it", () => {
    expect(statuses({})).toEqual(["passed", "passed", "passed", "passed", "passed", "passed"]);
    expect(look({}).engines).toEqual(["gpu", "cpu"]);
    expect(line("adapter", {}).detail).toBe("apple metal-3");
    expect(line("speed", {}).detail).toContain("200k samples a second");
  });

  it("says why a plain http page sees no GPU, and links the https one", () => {
    const found = { secure: false, webgpu: false, adapter: undefined, device: undefined, proof: undefined };
    const link = "https://192.168.1.7:7070/join";
    expect(line("secure", found, { httpsLink: link })).toMatchObject({ status: "failed", link });
    expect(line("secure", found, { httpsLink: link }).detail).toContain("plain http");
    expect(statuses(found)).toEqual(["failed", "skipped", "skipped", "skipped", "skipped", "skipped"]);
    expect(look(found).engines).toEqual(["cpu"]);
  });

  it("asks for --tls where the coordinator speaks no https", () => {
    const secure = line("secure", { secure: false, webgpu: false });
    expect(secure.remedy).toContain("--tls");
    expect(secure.link).toBeUndefined();
  });

  it("names a browser without WebGPU", () => {
    const found = { webgpu: false, adapter: undefined, device: undefined, proof: undefined };
    expect(statuses(found)).toEqual(["passed", "failed", "skipped", "skipped", "skipped", "skipped"]);
    expect(line("webgpu", found).remedy).toContain("Chrome");
    expect(look(found).engines).toEqual(["cpu"]);
  });

  it("names a browser that gives no adapter", () => {
    const found = { adapter: null, device: undefined, proof: undefined };
    expect(statuses(found)).toEqual(["passed", "passed", "failed", "skipped", "skipped", "skipped"]);
    expect(line("adapter", found).remedy).toContain("acceleration");
    expect(look(found).engines).toEqual(["cpu"]);
  });

  it("warns of a GPU made of software, and puts the CPU before it", () => {
    const found = { adapter: { ...adapter, name: "google swiftshader", software: true } };
    expect(line("adapter", found)).toMatchObject({ status: "warning" });
    expect(line("adapter", found).detail).toContain("google swiftshader");
    expect(look(found).engines).toEqual(["cpu", "gpu"]);
  });

  it("keeps a GPU out that is below what WebGPU promises", () => {
    const found = { adapter: { ...adapter, maxStorageBuffersPerShaderStage: 4 } };
    expect(line("limits", found)).toMatchObject({ status: "failed" });
    expect(line("limits", found).detail).toBe("maxStorageBuffersPerShaderStage is 4; the engine needs 8.");
    expect(statuses(found).slice(4)).toEqual(["skipped", "skipped"]);
    expect(look(found).engines).toEqual(["cpu"]);
  });

  it("keeps a GPU out that cannot hold the run's parameters", () => {
    const small = { adapter: { ...adapter, maxStorageBufferBindingSize: 2 ** 27 } };
    expect(line("limits", small, { parameters: 2 ** 25 }).status).toBe("passed");
    expect(line("limits", small, { parameters: 2 ** 25 + 1 })).toMatchObject({ status: "failed" });
    expect(look(small, { parameters: 2 ** 25 + 1 }).engines).toEqual(["cpu"]);
  });

  it("passes on why a GPU gave no device", () => {
    const device = { message: "the GPU (apple metal-3) gave no device: out of memory", remedy: "Close other programs." };
    expect(line("limits", { device, proof: undefined })).toMatchObject({
      status: "failed",
      detail: device.message,
      remedy: device.remedy,
    });
    expect(look({ device, proof: undefined }).engines).toEqual(["cpu"]);
  });

  it("keeps a GPU out that computes a wrong gradient", () => {
    const wrong = { proof: { ...proof, passed: false, relativeError: 0.03 } };
    expect(line("gradient", wrong)).toMatchObject({ status: "failed" });
    expect(line("gradient", wrong).detail).toContain("off by 3.0e-2");
    expect(line("speed", wrong).status).toBe("skipped");
    expect(look(wrong).engines).toEqual(["cpu"]);
  });

  it("keeps a GPU out whose engine fails, with the engine's own words", () => {
    const failure = { message: "the GPU was lost", remedy: "Reload." };
    expect(line("gradient", { proof: failure })).toMatchObject({ status: "failed", detail: "the GPU was lost", remedy: "Reload." });
    expect(look({ proof: failure }).engines).toEqual(["cpu"]);
  });

  it("warns of a slow GPU, which joins all the same", () => {
    const slow = { proof: { ...proof, samplesPerSecond: 900 } };
    expect(line("speed", slow)).toMatchObject({ status: "warning" });
    expect(look(slow).engines).toEqual(["gpu", "cpu"]);
  });

  it("lets nobody join without WebGPU and WebAssembly", () => {
    expect(look({ webgpu: false, webAssembly: false, adapter: undefined, device: undefined, proof: undefined }).engines).toEqual(
      [],
    );
  });

  it("answers question after question, and lets nobody join before the last", () => {
    const open = { complete: false, adapter: undefined, device: undefined, proof: undefined };
    expect(statuses(open)).toEqual(["passed", "passed", "pending", "pending", "pending", "pending"]);
    expect(statuses({ ...open, adapter })).toEqual(["passed", "passed", "passed", "pending", "pending", "pending"]);
    expect(statuses({ ...open, adapter, device: "opened" })).toEqual([
      "passed",
      "passed",
      "passed",
      "passed",
      "pending",
      "pending",
    ]);
    expect(look({ complete: false })).toMatchObject({ complete: false, engines: [] });
  });

  it("has a remedy for everything that is not as it should be", () => {
    const cases: Partial<Findings>[] = [
      { secure: false },
      { webgpu: false },
      { adapter: null },
      { adapter: { ...adapter, software: true } },
      { adapter: { ...adapter, maxComputeInvocationsPerWorkgroup: 128 } },
      { proof: { ...proof, passed: false } },
      { proof: { ...proof, samplesPerSecond: 1 } },
    ];
    for (const found of cases) {
      const troubled = look(found).lines.filter(({ status }) => status === "failed" || status === "warning");
      expect(troubled).toHaveLength(1);
      expect(troubled[0].remedy).toMatch(/\w/);
    }
  });
});

describe("the https link", () => {
  const links = ["http://127.0.0.1:7070/join", "https://10.0.0.2:7070/join", "https://192.168.1.7:7070/join"];

  it("is the one with this page's own address, else the likeliest", () => {
    expect(httpsLink(links, "192.168.1.7")).toBe("https://192.168.1.7:7070/join");
    expect(httpsLink(links, "desk.local")).toBe("https://10.0.0.2:7070/join");
  });

  it("is not there where the coordinator speaks http alone", () => {
    expect(httpsLink(["http://127.0.0.1:7070/join"], "192.168.1.7")).toBeUndefined();
  });
});
