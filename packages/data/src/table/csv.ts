// A CSV file as columns, each row with its line. What the cells mean is decided elsewhere.
import type { TabgradError } from "@tabgrad/core";
import { ByteReader, type LocalFile } from "../files/byte-reader.ts";
import { looksLike } from "../files/looks-like.ts";
import { listed } from "../nearest.ts";
import { parseNumber } from "./cells.ts";
import type { CellTexts } from "./cell-texts.ts";
import { type CsvBlock, CsvRows, CsvSyntaxError } from "./csv-rows.ts";
import { parseDecimal } from "./decimal.ts";
import { type Cells, type Table, type TableBatch, tableInvalid } from "./table.ts";
import { NotTextError, utf8Pieces } from "../files/text-pieces.ts";

export interface CsvFormat {
  readonly header?: boolean;
  readonly delimiter?: string;
}

/** A mistake in a CSV file. `line` counts from 1. */
function csvInvalid(name: string, line: number | undefined, message: string, remedy: string): TabgradError {
  return tableInvalid({ name, code: "DATA_CSV_INVALID" }, line === undefined ? undefined : `${name}:${line}`, message, remedy);
}

function nameColumns(name: string, line: number, cells: readonly string[]): string[] {
  const names = cells.map((cell, c) => (cell === "" ? `column ${c}` : cell));
  const twice = names.find((each, c) => names.indexOf(each) !== c);
  if (twice === undefined) return names;
  throw csvInvalid(
    name,
    line,
    `two columns are called "${twice}"`,
    'Give every column a name of its own; if the first line holds data and no names, say "header: false".',
  );
}

/** The names of the columns, and where they stand. */
interface Header {
  readonly names: readonly string[];
  readonly line: number;
}

/** The cells of one column of some rows. */
class CsvCells implements Cells {
  readonly #block: CsvBlock;
  readonly #texts: CellTexts;
  readonly #column: number;
  readonly #width: number;

  constructor(block: CsvBlock, texts: CellTexts, column: number, width: number) {
    this.#block = block;
    this.#texts = texts;
    this.#column = column;
    this.#width = width;
  }

  at(row: number): string {
    const { bytes, starts, ends } = this.#block;
    const cell = row * this.#width + this.#column;
    return this.#texts.read(bytes, starts[cell], ends[cell]);
  }

  number(row: number): number {
    const { bytes, starts, ends } = this.#block;
    const cell = row * this.#width + this.#column;
    const value = parseDecimal(bytes, starts[cell], ends[cell]);
    return value ?? parseNumber(this.at(row)) ?? Number.NaN;
  }
}

/** Reads the header and sees to it that all rows are as long. */
class Rows {
  header: Header | undefined;
  readonly #name: string;
  readonly #hasHeader: boolean;
  readonly #rows: CsvRows;

  constructor(name: string, { header = true, delimiter }: CsvFormat) {
    this.#name = name;
    this.#hasHeader = header;
    this.#rows = new CsvRows(delimiter, (count, line) => this.#take(count, line));
  }

  write(piece: Uint8Array): TableBatch {
    return this.#batch(this.#rows.write(piece));
  }

  end(): TableBatch {
    return this.#batch(this.#rows.end());
  }

  #take(count: number, line: number): boolean {
    if (!this.header) {
      const cells = this.#rows.rowTexts();
      this.header = { names: nameColumns(this.#name, line, this.#hasHeader ? cells : cells.map(() => "")), line };
      return !this.#hasHeader;
    }
    if (count === this.header.names.length) return true;
    throw csvInvalid(
      this.#name,
      line,
      `the row has ${count} ${count === 1 ? "column" : "columns"}; expected ${this.header.names.length}, as line ${this.header.line} has: ${listed(this.header.names)}`,
      `Correct the row. Cells that hold the separator ${JSON.stringify(this.#rows.delimiter)} must be in quotes; another one can be set with "delimiter".`,
    );
  }

  #batch(block: CsvBlock): TableBatch {
    const { lines } = block;
    const names = this.header?.names ?? [];
    return {
      rows: lines.length,
      columns: names.map((_, column) => new CsvCells(block, this.#rows.texts, column, names.length)),
      place: (row) => `${this.#name}:${lines[row]}`,
    };
  }
}

/** The rows of a CSV file, a batch at a time, each with the header. */
async function* readRows(file: LocalFile, format: CsvFormat): AsyncGenerator<{ header: Header; batch: TableBatch }> {
  const { name } = file;
  const reader = await ByteReader.open(file);
  const rows = new Rows(name, format);
  try {
    for await (const piece of utf8Pieces(reader)) {
      const batch = rows.write(piece);
      if (rows.header) yield { header: rows.header, batch };
    }
    const batch = rows.end();
    if (rows.header) yield { header: rows.header, batch };
  } catch (error) {
    if (error instanceof NotTextError)
      throw csvInvalid(name, undefined, `the file is no UTF-8 text${error.message}`, "Save it as CSV in UTF-8.");
    if (!(error instanceof CsvSyntaxError)) throw error;
    const quoting = "Close every quote, write a quote within a quoted cell twice, and quote a cell as a whole or not at all.";
    throw csvInvalid(name, error.line, error.message, quoting);
  } finally {
    await reader.close();
  }
  if (!rows.header) throw csvInvalid(name, undefined, "the file is empty", "Check the path, or write the file again.");
}

/**
 * Opens a CSV file: UTF-8, gzipped or not, cells in double quotes where they hold a separator or a line break, blank lines left out.
 * @throws TabgradError DATA_CSV_INVALID with the line, here or while rows are read, where rows have different numbers of cells, a quote
 *   is left open, columns have the same name, or there is no row.
 */
export async function openCsv(file: LocalFile, format: CsvFormat = {}): Promise<Table> {
  const { name } = file;
  let header: Header | undefined;
  for await (const first of readRows(file, format)) {
    ({ header } = first);
    break;
  }
  const { names, line } = header!;
  const other = names.length === 1 ? looksLike(Buffer.from(names[0])) : "";
  if (other !== "")
    throw csvInvalid(
      name,
      line,
      `the file holds one column, "${names[0].slice(0, 60)}"${other}`,
      "Name a file of rows and columns.",
    );
  return {
    name,
    code: "DATA_CSV_INVALID",
    names,
    async *batches() {
      let count = 0;
      for await (const { batch } of readRows(file, format)) {
        count += batch.rows;
        yield batch;
      }
      if (count > 0) return;
      const remedy = 'Add rows; if this line holds data, say "header: false".';
      throw csvInvalid(name, line, `there is nothing but a header: ${listed(names)}`, remedy);
    },
  };
}
