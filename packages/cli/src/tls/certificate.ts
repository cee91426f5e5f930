// A certificate of this machine's own: what it must name, when it is to be made anew, and how it is made.
import { isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";

const dayMs = 24 * 60 * 60 * 1000;
/** Browsers take none that is valid for more than 398 days. */
const validMs = 365 * dayMs;
/** One that would end in the middle of a course is made anew before it. */
const renewMs = 14 * dayMs;
/** Others' clocks may be behind. */
const earlierMs = dayMs;

export interface Machine {
  readonly hostname: string;
  /** As `os.networkInterfaces()` has them. */
  readonly interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
}

export interface CertificateNames {
  /** Names and addresses under which people are told to come: without one of them a certificate is of no use. */
  readonly needed: readonly string[];
  /** IPv6 addresses, which many networks change daily: named, but no reason for another certificate. */
  readonly passing: readonly string[];
}

export function namesOf({ hostname, interfaces }: Machine): CertificateNames {
  const addresses = Object.values(interfaces).flatMap((list = []) => list.filter(({ internal }) => !internal));
  const of = (family: "IPv4" | "IPv6"): string[] =>
    addresses.filter((each) => each.family === family).map(({ address }) => address);
  const local = hostname === "" || hostname.includes(".") ? [hostname] : [hostname, `${hostname}.local`];
  const needed = ["localhost", ...local.map((name) => name.toLowerCase()), "127.0.0.1", "::1", ...of("IPv4")];
  return {
    needed: [...new Set(needed)].filter((name) => name !== ""),
    // Link-local ones have a zone, which no browser takes.
    passing: of("IPv6").filter((address) => !/^fe[89ab]/i.test(address)),
  };
}

/** What is looked at of a certificate that was made before. */
export interface KeptCertificate {
  /** In milliseconds since 1970. */
  readonly validTo: number;
  readonly covers: (name: string) => boolean;
}

/** Why it is to be made anew; undefined if it is still good. */
export function whyRenew(kept: KeptCertificate, needed: readonly string[], now: number): string | undefined {
  if (kept.validTo <= now) return "the one before has expired";
  if (kept.validTo - now <= renewMs) return "the one before expires soon";
  const missing = needed.filter((name) => !kept.covers(name));
  return missing.length > 0 ? `the one before does not name ${missing.join(", ")}` : undefined;
}

/** A private key and a certificate that vouches for itself, PEM. */
export async function makeCertificate(
  hostname: string,
  { needed, passing }: CertificateNames,
  now: number,
): Promise<{ key: string; cert: string }> {
  const altNames = [...needed, ...passing].map((name) =>
    isIP(name) ? ({ type: 7, ip: name } as const) : ({ type: 2, value: name } as const),
  );
  // Loaded when asked for: it has 250 modules, and few runs make a certificate.
  const { generate } = await import("selfsigned");
  const { private: key, cert } = await generate([{ name: "commonName", value: `tabgrad on ${hostname}`.slice(0, 64) }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(now - earlierMs),
    notAfterDate: new Date(now + validMs),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames },
    ],
  });
  return { key, cert };
}
