// Runs before the GPU tests' processes start: gives them a GPU, and says which.
import type { TestProject } from "vitest/node";
import { provideTestGpu } from "../testing/swiftshader.ts";

export default async function setup(project: TestProject): Promise<void> {
  const { name, environment } = await provideTestGpu();
  project.config.env = { ...project.config.env, ...environment };
  console.log(`GPU tests run on ${name}`);
}
