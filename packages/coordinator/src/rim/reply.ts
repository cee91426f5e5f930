// How everything that is served is answered: HEAD, what the client has already, and the headers that hold for all of it.
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";

export interface Reply {
  readonly status?: number;
  readonly type: string;
  readonly body: Uint8Array | string;
  /** With an `etag` among them, a client that has the body already is told so and sent nothing. */
  readonly headers?: OutgoingHttpHeaders;
}

export function send(request: IncomingMessage, response: ServerResponse, { status = 200, type, body, headers }: Reply): void {
  const common = { "x-content-type-options": "nosniff", ...headers };
  if (status === 200 && hasAlready(request, headers?.etag)) {
    response.writeHead(304, common).end();
    return;
  }
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body), ...common });
  response.end(request.method === "HEAD" ? undefined : body);
}

export const plainText = "text/plain; charset=utf-8";

export const notFound = (what: string): Reply => ({ status: 404, type: plainText, body: `${what}\n` });

/** If-None-Match (RFC 9110 §13.1.2): a list, compared without regard to weakness. */
function hasAlready(request: IncomingMessage, etag: string | undefined): boolean {
  const known = request.headers["if-none-match"];
  if (etag === undefined || known === undefined) return false;
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, "");
  return known.trim() === "*" || known.split(",").map(opaque).includes(opaque(etag));
}
