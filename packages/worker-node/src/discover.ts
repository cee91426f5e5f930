// Before a socket is opened: is there a coordinator at this address, and does it speak our protocol?
import { checkDiscovery, discoveryPath, notACoordinator, TabgradError } from "@tabgrad/core";
import type { Response } from "undici";
import type { HttpClient } from "./http-client.ts";
import { untrusted } from "./trust.ts";

/** How long an address may take to answer. */
const answerMs = 10_000;
/** The document is small; whoever sends more is something else. */
const documentBytes = 64 * 1024;

/**
 * @param url the coordinator's address
 * @throws TabgradError COORDINATOR_UNREACHABLE where trying again can help; NOT_A_COORDINATOR, PROTOCOL_VERSION, ADDRESS_UNAVAILABLE,
 *   CERTIFICATE_UNTRUSTED
 */
export async function discover(url: string, http: HttpClient, signal: AbortSignal): Promise<void> {
  const response = await request(url, http, AbortSignal.any([signal, AbortSignal.timeout(answerMs)]));
  try {
    // A proxy in front of a coordinator that is away answers so.
    if (response.status >= 500) throw unreachable(url, `it answered with status ${response.status}`);
    if (!response.ok) throw notACoordinator(url, `it answered ${discoveryPath} with status ${response.status}`);
    checkDiscovery(await textOf(response, url), url);
  } finally {
    await response.body?.cancel().catch(() => {});
  }
}

async function request(url: string, http: HttpClient, signal: AbortSignal): Promise<Response> {
  const address = new URL(discoveryPath, url);
  try {
    return await http.get(address, signal);
  } catch (error) {
    const { name, code = "", message } = causeOf(error);
    // Something listens there, and it does not speak HTTP.
    if (name === "HTTPParserError") throw notACoordinator(url, "it does not speak HTTP");
    if (code === "EPROTO" || code.startsWith("ERR_SSL_")) {
      throw notACoordinator(url, "it does not speak https; a coordinator does if it was started with --tls");
    }
    // The ports that https://fetch.spec.whatwg.org/#port-blocking lists; the same for a tab.
    if (message === "bad port") throw blockedPort(address.port);
    throw unreachable(url, code === "ECONNREFUSED" ? "nothing listens there" : message, error);
  }
}

function blockedPort(port: string): TabgradError {
  return new TabgradError(
    "ADDRESS_UNAVAILABLE",
    `port ${port} belongs to another protocol: browsers and Node send no HTTP requests to it`,
    "Start the coordinator on another port, such as 7070.",
  );
}

async function textOf(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const part of response.body ?? []) {
      text += decoder.decode(part as Uint8Array, { stream: true });
      if (text.length > documentBytes) throw notACoordinator(url, `its answer is longer than ${documentBytes} bytes`);
    }
  } catch (error) {
    if (error instanceof TabgradError) throw error;
    throw unreachable(url, causeOf(error).message, error);
  }
  return text + decoder.decode();
}

/** `fetch` wraps what happened, once or twice. */
export function causeOf(error: unknown): { name?: string; code?: string; message: string } {
  const { cause } = error as { cause?: unknown };
  if (cause instanceof AggregateError && cause.errors.length > 0) return causeOf(cause.errors[0]);
  if (cause instanceof Error) return causeOf(cause);
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string };
  return { name, code: typeof code === "string" ? code : undefined, message: message || String(code ?? error) };
}

/** The failure of a connection: nobody is there, or somebody whom this machine does not trust. */
export function unreachable(url: string, why: string, cause?: unknown): TabgradError {
  const distrust = cause === undefined ? undefined : untrusted(url, causeOf(cause));
  if (distrust) return distrust;
  return new TabgradError(
    "COORDINATOR_UNREACHABLE",
    `no coordinator answers at ${url}: ${why}`,
    "Start the coordinator, or check address and port. The worker keeps trying.",
    { cause },
  );
}
