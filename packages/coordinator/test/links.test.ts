// Which addresses people are told, from where a coordinator listens.
import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { linkForOthers, linksOf, localOrigin, type ListeningAt } from "../src/rim/links.ts";

const at = (address: string, internal = false): NetworkInterfaceInfo => {
  const common = { address, netmask: "", mac: "", internal, cidr: null };
  return address.includes(":") ? { ...common, family: "IPv6", scopeid: 0 } : { ...common, family: "IPv4" };
};

const interfaces: ListeningAt["interfaces"] = {
  lo: [at("127.0.0.1", true), at("::1", true)],
  docker0: [at("172.17.0.1")],
  eth0: [at("192.168.1.5"), at("fe80::1"), at("2001:db8::5")],
  gone: undefined,
};
const listening = (host: string, tls = false): ListeningAt => ({ host, port: 7070, tls, interfaces });

describe("links", () => {
  it("are this machine's alone where it listens to itself", () => {
    const links = linksOf(listening("127.0.0.1", true));
    expect(links).toEqual({
      watch: ["http://127.0.0.1:7070/"],
      join: ["http://127.0.0.1:7070/join"],
      worker: ["http://127.0.0.1:7070"],
    });
    expect(linkForOthers(links.join)).toBeUndefined();
  });

  it("name every address where it listens on all of them, bridges of containers last", () => {
    const links = linksOf(listening("0.0.0.0"));
    expect(links.join).toEqual(["http://127.0.0.1:7070/join", "http://192.168.1.5:7070/join", "http://172.17.0.1:7070/join"]);
    expect(linkForOthers(links.join)).toBe("http://192.168.1.5:7070/join");
  });

  it("are https for others where there is a certificate, and http for this machine", () => {
    expect(linksOf(listening("0.0.0.0", true)).worker).toEqual([
      "http://127.0.0.1:7070",
      "https://192.168.1.5:7070",
      "https://172.17.0.1:7070",
    ]);
  });

  it("know IPv6, without addresses that hold on one wire only", () => {
    expect(linksOf(listening("::")).worker).toEqual([
      "http://127.0.0.1:7070",
      "http://192.168.1.5:7070",
      "http://172.17.0.1:7070",
      "http://[2001:db8::5]:7070",
    ]);
    expect(linksOf(listening("::1", true)).watch).toEqual(["http://[::1]:7070/"]);
  });

  it.each([
    ["192.168.1.5", "https://192.168.1.5:7070/join"],
    ["lab.example", "https://lab.example:7070/join"],
    ["localhost", undefined],
    ["127.0.0.2", undefined],
    ["::1", undefined],
  ])("for others, when it listens at %s: %s", (host, link) => {
    expect(linkForOthers(linksOf(listening(host, true)).join)).toBe(link);
  });

  it("to this machine are plain http", () => {
    expect(localOrigin(listening("0.0.0.0", true))).toBe("http://127.0.0.1:7070");
    expect(localOrigin(listening("::1", true))).toBe("http://[::1]:7070");
    expect(localOrigin(listening("192.168.1.5", true))).toBe("http://192.168.1.5:7070");
  });
});
