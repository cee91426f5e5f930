// GET /tabgrad.json: how a worker recognises a coordinator before it opens a socket, so that a wrong address gets a plain answer.
import { TabgradError } from "../errors.ts";
import { protocolMismatch, protocolVersion } from "./version.ts";

/** The path of the document, from the root of the coordinator's address. */
export const discoveryPath = "/tabgrad.json";

/** The path of the workers' sockets. */
export const workerPath = "/worker";

/** The path of a shard's bytes. */
export const shardPath = (hash: string): string => `/shards/${hash}`;

/** The document. A coordinator may say more. */
export interface Discovery {
  readonly tabgrad: "coordinator";
  readonly protocol: number;
}

/** What this version's coordinator answers at least. */
export const discovery: Discovery = { tabgrad: "coordinator", protocol: protocolVersion };

/**
 * Checks what an address answered.
 * @param address for the message: what the user asked for
 * @throws TabgradError NOT_A_COORDINATOR, PROTOCOL_VERSION
 */
export function checkDiscovery(text: string, address: string): Discovery {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw notACoordinator(address, "its answer is not JSON");
  }
  const { tabgrad, protocol } = (document ?? {}) as Record<string, unknown>;
  if (tabgrad !== "coordinator") throw notACoordinator(address, 'its answer does not say "tabgrad": "coordinator"');
  if (typeof protocol !== "number") throw notACoordinator(address, "its answer names no version of the protocol");
  if (protocol !== protocolVersion) throw protocolMismatch(protocol, "the coordinator");
  return { tabgrad, protocol };
}

/** `found`: what was seen instead, as the end of a sentence. */
export function notACoordinator(address: string, found: string): TabgradError {
  return new TabgradError(
    "NOT_A_COORDINATOR",
    `${address} is not a tabgrad coordinator: ${found}`,
    "Give the address that the coordinator prints when it starts, with its port.",
  );
}
