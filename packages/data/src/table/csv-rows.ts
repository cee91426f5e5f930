// Cuts the bytes of a CSV file into rows of cells (RFC 4180), piece by piece. A cell stays where it is among the bytes until somebody
// asks for it: most cells are numbers, which need no text.
import { CellTexts } from "./cell-texts.ts";

/** Longer rows come from a quote that is never closed, or from a file that is no CSV. */
const maxRowBytes = 2 ** 24;

/** The text is no CSV from line `line` on; the message says why. */
export class CsvSyntaxError extends Error {
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** Some rows. */
export interface CsvBlock {
  readonly bytes: Buffer;
  /** Where cells begin and end in `bytes`, row by row, without white space and quotes around them. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** The line that each row begins on, from 1. */
  readonly lines: Uint32Array;
}

/**
 * Told of every row as it is found: how many cells it has, and the line that it begins on. Returns whether it is one of the rows to
 * keep.
 */
export type TakeRow = (count: number, line: number) => boolean;

const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** The white space of ASCII; what else there is, is seen to where a cell's text is made. */
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** What may not be passed over within a cell: what ends it, and quotes. */
function stopsFor(delimiter: Buffer): Uint8Array {
  const stops = new Uint8Array(256);
  for (const byte of [delimiter[0], quote, lineFeed, carriageReturn]) stops[byte] = 1;
  return stops;
}

/** The separator that a line has most of, outside quotes; a comma where it has none. */
function detectDelimiter(line: string): string {
  const unquoted = line.replaceAll(/"[^"]*"/g, "");
  let best = ",";
  let most = 0;
  for (const candidate of [",", ";", "\t", "|"]) {
    const count = unquoted.split(candidate).length - 1;
    if (count > most) [best, most] = [candidate, count];
  }
  return best;
}

export class CsvRows {
  /** Reads the cells of blocks. */
  readonly texts = new CellTexts();
  #delimiter: Buffer | undefined;
  #stops: Uint8Array = new Uint8Array(0);
  readonly #take: TakeRow;
  /** The bytes of a row that has not ended. */
  #pending: Buffer = Buffer.alloc(0);
  /** The line that `#pending` begins on. */
  #line = 1;
  /** The cells of the rows found so far, and of the one that is being read, from cell `#first` of `#bytes` on. */
  #bytes: Buffer = this.#pending;
  #starts = new Uint32Array(0);
  #ends = new Uint32Array(0);
  #count = 0;
  #first = 0;
  #lines: number[] = [];

  /** @param delimiter one character; undefined for whichever the first line has most of. Blank lines are passed over. */
  constructor(delimiter: string | undefined, take: TakeRow) {
    this.#take = take;
    if (delimiter !== undefined) this.#separateBy(delimiter);
  }

  /** What separates cells; undefined while nobody knows. */
  get delimiter(): string | undefined {
    return this.#delimiter?.toString();
  }

