// Prints the name of the GPU that Dawn finds in this environment, or nothing. A process of its own, since a process keeps the Vulkan
// loader that it found first, and a driver may crash.
import { create } from "webgpu";

const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (adapter) {
  const { vendor, architecture, device, description } = adapter.info;
  process.stdout.write([device || description, `(${[vendor, architecture].filter(Boolean).join(" ")})`].join(" "));
}
