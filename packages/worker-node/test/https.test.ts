// A worker over https: it takes part where it trusts the coordinator's certificate, and says plainly why not where it does not.
import { generate } from "selfsigned";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { runWorker, type WorkerEnd } from "../src/index.ts";
import { assignment, TinyCoordinator, type TinyOptions } from "./tiny-coordinator.ts";

type Pair = NonNullable<TinyOptions["tls"]>;

async function certificate(address: string, notAfterDate?: Date): Promise<Pair> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "tabgrad" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(2020, 0),
    notAfterDate: notAfterDate ?? new Date(2100, 0),
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: address }] }],
  });
  return { key, cert };
}

let ours: Pair;
beforeAll(async () => {
  ours = await certificate("127.0.0.1");
});

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function coordinatorWith(tls: Pair | undefined): Promise<TinyCoordinator> {
  const coordinator = await TinyCoordinator.start({ tls });
  cleanups.push(() => coordinator.kill());
  return coordinator;
}

function work(url: string, ca?: string): Promise<WorkerEnd> {
  const controller = new AbortController();
  const log = { info: () => undefined, warn: () => undefined };
  const end = runWorker({ url, ca, name: "test", engine: "cpu", log, signal: controller.signal });
  end.catch(() => undefined);
  cleanups.push(async () => {
    controller.abort();
    await end.catch(() => undefined);
  });
  return end;
}

describe("a worker over https", () => {
  it("finds the coordinator, fetches shards and computes, with the certificate that it was given", async () => {
    const coordinator = await coordinatorWith(ours);
    const end = work(coordinator.url, ours.cert);
    const peer = await coordinator.peer();
    await peer.greet();
    peer.sendParameters(0);
    peer.send(assignment);
    expect((await peer.contribution()).contribution).toMatchObject({ assignment: assignment.assignment, samples: 8 });
    expect(coordinator.requests.filter((path) => path.startsWith("/shards/"))).toHaveLength(2);
    peer.send({ type: "goodbye", reason: "done", reconnect: false });
    expect(await end).toEqual({ kind: "finished", reason: "done" });
  });

  it("does not trust a certificate that it was not given, and does not try again", async () => {
    const coordinator = await coordinatorWith(ours);
    await expect(work(coordinator.url)).rejects.toMatchObject({
      code: "CERTIFICATE_UNTRUSTED",
      exitCode: 4,
      message: expect.stringContaining(coordinator.url) as string,
      remedy: expect.stringContaining("--ca FILE") as string,
    });
    expect(coordinator.requests).toEqual([]);
  });

  it("does not take one coordinator's certificate for another's", async () => {
    const coordinator = await coordinatorWith(ours);
    const other = await certificate("127.0.0.1");
    await expect(work(coordinator.url, other.cert)).rejects.toMatchObject({ code: "CERTIFICATE_UNTRUSTED" });
  });

  it("is told where the certificate names other addresses", async () => {
    const elsewhere = await certificate("192.0.2.7");
    const coordinator = await coordinatorWith(elsewhere);
    await expect(work(coordinator.url, elsewhere.cert)).rejects.toMatchObject({
      code: "CERTIFICATE_UNTRUSTED",
      message: expect.stringContaining("127.0.0.1") as string,
      remedy: expect.stringContaining("an address that the certificate names") as string,
    });
  });

  it("is told where the certificate has expired", async () => {
    const old = await certificate("127.0.0.1", new Date(2021, 0));
    const coordinator = await coordinatorWith(old);
    await expect(work(coordinator.url, old.cert)).rejects.toMatchObject({
      code: "CERTIFICATE_UNTRUSTED",
      message: expect.stringContaining("expired") as string,
    });
  });

  it("is told where nobody speaks https", async () => {
    const coordinator = await coordinatorWith(undefined);
    await expect(work(coordinator.url.replace("http:", "https:"))).rejects.toMatchObject({
      code: "NOT_A_COORDINATOR",
      message: expect.stringContaining("--tls") as string,
    });
  });
});
