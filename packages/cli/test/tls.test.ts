// Where a coordinator's certificate comes from: given, kept, or made.
import { X509Certificate } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir, type NetworkInterfaceInfo } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { namesOf, whyRenew } from "../src/tls/certificate.ts";
import { settingsFolder } from "../src/tls/folder.ts";
import { openTls, type Tls, type TlsHost } from "../src/tls/index.ts";
import { readTrusted } from "../src/tls/trusted.ts";

const day = 24 * 60 * 60 * 1000;
const start = Date.UTC(2026, 0, 1);

const address = (text: string, internal = false): NetworkInterfaceInfo => {
  const common = { address: text, netmask: "", mac: "", internal, cidr: null };
  return text.includes(":") ? { ...common, family: "IPv6", scopeid: 0 } : { ...common, family: "IPv4" };
};

const machine = (...addresses: string[]): Omit<TlsHost, "folder" | "now"> => ({
  hostname: "Lab-Pc",
  interfaces: { lo: [address("127.0.0.1", true)], eth0: addresses.map((text) => address(text)) },
});

let folder: string;
let made: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tabgrad-tls-"));
  made = [];
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const own = async (now = start, host = machine("192.168.1.5", "fe80::1", "2001:db8::5")): Promise<Tls> =>
  (await openTls(
    { tls: true },
    (why) => made.push(why),
    () => ({ ...host, now, folder: join(folder, "tabgrad") }),
  ))!;

