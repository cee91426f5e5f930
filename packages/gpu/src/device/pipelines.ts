// Shader text to pipeline, once for each text: layers of the same shape, and programs for other numbers of rows, share pipelines.
import { TabgradError } from "@tabgrad/core";
import type { Dispatch } from "../wgsl/shader.ts";
import { stage } from "./flags.ts";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroupLayout;
}

export class PipelineCache {
  private readonly device: GPUDevice;
  private readonly pipelines = new Map<string, Promise<Pipeline>>();
  private readonly layouts = new Map<string, { bindings: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** Number of different shaders so far. */
  get size(): number {
    return this.pipelines.size;
  }

  /** @throws TabgradError ENGINE_FAILED with line, column and source line of what the compiler did not take */
  get(dispatch: Dispatch): Promise<Pipeline> {
    let pipeline = this.pipelines.get(dispatch.code);
    if (!pipeline) this.pipelines.set(dispatch.code, (pipeline = this.make(dispatch)));
    return pipeline;
  }

  private async make({ label, code, bindings }: Dispatch): Promise<Pipeline> {
    const layout = this.layoutFor(bindings.map(({ access }) => access));
    // The complaint about a module is caught here; the pipeline's rejection says only that the module is bad.
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label, code });
    void this.device.popErrorScope();
    try {
      const compute = { module, entryPoint: "main" };
      const pipeline = await this.device.createComputePipelineAsync({ label, layout: layout.pipeline, compute });
      return { pipeline, bindings: layout.bindings };
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      throw compileError(label, code, messages, cause);
    }
  }

  private layoutFor(accesses: readonly Dispatch["bindings"][number]["access"][]): {
    bindings: GPUBindGroupLayout;
    pipeline: GPUPipelineLayout;
  } {
    const key = accesses.join();
    let layout = this.layouts.get(key);
    if (!layout) {
      const bindings = this.device.createBindGroupLayout({
        entries: accesses.map((access, binding) => ({
          binding,
          visibility: stage.compute,
          buffer: { type: access === "read" ? "read-only-storage" : "storage" },
        })),
      });
      layout = { bindings, pipeline: this.device.createPipelineLayout({ bindGroupLayouts: [bindings] }) };
      this.layouts.set(key, layout);
    }
    return layout;
  }
}

/** What a WGSL compiler complains about, with the line that it means. */
export function compileError(
  label: string,
  code: string,
  messages: readonly Pick<GPUCompilationMessage, "type" | "lineNum" | "linePos" | "message">[],
  cause: unknown,
): TabgradError {
  const lines = code.split("\n");
  const details = messages
    .filter(({ type }) => type === "error")
    .map(
      ({ lineNum, linePos, message }) =>
        `${lineNum}:${linePos}: ${message}\n  ${lines[lineNum - 1] ?? ""}\n  ${" ".repeat(Math.max(0, linePos - 1))}^`,
    );
  const text = details.length > 0 ? details.join("\n") : cause instanceof Error ? cause.message : String(cause);
  return new TabgradError(
    "ENGINE_FAILED",
    `the GPU's compiler refused the kernel of ${label}:\n${text}`,
    "Please report it with the output of `tabgrad doctor`; --engine cpu works meanwhile.",
    { cause },
  );
}
