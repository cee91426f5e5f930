// Changes from the command line: `--set batchSize=256 --set optimizer.learningRate=0.01`.
import { TabgradError } from "../errors.ts";
import { show } from "../model/role.ts";
import { fieldsAt, unknownAt, valueAt } from "./fields.ts";
import { runFileSchema } from "./schema.ts";

/** Fields that hold functions, which no command line can write. */
const made = new Map([
  ["model", "sequential(…)"],
  ["loss", "a function such as crossEntropy()"],
  ["metrics", "functions such as accuracy()"],
]);

/** Fields of which only one can be there. */
const exclusive = new Map([
  ["epochs", "steps"],
  ["steps", "epochs"],
]);

/**
 * The run file with some fields changed; the original stays as it is.
 * @param run a run file's default export, not checked yet
 * @param overrides `PATH=VALUE` each, the value in JSON; what is not JSON is text. Setting `steps` takes `epochs` away, and the other
 *   way round.
 * @throws TabgradError OPTION_INVALID where an override has no such form, or names what does not exist
 */
export function applyOverrides(run: unknown, overrides: readonly string[]): unknown {
  return overrides.reduce(applyOverride, run);
}

function applyOverride(run: unknown, override: string): unknown {
  const split = override.indexOf("=");
  const path = override.slice(0, split).trim().split(".");
  if (split < 1 || path.includes("")) {
    throw invalid(override, "expected PATH=VALUE", "Write, for example, --set batchSize=256 or --set optimizer.learningRate=0.01.");
  }
  const maker = made.get(path[0]);
  if (maker) {
    throw invalid(override, `${path[0]} is made by ${maker}, which only the run file can call`, "Change it in the run file.");
  }
  const changed = withValue(run, path, parse(override.slice(split + 1)), override, []);
  const other = exclusive.get(path.join("."));
  if (!other || typeof changed !== "object" || changed === null) return changed;
  return Object.fromEntries(Object.entries(changed).filter(([field]) => field !== other));
}

/** A copy of `run` in which `path`, below `above`, has the value. */
function withValue(run: unknown, path: readonly string[], value: unknown, override: string, above: readonly string[]): unknown {
  const [field, ...rest] = path;
  const here = valueAt(run, above);
  if (here !== undefined && (typeof here !== "object" || here === null || Array.isArray(here))) {
    const name = above.join(".") || "the run file's default export";
    throw invalid(override, `${name} is ${show(here)} and has no fields`, `Set ${name} itself.`);
  }
  const known = fieldsAt(runFileSchema, run, above);
  if (known && !known.includes(field) && field !== "kind") {
    const name = [...above, field].join(".");
    throw invalid(
      override,
      `${name}: ${unknownAt(runFileSchema, run, above, field)}`,
      `There are: ${known.map((other) => [...above, other].join(".")).join(", ")}.`,
    );
  }
  const inner = rest.length === 0 ? value : withValue(run, rest, value, override, [...above, field]);
  return { ...here, [field]: inner };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.trim();
  }
}

const invalid = (override: string, what: string, remedy: string): TabgradError =>
  new TabgradError("OPTION_INVALID", `--set ${override}: ${what}`, remedy);
