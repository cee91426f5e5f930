// A CSV file as columns of text, each row with its line. What the texts mean is decided elsewhere.
import type { TabgradError } from "@tabgrad/core";
import { type CsvError, Parser } from "csv-parse";
import { ByteReader, type LocalFile } from "../files/byte-reader.ts";
import { listed } from "../nearest.ts";
import { type Table, type TableBatch, tableInvalid } from "./table.ts";
import { NotTextError, textPieces } from "../files/text-pieces.ts";

/** Longer rows come from a quote that is never closed, or from a file that is no CSV. */
const maxRowCharacters = 2 ** 24;

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

/** What the parser found wrong, in words that do not presume its options. */
function unparsable(name: string, error: CsvError): TabgradError {
  const line = typeof error["lines"] === "number" ? error["lines"] : undefined;
  const quoting = "Close every quote, write a quote within a quoted cell twice, and quote a cell as a whole or not at all.";
  if (error.code === "CSV_MAX_RECORD_SIZE")
    return csvInvalid(name, line, `a row has more than ${maxRowCharacters} characters`, quoting);
  if (error.code === "CSV_QUOTE_NOT_CLOSED") return csvInvalid(name, line, "the file ends within a quoted cell", quoting);
  return csvInvalid(name, line, error.message, quoting);
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

/** Rows of cells with their lines, collected while a parser runs. */
class Rows {
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

  /** `lastLine`: where the row ends; a cell may have several lines. */
  take(cells: readonly string[], lastLine: number): void {
    const breaks = cells.reduce((sum, cell) => (cell.includes("\n") ? sum + cell.split("\n").length - 1 : sum), 0);
    const line = lastLine - breaks;
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

/** Feeds a parser, whose rows go to `rows` before `write` resolves. */
class Feed {
  readonly #parser: Parser;
  #failure: Error | undefined;

  constructor(rows: Rows, delimiter: string) {
    this.#parser = new Parser({
      delimiter,
      record_delimiter: "\n",
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: maxRowCharacters,
      on_record: (cells: string[], context) => {
        rows.take(cells, context.lines);
        return null;
      },
    });
    this.#parser.on("error", (error) => (this.#failure ??= error));
    this.#parser.resume();
  }

  write(text: string): Promise<void> {
    return this.#settled((done) => this.#parser.write(text, done));
  }

  end(): Promise<void> {
    return this.#settled((done) => {
      this.#parser.on("end", () => done());
      this.#parser.on("close", () => done());
      this.#parser.end();
    });
  }

  #settled(act: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      act((error) => (error || this.#failure ? reject(error ?? this.#failure!) : resolve()));
    });
  }
}

/** The rows of a CSV file, a batch at a time. */
async function* readRows(file: LocalFile, { header = true, delimiter }: CsvFormat): AsyncGenerator<Rows> {
  const { name } = file;
  const reader = await ByteReader.open(file);
  let rows: Rows | undefined;
  let feed: Feed | undefined;
  try {
    for await (const text of textPieces(reader)) {
      if (!rows || !feed) {
        if (text.trim() === "") continue;
        const separator = delimiter ?? detectDelimiter(text);
        rows = new Rows(name, header, separator);
        feed = new Feed(rows, separator);
      }
      await feed.write(text);
      if (rows.names) yield rows;
    }
    await feed?.end();
  } catch (error) {
    if (error instanceof NotTextError)
      throw csvInvalid(name, undefined, `the file is no UTF-8 text${error.message}`, "Save it as CSV in UTF-8.");
    throw (error as CsvError).code?.startsWith("CSV_") ? unparsable(name, error as CsvError) : error;
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
