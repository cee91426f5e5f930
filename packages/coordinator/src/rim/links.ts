// The addresses under which people and workers find a run, from where it listens.
import type { Links } from "@tabgrad/core";
import { isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";

export interface ListeningAt {
  /** The address that was asked for; 0.0.0.0 and :: are all of this machine's. */
  readonly host: string;
  readonly port: number;
  /** Whether the port speaks https, too. */
  readonly tls: boolean;
  /** As `os.networkInterfaces()` has them. */
  readonly interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
}

/** Bridges of containers, virtual machines and tunnels: rarely the network that the others are in. */
const virtualInterface = /^(docker|br-|veth|virbr|vmnet|vboxnet|vethernet|utun|tun|tap|tailscale|wg|zt)/i;

/** This machine's own link first, then one for each of its addresses in the network, the likeliest ones first. */
export function linksOf(at: ListeningAt): Links {
  const origins = addressesOf(at).map((address) => originOf(address, at));
  return {
    watch: origins.map((origin) => `${origin}/`),
    join: origins.map((origin) => `${origin}/join`),
    worker: origins,
  };
}

/** The first of the links that people on other machines can open; undefined where only this machine is let in. */
export const linkForOthers = (links: readonly string[]): string | undefined =>
  links.find((link) => !isLoopback(new URL(link).hostname));

/** The address as this machine reaches it: plain http, which is safe here and needs no trust in a certificate. */
export const localOrigin = ({ host, port }: Pick<ListeningAt, "host" | "port">): string =>
  `http://${bracketed(isEverywhere(host) ? "127.0.0.1" : host)}:${port}`;

function addressesOf({ host, interfaces }: ListeningAt): string[] {
  if (!isEverywhere(host)) return [host];
  const named = Object.entries(interfaces).sort(([a], [b]) => Number(virtualInterface.test(a)) - Number(virtualInterface.test(b)));
  const others = named.flatMap(([, addresses = []]) => addresses.filter(({ internal }) => !internal));
  const ipv4 = others.filter(({ family }) => family === "IPv4");
  // Link-local addresses have a zone, which no browser takes.
  const ipv6 = host === "::" ? others.filter(({ family, address }) => family === "IPv6" && !/^fe[89ab]/i.test(address)) : [];
  return ["127.0.0.1", ...[...ipv4, ...ipv6].map(({ address }) => address)];
}

function originOf(address: string, { port, tls }: ListeningAt): string {
  // What stays on this machine is a secure context for a browser without TLS, and no certificate stands in the way.
  return `${tls && !isLoopback(address) ? "https" : "http"}://${bracketed(address)}:${port}`;
}

const isEverywhere = (host: string): boolean => host === "0.0.0.0" || host === "::";
const isLoopback = (host: string): boolean => /^(127\.|localhost$|\[?::1\]?$)/.test(host);
const bracketed = (address: string): string => (isIP(address) === 6 ? `[${address}]` : address);
