// Wrong control tokens, counted by where they come from, so that nobody can try one after another. Pure: the clock is an argument.

/** Wrong tokens from one address in a minute after which none is looked at any more until the minute is over. */
export const wrongTokensAllowed = 10;
export const attemptsWindowMs = 60_000;
/** Addresses remembered. Beyond them the oldest is forgotten: memory has a bound, and a token of 128 bits can't be found that way. */
const addressesRemembered = 10_000;

/** By remote address: since when its wrong tokens count, and how many there were; the oldest first. */
export type Attempts = ReadonlyMap<string, { readonly since: number; readonly wrong: number }>;

export function mayTry(attempts: Attempts, address: string, now: number): boolean {
  const known = attempts.get(address);
  return !known || known.wrong < wrongTokensAllowed || now - known.since >= attemptsWindowMs;
}

/** A wrong token came. */
export function wrongToken(attempts: Attempts, address: string, now: number): Attempts {
  const recent = new Map([...attempts].filter(([, { since }]) => now - since < attemptsWindowMs));
  const known = recent.get(address);
  if (!known && recent.size >= addressesRemembered) recent.delete(recent.keys().next().value!);
  return recent.set(address, known ? { ...known, wrong: known.wrong + 1 } : { since: now, wrong: 1 });
}
