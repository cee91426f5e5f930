// The language model that a network has to beat: n-grams of characters, smoothed by interpolated Kneser-Ney. Chen & Goodman 1998, "An
// Empirical Study of Smoothing Techniques for Language Modeling", §2.7 and §3.

/** What follows one context: how often each character does, in all, and how many different ones. */
interface Followers {
  readonly counts: Map<string, number>;
  total: number;
}

/** Probabilities of characters by up to `order - 1` characters before them. */
export class KneserNey {
  private readonly order: number;
  private readonly vocabulary: number;
  /** By number of characters in the context. */
  private readonly levels: readonly ReadonlyMap<string, Followers>[];
  private readonly discounts: readonly number[];

  /** @param vocabulary how many characters there are: the shortest n-grams are interpolated with 1 / vocabulary */
  constructor(text: string, order: number, vocabulary: number) {
    this.order = order;
    this.vocabulary = vocabulary;
    let counts = new Map<string, number>();
    for (let i = 0; i + order <= text.length; i++) increment(counts, text.slice(i, i + order));
    const levels: Map<string, Followers>[] = [];
    const discounts: number[] = [];
    for (let length = order - 1; length >= 0; length--) {
      levels[length] = followersOf(counts, length);
      discounts[length] = discountOf(counts.values());
      // Shorter n-grams count in how many different contexts they occur, not how often.
      const shorter = new Map<string, number>();
      for (const gram of counts.keys()) increment(shorter, gram.slice(1));
      counts = shorter;
    }
    this.levels = levels;
    this.discounts = discounts;
  }

  /** p(character | the characters before it), the last ones of `before` counting. */
  probability(before: string, character: string): number {
    let result = 1 / this.vocabulary;
    for (let length = 0; length < this.order && length <= before.length; length++) {
      const followers = this.levels[length].get(before.slice(before.length - length));
      // Of a context that never occurred, no longer one did.
      if (!followers) break;
      const discount = this.discounts[length];
      const own = Math.max((followers.counts.get(character) ?? 0) - discount, 0);
      result = (own + discount * followers.counts.size * result) / followers.total;
    }
    return result;
  }
}

const increment = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

function followersOf(counts: ReadonlyMap<string, number>, length: number): Map<string, Followers> {
  const result = new Map<string, Followers>();
  for (const [gram, count] of counts) {
    const context = gram.slice(0, length);
    let followers = result.get(context);
    if (!followers) result.set(context, (followers = { counts: new Map(), total: 0 }));
    followers.counts.set(gram.slice(length), count);
    followers.total += count;
  }
  return result;
}

/** n₁ / (n₁ + 2n₂), of how many n-grams occur once and twice: Ney, Essen & Kneser 1994. */
function discountOf(counts: Iterable<number>): number {
  let [once, twice] = [0, 0];
  for (const count of counts) {
    if (count === 1) once++;
    if (count === 2) twice++;
  }
  return once > 0 ? once / (once + 2 * twice) : 0.5;
}
