// Cuts CSV text into rows of cells (RFC 4180), piece by piece. Nearly all lines of nearly all files have no quotes: these are split and
// nothing else, which makes it several times as fast as looking at every character.

/** Longer rows come from a quote that is never closed, or from a file that is no CSV. */
const maxRowCharacters = 2 ** 24;

/** The text is no CSV from line `line` on; the message says why. */
export class CsvSyntaxError extends Error {
  readonly line: number | undefined;
  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

/** Takes a row: its cells, without white space around them, and the line that it begins on, from 1. */
export type TakeRow = (cells: string[], line: number) => void;

export class CsvRows {
  readonly #delimiter: string;
  readonly #take: TakeRow;
  /** The text of a row that has not ended. */
  #pending = "";
  /** The line that `#pending` begins on. */
  #line = 1;

  /** Line breaks are "\n", a delimiter is one character. Blank lines are passed over. */
  constructor(delimiter: string, take: TakeRow) {
    this.#delimiter = delimiter;
    this.#take = take;
  }

  /** @throws CsvSyntaxError */
  write(piece: string): void {
    this.#read(this.#pending + piece, false);
    if (this.#pending.length <= maxRowCharacters) return;
    throw new CsvSyntaxError(`a row has more than ${maxRowCharacters} characters`, this.#line);
  }

  /** @throws CsvSyntaxError */
  end(): void {
    this.#read(this.#pending, true);
  }

  #read(text: string, isLast: boolean): void {
    let position = 0;
    let quote = text.indexOf('"');
    while (position < text.length) {
      if (quote >= 0 && quote < position) quote = text.indexOf('"', position);
      const lineBreak = text.indexOf("\n", position);
      if (lineBreak < 0 && !isLast) break;
      const end = lineBreak < 0 ? text.length : lineBreak;
      if (quote >= 0 && quote < end) {
        const next = this.#readQuoted(text, position, isLast);
        if (next === undefined) break;
        position = next;
        continue;
      }
      const row = text.slice(position, end);
      if (row.trim() !== "") this.#take(row.split(this.#delimiter).map(trimmed), this.#line);
      this.#line += 1;
      position = end + 1;
    }
    this.#pending = text.slice(position);
  }

  /** Reads a row that has quotes. @returns where the next row begins; undefined where this one has not ended */
  #readQuoted(text: string, begin: number, isLast: boolean): number | undefined {
    const cells: string[] = [];
    let lines = 0;
    let position = begin;
    for (;;) {
      while (this.#isSpace(text[position])) position += 1;
      let cell = "";
      if (text[position] === '"') {
        const start = position;
        for (position += 1; ; position += 2) {
          const quote = text.indexOf('"', position);
          if (quote < 0) {
            if (!isLast) return undefined;
            throw new CsvSyntaxError("the file ends within a quoted cell");
          }
          cell += text.slice(position, quote);
          position = quote;
          if (text[quote + 1] !== '"') break;
          cell += '"';
        }
        // The quote may be the first of two.
        if (position + 1 === text.length && !isLast) return undefined;
        position += 1;
        while (this.#isSpace(text[position])) position += 1;
        lines += breaksIn(text, start, position);
        if (position < text.length && text[position] !== this.#delimiter && text[position] !== "\n") {
          throw new CsvSyntaxError(`text follows the closing quote of cell ${cells.length + 1}`, this.#line + lines);
        }
        cell = cell.trim();
      } else {
        const start = position;
        while (position < text.length && text[position] !== this.#delimiter && text[position] !== "\n") position += 1;
        cell = text.slice(start, position).trim();
        if (cell.includes('"'))
          throw new CsvSyntaxError(
            `there is a quote within cell ${cells.length + 1}, which does not begin with one`,
            this.#line + lines,
          );
      }
      if (position >= text.length && !isLast) return undefined;
      cells.push(cell);
      if (text[position] === this.#delimiter) position += 1;
      else break;
    }
    this.#take(cells, this.#line);
    this.#line += lines + 1;
    return position + 1;
  }

  #isSpace(character: string | undefined): boolean {
    return character !== undefined && character !== this.#delimiter && character !== "\n" && character.trim() === "";
  }
}

const trimmed = (cell: string): string => cell.trim();

function breaksIn(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}
