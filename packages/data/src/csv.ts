// A CSV file as columns of text, each row with its line. What the texts mean is decided elsewhere.
import { TabgradError } from "@tabgrad/core";
import { type CsvError, parse } from "csv-parse/sync";
import { type DataFile, looksLike } from "./file.ts";
import { listed } from "./nearest.ts";

/** Longer rows come from a quote that is never closed, or from a file that is no CSV. */
const maxRowCharacters = 2 ** 24;

/** What fits into one string. */
const maxTextBytes = 2 ** 29 - 32;

export interface CsvTable {
  readonly path: string;
  /** Of the columns, in the order of the file; "column 0" and so on where the file gives none. All different. */
  readonly names: readonly string[];
  /** One list for each column: the cells, without white space around them. */
  readonly columns: readonly (readonly string[])[];
  readonly rows: number;
  /** The line of each row, from 1. */
  readonly lines: readonly number[];
}

export interface CsvFormat {
  readonly header?: boolean;
  readonly delimiter?: string;
}

/** A mistake in a CSV file. `line` counts from 1. */
export function csvInvalid(path: string, line: number | undefined, message: string, remedy: string): TabgradError {
  return new TabgradError("DATA_CSV_INVALID", `${path}${line === undefined ? "" : `:${line}`}: ${message}`, remedy);
}

function decode({ path, bytes }: DataFile): string {
  if (bytes.length > maxTextBytes) {
    const remedy = "Leave out rows or columns, or split off a part.";
    throw csvInvalid(path, undefined, `the file has ${bytes.length} bytes of text; expected at most ${maxTextBytes}`, remedy);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.slice(0, 4096).includes("\0")) return text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw csvInvalid(path, undefined, `the file is no UTF-8 text${looksLike(bytes)}`, "Save it as CSV in UTF-8.");
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
function unparsable(path: string, error: CsvError): TabgradError {
  const line = typeof error["lines"] === "number" ? error["lines"] : undefined;
  const quoting = "Close every quote, write a quote within a quoted cell twice, and quote a cell as a whole or not at all.";
  if (error.code === "CSV_MAX_RECORD_SIZE")
    return csvInvalid(path, line, `a row has more than ${maxRowCharacters} characters`, quoting);
  if (error.code === "CSV_QUOTE_NOT_CLOSED") return csvInvalid(path, line, "the file ends within a quoted cell", quoting);
  return csvInvalid(path, line, error.message, quoting);
}

function nameColumns(path: string, line: number, cells: readonly string[]): string[] {
  const names = cells.map((cell, c) => (cell === "" ? `column ${c}` : cell));
  const twice = names.find((name, c) => names.indexOf(name) !== c);
  if (twice === undefined) return names;
  throw csvInvalid(
    path,
    line,
    `two columns are called "${twice}"`,
    'Give every column a name of its own; if the first line holds data and no names, say "header: false".',
  );
}

/**
 * Reads CSV text: UTF-8, cells in double quotes where they hold a separator or a line break, blank lines left out.
 * @throws TabgradError DATA_CSV_INVALID with the line, where rows have different numbers of cells, a quote is left open, columns have
 *   the same name, or there is no row.
 */
export function parseCsv(file: DataFile, { header = true, delimiter }: CsvFormat = {}): CsvTable {
  const { path } = file;
  const text = decode(file);
  const separator = delimiter ?? detectDelimiter(text);
  let names: string[] | undefined;
  let namesLine = 1;
  const columns: string[][] = [];
  const lines: number[] = [];

  const take = (cells: string[], lastLine: number): void => {
    const line =
      lastLine - cells.reduce((breaks, cell) => (cell.includes("\n") ? breaks + cell.split("\n").length - 1 : breaks), 0);
    if (!names) {
      names = nameColumns(path, line, header ? cells : cells.map(() => ""));
      namesLine = line;
      for (let c = 0; c < cells.length; c += 1) columns.push([]);
      if (header) return;
    }
    if (cells.length !== names.length) {
      throw csvInvalid(
        path,
        line,
        `the row has ${cells.length} columns; expected ${names.length}, as line ${namesLine} has: ${listed(names)}`,
        `Correct the row. Cells that hold the separator ${JSON.stringify(separator)} must be in quotes; another one can be set with "delimiter".`,
      );
    }
    for (let c = 0; c < cells.length; c += 1) columns[c].push(cells[c]);
    lines.push(line);
  };

  try {
    parse(text, {
      delimiter: separator,
      record_delimiter: "\n",
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: maxRowCharacters,
      on_record: (cells: string[], context) => {
        take(cells, context.lines);
        return null;
      },
    });
  } catch (error) {
    throw error instanceof TabgradError ? error : unparsable(path, error as CsvError);
  }
  if (!names) throw csvInvalid(path, undefined, "the file is empty", "Check the path, or write the file again.");
  if (lines.length === 0) {
    throw csvInvalid(
      path,
      namesLine,
      `there is nothing but a header: ${listed(names)}`,
      'Add rows; if this line holds data, say "header: false".',
    );
  }
  return { path, names, columns, rows: lines.length, lines };
}
