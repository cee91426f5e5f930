// Which contract this is, and how two peers find out that they do not share it.
import { TabgradError } from "../errors.ts";

/** The version of proto/tabgrad.proto that this software speaks. */
export const protocolVersion = 1;

const subprotocolPrefix = "tabgrad.v";

/** The WebSocket subprotocol of `protocolVersion`. */
export const subprotocol = `${subprotocolPrefix}${protocolVersion}`;

/**
 * The subprotocol to accept of those that a peer offers, or false for none. A peer that offers only another version is accepted with
 * that, since a socket has to be open for `Refused` to be sent; check its `Hello.protocol`, or `protocolOf` what was accepted.
 */
export function chooseSubprotocol(offered: Iterable<string>): string | false {
  const names = [...offered];
  if (names.includes(subprotocol)) return subprotocol;
  return names.find((name) => protocolOf(name) !== undefined) ?? false;
}

/** The version that a subprotocol's name stands for: 1 for "tabgrad.v1"; undefined where it is not one of ours. */
export function protocolOf(name: string): number | undefined {
  const digits = name.startsWith(subprotocolPrefix) ? name.slice(subprotocolPrefix.length) : "";
  return /^[1-9]\d{0,5}$/.test(digits) ? Number(digits) : undefined;
}

/** Says which side is the older one. `peer` names the other side: "the coordinator", "the worker". */
export function protocolMismatch(version: number, peer: string): TabgradError {
  const older = version < protocolVersion ? peer : "this side";
  return new TabgradError(
    "PROTOCOL_VERSION",
    `${peer} speaks version ${version} of the protocol, this side version ${protocolVersion}`,
    `Use the same version of tabgrad at both ends: update ${older}.`,
  );
}
