// Tensors that lie in a flat vector: one for each parameter or some, made once for each array and kept as long as the array lives.
import type { ParameterSlot } from "@tabgrad/core";
import type { OrtModule, OrtTensors } from "./runtime.ts";

export class VectorViews {
  private readonly ort: OrtModule;
  private readonly slots: readonly ParameterSlot[];
  private readonly nameOf: (parameter: string) => string;
  private readonly elements: number;
  private readonly views = new WeakMap<Float32Array, OrtTensors>();

  /**
   * @param slots of the parameters that have a tensor
   * @param elements of the whole vector
   * @param nameOf what a parameter's tensor is called in the sessions that it is for
   */
  constructor(
    ort: OrtModule,
    { slots, elements }: { slots: readonly ParameterSlot[]; elements: number },
    nameOf: (parameter: string) => string,
  ) {
    this.ort = ort;
    this.slots = slots;
    this.nameOf = nameOf;
    this.elements = elements;
  }

  /** @param vector a flat vector over a plain ArrayBuffer: onnxruntime-node refuses a SharedArrayBuffer */
  of(vector: Float32Array): OrtTensors {
    const known = this.views.get(vector);
    if (known) return known;
    if (vector.length !== this.elements) throw new Error(`the flat vector has ${this.elements} values here, not ${vector.length}`);
    const made = Object.fromEntries(
      this.slots.map(({ name, shape, offset, elements }) => [
        this.nameOf(name),
        new this.ort.Tensor("float32", vector.subarray(offset, offset + elements), shape),
      ]),
    );
    this.views.set(vector, made);
    return made;
  }
}