  /** Of the row that is being taken. */
  rowTexts(): string[] {
    return Array.from({ length: this.#count - this.#first }, (_, i) =>
      this.texts.read(this.#bytes, this.#starts[this.#first + i], this.#ends[this.#first + i]),
    );
  }

  /** The rows that end in `piece`, which is UTF-8 but for where it is cut. @throws CsvSyntaxError, and what `take` throws */
  write(piece: Uint8Array): CsvBlock {
    const bytes = Buffer.concat([this.#pending, piece]);
    const block = this.#read(bytes, endOfLines(bytes), false);
    if (this.#pending.length <= maxRowBytes) return block;
    throw new CsvSyntaxError(`a row has more than ${maxRowBytes} bytes`, this.#line);
  }

  /** The last row, if no line break ended it. @throws CsvSyntaxError, and what `take` throws */
  end(): CsvBlock {
    return this.#read(this.#pending, this.#pending.length, true);
  }

  #separateBy(delimiter: string): void {
    this.#delimiter = Buffer.from(delimiter);
    this.#stops = stopsFor(this.#delimiter);
  }

  /** Reads the rows before `end`, which stands behind a line break or is the end of all. */
  #read(bytes: Buffer, end: number, isLast: boolean): CsvBlock {
    this.#bytes = bytes;
    this.#count = 0;
    this.#lines = [];
    // A cell has a separator or a line break behind it.
    if (this.#starts.length <= end) [this.#starts, this.#ends] = [new Uint32Array(end + 1), new Uint32Array(end + 1)];
    let position = 0;
    while (position < end) {
      const next = blankUntil(bytes, position, end) ?? this.#readRow(bytes, position, end, isLast);
      if (next === undefined) break;
      this.#line += 1;
      position = next;
    }
    this.#pending = bytes.subarray(position);
    const [starts, ends] = [this.#starts.slice(0, this.#count), this.#ends.slice(0, this.#count)];
    return { bytes, starts, ends, lines: Uint32Array.from(this.#lines) };
  }

  /** @returns where the next row begins; undefined where this one goes on behind `end` */
  #readRow(bytes: Buffer, begin: number, end: number, isLast: boolean): number | undefined {
    if (!this.#delimiter) this.#separateBy(detectDelimiter(bytes.toString("utf8", begin, lineEnd(bytes, begin, end))));
    const width = this.#delimiter!.length;
    const line = this.#line;
    this.#first = this.#count;
    let at = begin;
    for (;;) {
      if (isSpace(bytes[at])) at = this.#skipSpace(bytes, at, end);
      const behind =
        bytes[at] === quote && at < end ? this.#readQuoted(bytes, at + 1, end, isLast) : this.#readPlain(bytes, at, end);
      if (behind === undefined) {
        this.#count = this.#first;
        this.#line = line;
        return undefined;
      }
      at = behind;
      if (at >= end || isBreak(bytes[at])) break;
      at += width;
    }
    if (this.#take(this.#count - this.#first, line)) this.#lines.push(line);
    else this.#count = this.#first;
    return at < end ? at + breakLength(bytes, at) : end;
  }

  /** Reads a cell without quotes around it. @returns where it ends */
  #readPlain(bytes: Buffer, begin: number, end: number): number {
    const stops = this.#stops;
    let at = begin;
    for (;;) {
      while (at < end && stops[bytes[at]] === 0) at += 1;
      if (at >= end || this.#isDelimiter(bytes, at) || isBreak(bytes[at])) break;
      if (bytes[at] === quote) {
        throw new CsvSyntaxError(`there is a quote within cell ${this.#cellNumber}, which does not begin with one`, this.#line);
      }
      at += 1;
    }
    let last = at;
    while (last > begin && isSpace(bytes[last - 1])) last -= 1;
    this.#put(begin, last);
    return at;
  }

  /** Reads a cell behind its first quote. @returns where the next cell or line may begin; undefined where it goes on behind `end` */
  #readQuoted(bytes: Buffer, begin: number, end: number, isLast: boolean): number | undefined {
    const cell = this.#cellNumber;
    let at = begin;
    for (; ; at += 2) {
      at = bytes.indexOf(quote, at);
      if (at < 0 || at >= end) {
        if (!isLast) return undefined;
        throw new CsvSyntaxError(`the file ends within a quoted cell, cell ${cell} of this row`, this.#line);
      }
      if (at + 1 >= end || bytes[at + 1] !== quote) break;
    }
    this.#put(begin, at);
    this.#line += breaksIn(bytes, begin, at);
    at = this.#skipSpace(bytes, at + 1, end);
    if (at >= end || isBreak(bytes[at]) || this.#isDelimiter(bytes, at)) return at;
    throw new CsvSyntaxError(`text follows the closing quote of cell ${cell}`, this.#line);
  }

  /** From 1, of the cell that is being read. */
  get #cellNumber(): number {
    return this.#count - this.#first + 1;
  }

  #put(start: number, end: number): void {
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count += 1;
  }

  #skipSpace(bytes: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end && isSpace(bytes[at]) && !isBreak(bytes[at]) && !this.#isDelimiter(bytes, at)) at += 1;
    return at;
  }

  #isDelimiter(bytes: Buffer, at: number): boolean {
    const delimiter = this.#delimiter!;
    if (bytes[at] !== delimiter[0]) return false;
    return delimiter.length === 1 || bytes.compare(delimiter, 0, delimiter.length, at, at + delimiter.length) === 0;
  }
}

const isBreak = (byte: number): boolean => byte === lineFeed || byte === carriageReturn;

/** How many bytes the line break at `at` has. */
const breakLength = (bytes: Buffer, at: number): number => (bytes[at] === carriageReturn && bytes[at + 1] === lineFeed ? 2 : 1);

/** Behind the last line break; the second half of one may still come. */
function endOfLines(bytes: Buffer): number {
  if (bytes.length === 0) return 0;
  const last = bytes[bytes.length - 1] === carriageReturn ? bytes.length - 2 : bytes.length - 1;
  return Math.max(bytes.lastIndexOf(lineFeed, last), last < 0 ? -1 : bytes.lastIndexOf(carriageReturn, last)) + 1;
}

/** Where the line of `from` ends, its break not included. */
function lineEnd(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && !isBreak(bytes[at])) at += 1;
  return at;
}

/** Where the next line begins, if this one is blank. */
function blankUntil(bytes: Buffer, from: number, end: number): number | undefined {
  let at = from;
  while (at < end && isSpace(bytes[at]) && !isBreak(bytes[at])) at += 1;
  // There is white space beyond ASCII, too, none of it longer than three bytes.
  if (at < end && bytes[at] >= 0x80 && /^\s/.test(bytes.toString("utf8", at, at + 3))) {
    const behind = lineEnd(bytes, at, end);
    if (bytes.toString("utf8", at, behind).trim() === "") at = behind;
  }
  if (at >= end) return end;
  return isBreak(bytes[at]) ? at + breakLength(bytes, at) : undefined;
}

function breaksIn(bytes: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at += 1) {
    if (bytes[at] === lineFeed || (bytes[at] === carriageReturn && bytes[at + 1] !== lineFeed)) count += 1;
  }
  return count;
}
