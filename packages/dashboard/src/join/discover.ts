// Before a socket is opened: is the coordinator still there, and does it speak our protocol?
import { checkDiscovery, discoveryPath, notACoordinator, TabgradError } from "@tabgrad/core";

/** How long it may take to answer. */
const answerMs = 10_000;

/** @throws TabgradError COORDINATOR_UNREACHABLE, NOT_A_COORDINATOR, PROTOCOL_VERSION */
export async function discover(url: string, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL(discoveryPath, url), { signal: limit, cache: "no-store" });
    text = await response.text();
  } catch (cause) {
    throw unreachable(url, cause);
  }
  // A proxy in front of a coordinator that is away answers so.
  if (response.status >= 500) throw unreachable(url, new Error(`it answered with status ${response.status}`));
  if (!response.ok) throw notACoordinator(url, `it answered ${discoveryPath} with status ${response.status}`);
  checkDiscovery(text, url);
}

/** Browsers do not say why. */
export function unreachable(url: string, cause?: unknown): TabgradError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new TabgradError(
    "COORDINATOR_UNREACHABLE",
    `the coordinator at ${url} does not answer${why}`,
    "The tab keeps trying. If it takes long, ask whoever runs the coordinator.",
    { cause },
  );
}
