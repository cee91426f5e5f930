// What somebody may have meant by a name that is not there.

/** The Levenshtein distance: the least number of characters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}

/** How far `candidate` is from `wanted`; infinite where it is nothing like it. Case counts little, and a part of the name is near. */
function farness(wanted: string, candidate: string): number {
  const a = wanted.toLowerCase().slice(0, 100);
  const b = candidate.toLowerCase().slice(0, 100);
  if (a === b) return 0;
  const steps = distance(a, b);
  if (steps <= (a.length > 3 ? Math.max(2, a.length / 3) : 1)) return steps;
  const contained = (a.length > 2 && b.includes(a)) || (b.length > 2 && a.includes(b));
  return contained ? 50 + steps : Number.POSITIVE_INFINITY;
}

/** Up to three of `candidates` that resemble `wanted`, the nearest first. */
export function nearest(wanted: string, candidates: Iterable<string>): string[] {
  return [...candidates]
    .map((candidate) => ({ candidate, far: farness(wanted, candidate) }))
    .filter(({ far }) => far < Number.POSITIVE_INFINITY)
    .sort((a, b) => a.far - b.far || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** "a", "b" and 3 more */
export function listed(names: readonly string[], most = 20): string {
  const shown = names.slice(0, most).map((name) => `"${name}"`);
  return names.length > most ? `${shown.join(", ")} and ${names.length - most} more` : shown.join(", ");
}
