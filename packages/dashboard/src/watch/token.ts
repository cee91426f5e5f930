// The control token: it comes with the link (`#control=TOKEN`) and is then kept for this tab only, out of the address bar, so that a
// screenshot or a copied address does not hand the run over.

const key = "tabgrad.control";

/** The token in a fragment (`#control=…`); undefined where there is none. */
export function tokenIn(hash: string): string | undefined {
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("control");
  return token === null || token === "" ? undefined : token;
}

export interface TokenPlace {
  readonly location: Pick<Location, "hash" | "pathname" | "search">;
  readonly history: Pick<History, "replaceState">;
  /** May throw: storage can be forbidden. */
  readonly storage: () => Pick<Storage, "getItem" | "setItem">;
}

/** The token of the address, which is taken out of it, or else the one that this tab was opened with before. */
export function takeToken({ location, history, storage }: TokenPlace): string | undefined {
  const token = tokenIn(location.hash);
  if (token === undefined) return quietly(() => storage().getItem(key)) ?? undefined;
  history.replaceState(null, "", location.pathname + location.search);
  quietly(() => storage().setItem(key, token));
  return token;
}

/** Without storage the token holds until the page is left. */
function quietly<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
