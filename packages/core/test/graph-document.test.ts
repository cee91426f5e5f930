// docs/graph.md cannot go stale: its table of operations is written from the code, and its prose is checked against it.
// `npx vitest run packages/core/test/graph-document.test.ts -u` writes the table again.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { attributeSchemas, graphFormatVersion } from "../src/graph/json.ts";
import { graphFromJson, operations, type OperationDefinition, type OperationName } from "../src/graph/index.ts";

const path = fileURLToPath(new URL("../../../docs/graph.md", import.meta.url));
const document = readFileSync(path, "utf8");
const definitions = Object.values(operations) as unknown as OperationDefinition<OperationName>[];
const attributesOf = (name: OperationName): string[] => {
  const schema: z.ZodType = attributeSchemas[name];
  if (!(schema instanceof z.ZodObject)) throw new Error(`the attributes of ${name} are no object`);
  return Object.keys(schema.shape);
};

/** A Markdown table, padded as prettier does. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const [head, ...body] = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`);
  return [head, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body].join("\n");
}

function operationTable(): string {
  const letters = [[], ["x"], ["a", "b"], ["c", "a", "b"]];
  const rows = definitions.map(({ name, arity, formula }) => [
    `\`${name}\``,
    arity === "variadic" ? "a, b, …" : letters[arity].join(", "),
    attributesOf(name)
      .map((attribute) => `\`${attribute}\``)
      .join(", "),
    formula.replaceAll("|", "\\|"),
  ]);
  return table([["Operation", "Inputs", "Attributes", "Formula"], ...rows]);
}

describe("docs/graph.md", () => {
  it("has the table of operations", async () => {
    const written = document.replace(
      /(<!-- operations:.*?-->\n)[^]*?(<!-- end of operations -->)/,
      (_, begin: string, end: string) => `${begin}\n${operationTable()}\n\n${end}`,
    );
    await expect(written).toMatchFileSnapshot(path);
  });

  it("explains every attribute, and no other", () => {
    const used = new Set(definitions.flatMap(({ name }) => attributesOf(name)));
    const section = document.slice(document.indexOf("## Attributes"));
    const explained = [...section.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
    expect(new Set(explained)).toEqual(used);
    expect(explained).toHaveLength(used.size);
  });

  it("shows a graph of the version it describes", () => {
    const [, example] = /```json\n([^]*?)```/.exec(document)!;
    const graph = graphFromJson(example);
    expect(graph.nodes[graph.outputs.prediction].shape).toEqual([1, 3]);
    expect(document).toContain(`version ${graphFormatVersion},`);
    expect(document).toContain(`\`version\` is ${graphFormatVersion}.`);
  });
});
