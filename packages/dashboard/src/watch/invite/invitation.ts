// Which of a run's addresses to hand to others: one that reaches this coordinator from where they are.
import type { Links } from "@tabgrad/core";

export interface Invitation {
  /** The best one, for the QR code. */
  readonly link: string;
  /** The others that reach further than this machine. */
  readonly others: readonly string[];
  /** For `tabgrad worker`, on the same host where there is one. */
  readonly worker: string | undefined;
  /** Nobody on another machine can use it. */
  readonly loopback: boolean;
  /** A tab on another machine gets no GPU over it: browsers want https for that. */
  readonly insecure: boolean;
}

export function isLoopback(link: string): boolean {
  const { hostname } = new URL(link);
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127\./.test(hostname);
}

/**
 * @param origin where this page came from: what brought one person here brings others, too, even through a tunnel that the
 *   coordinator knows nothing of
 */
export function invitation(links: Links | undefined, origin: string): Invitation {
  const here = `${origin}/join`;
  const reaching = (links?.join ?? []).filter((link) => !isLoopback(link));
  const known = reaching.find((link) => new URL(link).host === new URL(here).host);
  const link = known ?? (isLoopback(here) ? (reaching[0] ?? links?.join[0] ?? here) : here);
  const { hostname, protocol } = new URL(link);
  const loopback = isLoopback(link);
  return {
    link,
    others: reaching.filter((other) => other !== link),
    worker: links?.worker.find((address) => new URL(address).hostname === hostname) ?? links?.worker[0],
    loopback,
    insecure: !loopback && protocol === "http:",
  };
}
