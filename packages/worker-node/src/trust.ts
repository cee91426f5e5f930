// What is said where the coordinator's certificate is not one that this machine trusts.
import { TabgradError } from "@tabgrad/core";

const giveFile =
  "Copy the coordinator's certificate file to this machine (it prints the path when it starts) and give it with --ca FILE.";

/** What X.509 verification finds wrong (https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/), and what to do about it. */
const remedies: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: giveFile,
  SELF_SIGNED_CERT_IN_CHAIN: giveFile,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: giveFile,
  UNABLE_TO_GET_ISSUER_CERT: giveFile,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: giveFile,
  CERT_UNTRUSTED: giveFile,
  CERT_SIGNATURE_FAILURE: "The file given with --ca is not the one that this coordinator uses now: copy it again.",
  CERT_HAS_EXPIRED: "Start the coordinator again, so that --tls makes a new certificate; or give it one that is valid.",
  CERT_NOT_YET_VALID: "Check the clocks of both machines.",
  CERT_REVOKED: "Give the coordinator another certificate.",
  INVALID_PURPOSE: "Give the coordinator a certificate that is made for servers.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "Use an address that the certificate names; or start the coordinator again, so that --tls makes one for its present addresses.",
};

/** The failure, if it is one of trust. */
export function untrusted(url: string, { code = "", message }: { code?: string; message: string }): TabgradError | undefined {
  const remedy = remedies[code];
  if (remedy === undefined) return undefined;
  return new TabgradError("CERTIFICATE_UNTRUSTED", `the certificate of ${url} is not trusted: ${message}`, remedy);
}
