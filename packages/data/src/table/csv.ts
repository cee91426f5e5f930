// A CSV file as columns of text, each row with its line. What the texts mean is decided elsewhere.
import type { TabgradError } from "@tabgrad/core";
import { ByteReader, type LocalFile } from "../files/byte-reader.ts";
import { listed } from "../nearest.ts";
import { CsvRows, CsvSyntaxError } from "./csv-rows.ts";
import { type Table, type TableBatch, tableInvalid } from "./table.ts";
import { NotTextError, textPieces } from "../files/text-pieces.ts";

export interface CsvFormat {
  readonly header?: boolean;
  readonly delimiter?: string;
}

/** A mistake in a CSV file. `line` counts from 1. */
function csvInvalid(name: string, line: number | undefined, message: string, remedy: string): TabgradError {
  return tableInvalid({ name, code: "DATA_CSV_INVALID" }, line === undefined ? undefined : `${name}:${line}`, message, remedy);
}

/** The separator that the first line has most of, outside quotes; a comma where it has none. */
function detectDelimiter(text: string): string {
  const first = text
    .trimStart()
    .split("\n", 1)[0]
    .replaceAll(/"[^"]*"/g, "");
  let best = ",";
  let most = 0;
  for (const candidate of [",", ";", "\t", "|"]) {
    const count = first.split(candidate).length - 1;
    if (count > most) [best, most] = [candidate, count];
  }
  return best;
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

/** Rows of cells with their lines, until they are taken away as a batch. */
class Collected {
  names: string[] | undefined;
  namesLine = 1;
  columns: string[][] = [];
  lines: number[] = [];
  readonly #name: string;
  readonly #header: boolean;
  readonly #separator: string;

  constructor(name: string, header: boolean, separator: string) {
    this.#name = name;
    this.#header = header;
    this.#separator = separator;
  }

  take(cells: readonly string[], line: number): void {
    if (!this.names) {
      this.names = nameColumns(this.#name, line, this.#header ? cells : cells.map(() => ""));
      this.namesLine = line;
      this.columns = cells.map(() => []);
      if (this.#header) return;
    }
    if (cells.length !== this.names.length) throw this.#ragged(cells.length, line);
    for (let c = 0; c < cells.length; c += 1) this.columns[c].push(cells[c]);
    this.lines.push(line);
  }

  /** The rows collected so far, which are then forgotten. */
  batch(): TableBatch {
    const { columns, lines } = this;
    this.columns = columns.map(() => []);
    this.lines = [];
    return { rows: lines.length, columns, place: (row) => `${this.#name}:${lines[row]}` };
  }

  #ragged(length: number, line: number): TabgradError {
    return csvInvalid(
      this.#name,
      line,
      `the row has ${length} columns; expected ${this.names!.length}, as line ${this.namesLine} has: ${listed(this.names!)}`,
      `Correct the row. Cells that hold the separator ${JSON.stringify(this.#separator)} must be in quotes; another one can be set with "delimiter".`,
    );
  }
}

/** The rows of a CSV file, a batch at a time. */
async function* readRows(file: LocalFile, { header = true, delimiter }: CsvFormat): AsyncGenerator<Collected> {
  const { name } = file;
  const reader = await ByteReader.open(file);
  let rows: Collected | undefined;
  let parser: CsvRows | undefined;
  try {
    for await (const text of textPieces(reader)) {
      if (!rows || !parser) {
        if (text.trim() === "") continue;
        const separator = delimiter ?? detectDelimiter(text);
        const collected = new Collected(name, header, separator);
        rows = collected;
        parser = new CsvRows(separator, (cells, line) => collected.take(cells, line));
      }
      parser.write(text);
      if (rows.names) yield rows;
    }
    parser?.end();
  } catch (error) {
    if (error instanceof NotTextError)
      throw csvInvalid(name, undefined, `the file is no UTF-8 text${error.message}`, "Save it as CSV in UTF-8.");
    if (!(error instanceof CsvSyntaxError)) throw error;
    const quoting = "Close every quote, write a quote within a quoted cell twice, and quote a cell as a whole or not at all.";
    throw csvInvalid(name, error.line, error.message, quoting);
  } finally {
    await reader.close();
  }
  if (!rows?.names) throw csvInvalid(name, undefined, "the file is empty", "Check the path, or write the file again.");
  yield rows;
}

/**
 * Opens a CSV file: UTF-8, gzipped or not, cells in double quotes where they hold a separator or a line break, blank lines left out.
 * @throws TabgradError DATA_CSV_INVALID with the line, here or while rows are read, where rows have different numbers of cells, a quote
 *   is left open, columns have the same name, or there is no row.
 */
export async function openCsv(file: LocalFile, format: CsvFormat = {}): Promise<Table> {
  const { name } = file;
  let names: readonly string[] | undefined;
  let namesLine = 1;
  for await (const rows of readRows(file, format)) {
    names = rows.names!;
    namesLine = rows.namesLine;
    break;
  }
  return {
    name,
    code: "DATA_CSV_INVALID",
    names: names!,
    async *batches() {
      let count = 0;
      for await (const rows of readRows(file, format)) {
        count += rows.lines.length;
        yield rows.batch();
      }
      if (count > 0) return;
      const remedy = 'Add rows; if this line holds data, say "header: false".';
      throw csvInvalid(name, namesLine, `there is nothing but a header: ${listed(names!)}`, remedy);
    },
  };
}
