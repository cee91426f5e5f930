// A console call in a test, or in code that a test runs, fails that test: a library that prints cannot be used by a program that
// has its own output, and what a test prints nobody reads. Loaded by every vitest project.
import { afterAll, afterEach } from "vitest";

const methods = ["debug", "dir", "error", "info", "log", "table", "trace", "warn"] as const;

let calls: Error[] = [];

for (const method of methods) {
  // eslint-disable-next-line no-console -- replaced, not called
  console[method] = (...values: unknown[]) => {
    // Kept, not thrown: code under test could catch it. The error's stack shows who called.
    calls.push(new Error(`console.${method} was called: ${values.map(String).join(" ")}`));
  };
}

function failOnCalls(): void {
  const [first] = calls;
  calls = [];
  if (first) throw first;
}

afterEach(failOnCalls);
// What was called outside of any test: while a file loads, or after its last test.
afterAll(failOnCalls);
