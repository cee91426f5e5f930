// Where values come from. What a run feeds gets a name of its own here, so that it can never meet a generated one.
import type { OperationAttributes } from "@tabgrad/core";
import type { Lowering } from "../lowering.ts";

export const inputTensor = (name: string): string => `input:${name}`;
export const parameterTensor = (name: string): string => `parameter:${name}`;
export const uniformTensor = ({ shape, stream }: OperationAttributes["uniform"]): string => `uniform:${stream}:${shape.join("x")}`;

export const input: Lowering<"input"> = ({ node, onnx }) => onnx.input(inputTensor(node.attributes.name), node.shape);

export const parameter: Lowering<"parameter"> = ({ node, onnx }) => onnx.input(parameterTensor(node.attributes.name), node.shape);

/** ONNX Runtime has no arithmetic on unsigned integers, which the generator is made of: the host draws the numbers and feeds them. */
export const uniform: Lowering<"uniform"> = ({ node, onnx }) => onnx.input(uniformTensor(node.attributes), node.shape);

export const constant: Lowering<"constant"> = ({ node, onnx }) => onnx.constant(node.attributes.values, node.shape);
