// The texts of cells, from bytes. The same few texts stand in most cells of a column, and each of them is made once.

const quote = 0x22;

/** Longer texts are seldom the same. */
const maxLength = 32;

const slots = 1 << 12;

export class CellTexts {
  /** A text may be in the place that its bytes lead to. All of them are ASCII: a byte is a character. */
  readonly #known: string[] = Array<string>(slots).fill("");

  /** The text of a cell, without white space around it. */
  read(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > maxLength) return plainText(bytes, start, end);
    // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
    let hash = 0x811c9dc5;
    let isAscii = true;
    for (let at = start; at < end; at += 1) {
      hash = Math.imul(hash ^ bytes[at], 0x01000193);
      if (bytes[at] >= 0x80) isAscii = false;
    }
    if (!isAscii) return plainText(bytes, start, end);
    const slot = (hash ^ (hash >>> 16)) & (slots - 1);
    const known = this.#known[slot];
    if (known.length === length && matches(known, bytes, start)) return known;
    const text = plainText(bytes, start, end);
    if (text.length === length) this.#known[slot] = text;
    return text;
  }
}

function matches(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

/** A cell that begins behind a quote has its quotes twice. */
function plainText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, end);
  const isQuoted = start > 0 && bytes[start - 1] === quote;
  return (isQuoted ? text.replaceAll('""', '"').replaceAll(/\r\n?/g, "\n") : text).trim();
}