describe("a certificate of this machine's own", () => {
  it("names it and its addresses, for a year", async () => {
    const { cert, file, fingerprint, selfSigned } = await own();
    const certificate = new X509Certificate(cert);
    for (const name of ["localhost", "lab-pc", "lab-pc.local"]) expect(certificate.checkHost(name), name).toBe(name);
    for (const ip of ["127.0.0.1", "::1", "192.168.1.5", "2001:db8::5"]) expect(certificate.checkIP(ip), ip).toBe(ip);
    expect(certificate.checkIP("192.168.1.6")).toBeUndefined();
    expect(Date.parse(certificate.validTo)).toBe(start + 365 * day);
    expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBeLessThan(398 * day);
    expect(fingerprint).toBe(certificate.fingerprint256);
    expect(selfSigned).toBe(true);
    expect(await readFile(file, "utf8")).toBe(cert);
    expect(made).toEqual(["there was none"]);
  });

  it("has a key that nobody else can read", async () => {
    const { file } = await own();
    const key = join(file, "..", "key.pem");
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    await chmod(key, 0o644);
    await own(start + 360 * day);
    expect((await stat(key)).mode & 0o777).toBe(0o600);
  });

  it("is kept while it is good, and made anew when it is not", async () => {
    const { cert } = await own();
    expect((await own(start + 300 * day)).cert).toBe(cert);
    expect((await own(start + 300 * day, machine("192.168.1.5"))).cert).toBe(cert);
    expect(made).toHaveLength(1);
    const renewed = await own(start + 352 * day);
    expect(renewed.cert).not.toBe(cert);
    expect((await own(start + 352 * day, machine("192.168.7.7"))).cert).not.toBe(renewed.cert);
    expect(made.slice(1)).toEqual(["the one before expires soon", "the one before does not name 192.168.7.7"]);
  });

  it("is made anew where the files are damaged", async () => {
    const { file } = await own();
    await writeFile(file, "no certificate");
    expect((await own()).cert).toContain("BEGIN CERTIFICATE");
    await writeFile(join(file, "..", "key.pem"), "no key");
    await own();
    expect(made).toHaveLength(3);
  });

  it("serves https to who trusts it", async () => {
    const { key, cert } = await own(Date.now());
    const server = createServer({ key, cert }, (_, response) => response.end()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", servername: "localhost", ca: cert });
    await once(socket, "secureConnect");
    expect(socket.authorized).toBe(true);
    socket.destroy();
    server.close();
  });

  it("needs a folder to be kept in", async () => {
    await writeFile(join(folder, "tabgrad"), "a file");
    await expect(own()).rejects.toMatchObject({ code: "TLS_INVALID", message: expect.stringContaining(folder) as string });
  });
});

describe("a certificate that is given", () => {
  const never = (): void => expect.unreachable("made one");
  const given = (cert?: string, key?: string): Promise<Tls | undefined> =>
    openTls({ cert, key }, never, () => expect.unreachable());

  it("is read, with its key", async () => {
    const { file, cert, key, fingerprint } = await own();
    expect(await given(file, join(file, "..", "key.pem"))).toEqual({ file, cert, key, fingerprint, selfSigned: true });
  });

  it("is needed for nothing where https was not asked for", async () => {
    expect(await given()).toBeUndefined();
  });

  it("needs its key, and the key needs it", async () => {
    await expect(given("cert.pem")).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: "--cert was given without --key",
    });
    await expect(given(undefined, "key.pem")).rejects.toMatchObject({ message: "--key was given without --cert" });
  });

  it("must be there, be one, and belong to the key", async () => {
    const { file } = await own();
    const key = join(file, "..", "key.pem");
    const other = join(folder, "other.pem");
    await writeFile(other, await readFile(key));
    await own(start + 360 * day);
    for (const [cert, keyFile, why] of [
      [join(folder, "none.pem"), key, /ENOENT/],
      [key, key, /can't be used/],
      [file, file, /can't be used/],
      [file, other, /the key belongs to another certificate/],
    ] as const) {
      await expect(given(cert, keyFile)).rejects.toMatchObject({
        code: "TLS_INVALID",
        exitCode: 2,
        message: expect.stringMatching(why) as string,
      });
    }
  });
});

describe("a certificate to trust", () => {
  it("is read as it is", async () => {
    const { file, cert } = await own();
    expect(await readTrusted(file)).toBe(cert);
  });

  it("must be one", async () => {
    const { file } = await own();
    await expect(readTrusted(join(file, "..", "key.pem"))).rejects.toMatchObject({ code: "TLS_INVALID" });
    await expect(readTrusted(join(folder, "none.pem"))).rejects.toMatchObject({
      code: "TLS_INVALID",
      message: expect.stringContaining("none.pem") as string,
    });
  });
});

describe("whether a certificate is still good", () => {
  const kept = (days: number, names: string[]): Parameters<typeof whyRenew>[0] => ({
    validTo: start + days * day,
    covers: (name) => names.includes(name),
  });

  it.each([
    [365, ["localhost", "192.168.1.5"], undefined],
    [15, ["localhost", "192.168.1.5"], undefined],
    [14, ["localhost", "192.168.1.5"], "the one before expires soon"],
    [0, ["localhost", "192.168.1.5"], "the one before has expired"],
    [365, ["localhost"], "the one before does not name 192.168.1.5"],
    [365, [], "the one before does not name localhost, 192.168.1.5"],
  ])("%d days before its end, naming %j: %s", (days, names, why) => {
    expect(whyRenew(kept(days, names), ["localhost", "192.168.1.5"], start)).toBe(why);
  });

  it("does not hang on addresses that pass", () => {
    const { needed, passing } = namesOf(machine("192.168.1.5", "2001:db8::5", "fe80::1"));
    expect(needed).toEqual(["localhost", "lab-pc", "lab-pc.local", "127.0.0.1", "::1", "192.168.1.5"]);
    expect(passing).toEqual(["2001:db8::5"]);
  });

  it("takes a host name with a domain as it is, and none for none", () => {
    expect(namesOf({ hostname: "pc.lab.example", interfaces: {} }).needed).toEqual([
      "localhost",
      "pc.lab.example",
      "127.0.0.1",
      "::1",
    ]);
    expect(namesOf({ hostname: "", interfaces: {} }).needed).toEqual(["localhost", "127.0.0.1", "::1"]);
  });
});

it.each([
  ["linux", {}, "/home/ada/.config/tabgrad"],
  ["linux", { XDG_CONFIG_HOME: "/elsewhere" }, "/elsewhere/tabgrad"],
  ["linux", { XDG_CONFIG_HOME: "relative" }, "/home/ada/.config/tabgrad"],
  ["darwin", { XDG_CONFIG_HOME: "/elsewhere" }, "/home/ada/Library/Application Support/tabgrad"],
  ["win32", { APPDATA: "C:\\Users\\ada\\AppData\\Roaming" }, "C:\\Users\\ada\\AppData\\Roaming\\tabgrad"],
] as const)("settings on %s with %j are in %s", (platform, env, expected) => {
  expect(settingsFolder({ platform, env, home: "/home/ada" })).toBe(expected);
});
