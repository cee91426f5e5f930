// What a rule is: from a node to the operand that it gives, or to several, with a step or without one.
import type { NodeReader } from "../node-reader.ts";
import type { Operand } from "../step.ts";
import type { Translator } from "../translation.ts";

/** @throws Unsupported where this node has no counterpart */
export type Rule = (node: NodeReader, translator: Translator) => Operand | readonly Operand[];

/** A list as source: "[1, 2]". */
export const listed = (values: readonly number[]): string => `[${values.join(", ")}]`;
