// JSON lines: every line an object. Objects within it are told apart by dots, so that { a: { b: 1 } } has a column "a.b".
import type { TabgradError } from "@tabgrad/core";
import { ByteReader, type LocalFile } from "../files/byte-reader.ts";
import { ListedCells } from "./cells.ts";
import { type Table, type TableBatch, tableInvalid } from "./table.ts";
import { looksLike } from "../files/looks-like.ts";
import { NotTextError, textLines } from "../files/text-pieces.ts";

const code = "DATA_JSON_INVALID";

type Row = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Row => typeof value === "object" && value !== null && !Array.isArray(value);

function invalid(name: string, line: number | undefined, message: string, remedy: string): TabgradError {
  return tableInvalid({ name, code }, line === undefined ? undefined : `${name}:${line}`, message, remedy);
}

/** For a file that is one list of objects. */
const asLines = "Write the objects of the list one on each line, without commas between them: jq -c '.[]' rows.json > rows.jsonl";

function parseLine(name: string, line: number, text: string): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const remedy = "Write one whole JSON object on each line, without line breaks in it and without commas between lines.";
    const other = looksLike(Buffer.from(text.slice(0, 200)));
    throw invalid(name, line, `the line is not JSON: ${(error as Error).message}${other}`, text.startsWith("[") ? asLines : remedy);
  }
  if (isObject(value)) return value;
  const came = Array.isArray(value) ? "a list" : value === null ? "null" : `a ${typeof value}`;
  const remedy = Array.isArray(value) && value.every(isObject) ? asLines : 'Write each row as an object: {"a": 1, "b": 2}.';
  throw invalid(name, line, `the line holds ${came}; expected an object`, remedy);
}

/** The names of all values within an object, in order. */
function leaves(row: Row, prefix = ""): string[] {
  return Object.entries(row).flatMap(([key, value]) => (isObject(value) ? leaves(value, `${prefix}${key}.`) : [`${prefix}${key}`]));
}

/** The value under a name; a field whose own name has dots is found, too. */
function valueAt(row: Row, name: string): unknown {
  if (Object.hasOwn(row, name)) return row[name];
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    const outer = row[name.slice(0, dot)];
    if (Object.hasOwn(row, name.slice(0, dot)) && isObject(outer)) return valueAt(outer, name.slice(dot + 1));
  }
  return undefined;
}

async function* readRows(file: LocalFile): AsyncGenerator<{ rows: Row[]; lines: number[] }> {
  const reader = await ByteReader.open(file);
  try {
    for await (const { first, lines } of textLines(reader)) {
      const rows: Row[] = [];
      const numbers: number[] = [];
      lines.forEach((text, i) => {
        if (text.trim() === "") return;
        rows.push(parseLine(file.name, first + i, text));
        numbers.push(first + i);
      });
      if (rows.length > 0) yield { rows, lines: numbers };
    }
  } catch (error) {
    if (!(error instanceof NotTextError)) throw error;
    throw invalid(file.name, undefined, `the file is no UTF-8 text${error.message}`, "Save it as JSON lines in UTF-8.");
  } finally {
    await reader.close();
  }
}

/**
 * Opens a file of JSON lines, gzipped or not. Its columns are those of the first line; where another line lacks one, the value is
 * missing there.
 * @throws TabgradError DATA_JSON_INVALID with the line, here or while rows are read, where a line is no JSON object, or there is none.
 */
export async function openJsonLines(file: LocalFile): Promise<Table> {
  const { name } = file;
  let first: Row | undefined;
  for await (const { rows } of readRows(file)) {
    [first] = rows;
    break;
  }
  if (!first) throw invalid(name, undefined, "the file is empty", "Check the path, or write the file again.");
  const names = leaves(first);
  return {
    name,
    code,
    names,
    async *batches(columns) {
      for await (const { rows, lines } of readRows(file)) {
        const cells = names.map((each, c) => new ListedCells(columns.includes(c) ? rows.map((row) => valueAt(row, each)) : []));
        yield { rows: rows.length, columns: cells, place: (row) => `${name}:${lines[row]}` } satisfies TableBatch;
      }
    },
  };
}
