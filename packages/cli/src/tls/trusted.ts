// A certificate that a worker is told to trust.
import { TabgradError } from "@tabgrad/core";
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";

/** PEM. @throws TabgradError TLS_INVALID */
export async function readTrusted(file: string): Promise<string> {
  try {
    const pem = await readFile(file, "utf8");
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    throw new TabgradError(
      "TLS_INVALID",
      `${file} is no certificate that can be trusted: ${(error as Error).message}`,
      "Give the certificate file of the coordinator: it prints the path when it starts with --tls.",
      { cause: error },
    );
  }
}
