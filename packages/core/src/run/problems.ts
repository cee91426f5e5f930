// What is wrong with a run file, in words: the path, what was expected, and what is there instead.
import type { z } from "zod";
import { show } from "../model/role.ts";
import { formatPath, unknownAt, valueAt } from "./fields.ts";

type Issue = z.core.$ZodIssue;

/** One line for each problem: `optimizer.learningRate: expected a number above 0, got "fast"`. */
export function problemsOf(schema: z.ZodType, value: unknown): string[] {
  const checked = schema.safeParse(value);
  return checked.success ? [] : checked.error.issues.flatMap((issue) => problems(issue, schema, value, []));
}

function problems(issue: Issue, schema: z.ZodType, root: unknown, above: readonly PropertyKey[]): string[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${formatPath([...path, key])}: ${unknownAt(schema, root, path, key)}`);
  }
  if (issue.code === "invalid_union") {
    // The alternative that was meant is the one that found fault with something inside, and not with the whole.
    const meant = issue.errors.find((issues) =>
      issues.every((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys"),
    );
    if (meant && meant.length > 0) return meant.flatMap((inner) => problems(inner, schema, root, path));
  }
  const found = valueAt(root, path);
  const where = path.length === 0 ? "The default export" : formatPath(path);
  const message = issue.message.replace(/^Invalid input: /, "");
  if (!message.startsWith("expected")) return [`${where}: ${message}`];
  return [`${where}: ${message}, ${found === undefined ? "but it is missing" : `got ${show(found)}`}`];
}
