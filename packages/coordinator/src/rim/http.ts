// The coordinator's http side: one table from paths to answers.
import { discoveryPath, parametersPath, runDocumentPath, shardPath, versionHeader } from "@tabgrad/core";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { ShardStore } from "@tabgrad/data";
import type { Pages } from "./pages.ts";
import { notFound, plainText, send, type Reply } from "./reply.ts";
import { sendShard } from "./shards.ts";

export interface HttpContent {
  readonly runId: string;
  readonly store: ShardStore;
  /** What /tabgrad.json answers: changes all the time. */
  readonly identity: () => Readonly<Record<string, unknown>>;
  /** What /run.json answers, a `RunDocument` as JSON; stays the same. */
  readonly runDocument: () => string;
  /** The newest parameters: the flat vector, float32 little-endian, and how many steps are behind it. */
  readonly parameters: () => { readonly version: number; readonly bytes: Uint8Array };
  /** Without them the coordinator says in a line of text what it is. */
  readonly pages?: Pages;
}

type Answer = (request: IncomingMessage) => Reply | Promise<Reply>;

const shardsPath = shardPath("");

export function createAnswer(content: HttpContent): RequestListener {
  const { store, pages } = content;
  const documents = documentsOf(content);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? "/").split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD") {
      const body = "Only GET and HEAD are answered here.\n";
      return send(request, response, { status: 405, type: plainText, body, headers: { allow: "GET, HEAD" } });
    }
    if (path.startsWith(shardsPath)) return sendShard(store, path.slice(shardsPath.length), request, response);
    const found = documents.get(path)?.(request) ?? pages?.get(path, request.headers["accept-encoding"]);
    send(request, response, (await found) ?? notFound("Not found. This is a tabgrad coordinator."));
  };
  return (request, response) => {
    answer(request, response).catch(() => response.destroy());
  };
}

function documentsOf({ runId, identity, runDocument, parameters, pages }: HttpContent): ReadonlyMap<string, Answer> {
  const documents = new Map<string, Answer>([
    [discoveryPath, () => json(`${JSON.stringify(identity())}\n`, { "cache-control": "no-store" })],
    [runDocumentPath, () => json(runDocument(), { "cache-control": "no-cache", etag: `"${runId}"` })],
    [
      parametersPath,
      () => {
        const { version, bytes } = parameters();
        const headers = { "cache-control": "no-cache", etag: `"${runId}-${version}"`, [versionHeader]: String(version) };
        return { type: "application/octet-stream", body: bytes, headers };
      },
    ],
  ]);
  if (!pages) documents.set("/", greeting);
  return documents;
}

const json = (body: string, headers: Reply["headers"]): Reply => ({ type: "application/json; charset=utf-8", body, headers });

const greeting: Answer = ({ headers }) => ({
  type: plainText,
  body: `This is a tabgrad coordinator. Join it from a terminal:\n\n  npx tabgrad worker http://${headers.host}\n`,
  headers: { "cache-control": "no-store" },
});
