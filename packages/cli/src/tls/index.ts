// The certificate that a coordinator speaks https with: one that was given, or this machine's own, made when it is first needed.
import { TabgradError } from "@tabgrad/core";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir, hostname, networkInterfaces } from "node:os";
import { isIP } from "node:net";
import { join } from "node:path";
import { makeCertificate, namesOf, whyRenew, type Machine } from "./certificate.ts";
import { settingsFolder } from "./folder.ts";

export interface Tls {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
  /** SHA-256 of the certificate, as browsers show it. */
  readonly fingerprint: string;
  /** Where the certificate lies. */
  readonly file: string;
  /** Nobody vouches for it but itself: browsers warn, and workers need the file. */
  readonly selfSigned: boolean;
}

export interface TlsOptions {
  readonly tls?: true;
  readonly cert?: string;
  readonly key?: string;
}

/** What is asked of this machine; a test asks another. */
export interface TlsHost extends Machine {
  readonly folder: string;
  /** In milliseconds since 1970. */
  readonly now: number;
}

const thisMachine = (): TlsHost => ({
  hostname: hostname(),
  interfaces: networkInterfaces(),
  folder: settingsFolder({ platform: process.platform, env: process.env, home: homedir() }),
  now: Date.now(),
});

/**
 * Undefined where https was not asked for.
 * @param onMade is told why a certificate was made
 * @throws TabgradError OPTION_INVALID, TLS_INVALID
 */
export async function openTls(
  { tls, cert, key }: TlsOptions,
  onMade: (why: string, file: string) => void,
  host: () => TlsHost = thisMachine,
): Promise<Tls | undefined> {
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ["--key", "--cert"] : ["--cert", "--key"];
    throw new TabgradError("OPTION_INVALID", `${given} was given without ${missing}`, "Give both, or --tls alone.");
  }
  if (cert !== undefined && key !== undefined) return readPair(cert, key);
  return tls ? ownPair(host(), onMade) : undefined;
}

/** @throws TabgradError TLS_INVALID where a file can't be read, or the two don't belong together */
async function readPair(certFile: string, keyFile: string): Promise<Tls> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
    return describe(cert, key, certFile);
  } catch (error) {
    throw new TabgradError(
      "TLS_INVALID",
      `Certificate ${certFile} and key ${keyFile} can't be used: ${(error as Error).message}`,
      "Give a certificate and the private key that belongs to it, without a passphrase, both as PEM files; or --tls alone.",
      { cause: error },
    );
  }
}

/** The certificate of this machine: as it was kept, if it is still good. @throws TabgradError TLS_INVALID */
async function ownPair(host: TlsHost, onMade: (why: string, file: string) => void): Promise<Tls> {
  const certFile = join(host.folder, "certificate.pem");
  const keyFile = join(host.folder, "key.pem");
  const names = namesOf(host);
  const kept = await readPair(certFile, keyFile).catch(() => undefined);
  const why = kept ? whyRenew(lookAt(kept.cert), names.needed, host.now) : "there was none";
  if (kept && why === undefined) return kept;
  try {
    const { key, cert } = await makeCertificate(host.hostname, names, host.now);
    await mkdir(host.folder, { recursive: true, mode: 0o700 });
    await keep(keyFile, key, 0o600);
    await keep(certFile, cert, 0o644);
    onMade(why!, certFile);
    return describe(cert, key, certFile);
  } catch (error) {
    throw new TabgradError(
      "TLS_INVALID",
      `No certificate can be made and kept in ${host.folder}: ${(error as Error).message}`,
      "Make that folder writable, or give a certificate with --cert and --key.",
      { cause: error },
    );
  }
}

/** Whole or not at all: another coordinator may read it at this moment. */
async function keep(file: string, text: string, mode: number): Promise<void> {
  const beside = `${file}.${process.pid}`;
  await writeFile(beside, text, { mode });
  // The file may have been there already, with another mode.
  await chmod(beside, mode);
  await rename(beside, file);
}

/** @throws Error where the two are not what they should be */
function describe(cert: string, key: string, file: string): Tls {
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error("the key belongs to another certificate");
  return { cert, key, file, fingerprint: certificate.fingerprint256, selfSigned: certificate.verify(certificate.publicKey) };
}

function lookAt(cert: string): Parameters<typeof whyRenew>[0] {
  const certificate = new X509Certificate(cert);
  const covers = (name: string): boolean => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
  return { validTo: Date.parse(certificate.validTo), covers };
}
