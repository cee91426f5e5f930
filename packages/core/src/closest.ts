// What somebody may have meant who wrote a word that is not there.

/** What to say of a field that does not exist: what was meant, or what there is. */
export function unknownField(field: string, known: readonly string[] | undefined): string {
  if (!known) return "unknown field";
  const meant = closest(field, known);
  return meant ? `unknown field; did you mean ${meant}?` : `unknown field; there are ${known.join(", ")}`;
}

/**
 * The word that is at most a third of its letters away, or else the one that it is short for: "lr" for "learningRate", "eps" for
 * "epsilon". Case and separators do not count.
 */
export function closest(word: string, words: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const ranked = words
    .map((candidate) => ({ candidate, distance: editDistance(plain(word), plain(candidate)) / Math.max(candidate.length, 3) }))
    .sort((a, b) => a.distance - b.distance);
  if (ranked.length > 0 && ranked[0].distance <= 1 / 3) return ranked[0].candidate;
  return words.find((candidate) => isShortFor(plain(word), plain(candidate)));
}

/** Whether the letters of `short` stand in `long` in this order, the first of them first. */
function isShortFor(short: string, long: string): boolean {
  if (short.length < 2 || short[0] !== long[0]) return false;
  let at = -1;
  return [...short].every((letter) => (at = long.indexOf(letter, at + 1)) !== -1);
}

/** How many letters have to be put in, left out, replaced, or swapped with the next: Damerau 1964, no letter being touched twice. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2] + 1 : Infinity;
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1), swapped));
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
