// The built web pages, held in memory: what is not in the folder at the start is not served, whatever path is asked for.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Reply } from "./reply.ts";

interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** Made when it is first asked for, and kept. */
  gzipped?: Promise<Uint8Array>;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json; charset=utf-8",
  ".svg": "image/svg+xml; charset=utf-8",
  ".wasm": "application/wasm",
  ".png": "image/png",
  ".ico": "image/x-icon",
};

/** Of what is compressed already, nothing is gained. */
const compressible = /^(text|image\/svg|application\/(json|manifest|wasm))/;

/** A page runs what comes from its own coordinator, talks to nobody else, and is no part of another page. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const pageHeaders: Readonly<Record<string, string>> = {
  // For scripts, too: a worker goes by the policy that its own script came with.
  "content-security-policy": policy,
  "referrer-policy": "no-referrer",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), display-capture=(), usb=(), screen-wake-lock=(self)",
  "cross-origin-resource-policy": "same-origin",
};

const compress = promisify(gzip);

export class Pages {
  private readonly files: ReadonlyMap<string, PageFile>;

  /** Reads a folder of built pages: `index.html` becomes `/`, `NAME.html` becomes `/NAME`. @throws Error of the file system */
  static async read(directory: string): Promise<Pages> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const files = paths.map(async (path) => {
      const name = relative(directory, path).split(sep).join("/");
      return [pathOf(name), pageFile(name, await readFile(path))] as const;
    });
    return new Pages(new Map(await Promise.all(files)));
  }

  private constructor(files: ReadonlyMap<string, PageFile>) {
    this.files = files;
  }

  /** @param accepted the client's Accept-Encoding */
  get(path: string, accepted: string | undefined): Promise<Reply> | undefined {
    const file = this.files.get(path);
    return file && encode(file, accepted);
  }
}

async function encode(file: PageFile, accepted: string | undefined): Promise<Reply> {
  const { type, bytes } = file;
  if (!compressible.test(type)) return { type, body: bytes, headers: file.headers };
  const headers = { ...file.headers, vary: "accept-encoding" };
  if (!takesGzip(accepted)) return { type, body: bytes, headers };
  file.gzipped ??= compress(bytes);
  return { type, body: await file.gzipped, headers: { ...headers, "content-encoding": "gzip" } };
}

const pathOf = (name: string): string => (name === "index.html" ? "/" : `/${name.replace(/\.html$/, "")}`);

function pageFile(name: string, bytes: Uint8Array): PageFile {
  // The names of assets carry a hash of their content; everything else is asked for anew.
  const caching = name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
  return {
    type: types[extname(name)] ?? "application/octet-stream",
    bytes,
    // Weak, for the same file is sent compressed and not.
    headers: { ...pageHeaders, "cache-control": caching, etag: `W/"${hash}"` },
  };
}

/** Accept-Encoding (RFC 9110 §12.5.3), as far as it is about gzip. */
function takesGzip(accepted: string | undefined): boolean {
  const asked = (accepted ?? "").split(",").map((part) =>
    part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/),
  );
  const coding = asked.find(([name]) => name === "gzip") ?? asked.find(([name]) => name === "*");
  return coding !== undefined && !coding.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
}

/** Training needs no pages: where they can't be read it goes on without. */
export async function servedPages({
  pages,
  onWarning,
}: {
  readonly pages?: string;
  readonly onWarning: (message: string) => void;
}): Promise<Pages | undefined> {
  try {
    return pages === undefined ? undefined : await Pages.read(pages);
  } catch (error) {
    onWarning(`The web pages can't be served: ${(error as Error).message}`);
    return undefined;
  }
}
