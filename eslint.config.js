// What the compiler cannot see: imports that cross a layer, cycles between files, forgotten promises, forgotten cases.
// `npm run lint` runs it through nx, because the layering rule needs nx's project graph.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import js from "@eslint/js";
import nx from "@nx/eslint-plugin";
import { defineConfig, globalIgnores } from "eslint/config";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import typescript from "typescript-eslint";

/** Which packages a package may import. The tags are in each package.json, under `nx`. */
const layers = {
  core: [],
  gpu: ["core"],
  cpu: ["core"],
  data: ["core"],
  coordinator: ["core", "data"],
  "worker-node": ["core", "gpu", "cpu"],
  dashboard: ["core", "gpu", "cpu"],
  cli: ["core", "gpu", "cpu", "data", "coordinator", "worker-node", "dashboard"],
  examples: ["cli"],
};

const everything = [...Object.keys(layers), "e2e", "bench"];

const depConstraints = Object.entries({ ...layers, e2e: everything, bench: everything }).map(([scope, allowed]) => ({
  sourceTag: `scope:${scope}`,
  onlyDependOnLibsWithTags: allowed.map((name) => `scope:${name}`),
}));

const root = import.meta.dirname;
const packages = ["bench", "e2e", "examples", ...readdirSync(join(root, "packages")).map((name) => `packages/${name}`)];

const tests = ["packages/*/test/**", "packages/*/testing/**", "examples/**/*.test.ts", "e2e/**", "bench/**"];

export default defineConfig(
  globalIgnores(["**/dist/", "**/gen/", "**/test-results/", ".nx/", ".turbo/", "runs/"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,

  {
    files: ["**/*.{ts,tsx}"],
    extends: [typescript.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    plugins: { "@nx": nx, "import-x": importX },
    settings: {
      "import-x/extensions": [".ts", ".tsx"],
      "import-x/parsers": { "@typescript-eslint/parser": [".ts", ".tsx"] },
      "import-x/resolver-next": [
        createNodeResolver({ conditionNames: ["@tabgrad/source", "types", "import", "node"], extensions: [".ts", ".tsx", ".js"] }),
      ],
    },
    rules: {
      "@nx/enforce-module-boundaries": ["error", { depConstraints, allow: ["#proto"], allowCircularSelfDependency: true }],
      "import-x/no-cycle": ["error", { ignoreExternal: true }],
      "import-x/no-extraneous-dependencies": ["error", { devDependencies: false }],

      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-deprecated": "error",
      "@typescript-eslint/no-unnecessary-boolean-literal-compare": "error",
      "@typescript-eslint/no-unnecessary-template-expression": "error",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "@typescript-eslint/prefer-readonly": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true, allowNever: true }],
      "@typescript-eslint/return-await": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // An async function without await is how an interface of promises is implemented by something that need not wait.
      "@typescript-eslint/require-await": "off",
      // Tables of functions (operations, kernels) are taken apart everywhere; they do not use `this`.
      "@typescript-eslint/unbound-method": "off",
      // Enums come in from the wire as numbers.
      "@typescript-eslint/no-unsafe-enum-comparison": "off",
      eqeqeq: "error",
      // A closure may read a variable that has its value only later.
      "prefer-const": ["error", { ignoreReadBeforeAssign: true }],
      "no-console": "error",
    },
  },

  {
    // What runs in a tab as well.
    files: ["packages/core/src/**", "packages/gpu/src/**", "packages/dashboard/src/**"],
    // Node's own way to an adapter.
    ignores: ["packages/gpu/src/node.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ regex: "^(node:|fs$|path$|ws$)", message: "This package runs in a tab too." }] },
      ],
      "no-restricted-globals": ["error", "Buffer", "process", "global", "setImmediate", "__dirname", "require"],
    },
  },

  // Tests may also use their package's devDependencies, and what the root installs (vitest).
  packages.map((directory) => ({
    files: tests.map((pattern) => [pattern, `${directory}/**`]),
    rules: { "import-x/no-extraneous-dependencies": ["error", { packageDir: [join(root, directory), root] }] },
  })),

  {
    files: tests,
    rules: {
      // vitest fails a test that prints, and a global setup may.
      "no-console": "off",
      // Hostile input, made by hand.
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
    },
  },

  {
    // What a page is made of is bundled into it: whoever installs the package needs none of it.
    files: ["packages/dashboard/src/**", "packages/dashboard/*.ts"],
    rules: {
      "import-x/no-extraneous-dependencies": [
        "error",
        { devDependencies: true, packageDir: [join(root, "packages/dashboard"), root] },
      ],
    },
  },

  {
    files: ["*.ts"],
    rules: { "import-x/no-extraneous-dependencies": ["error", { devDependencies: true }] },
  },

  {
    files: ["**/*.{js,mjs}"],
    languageOptions: {
      globals: { console: "readonly", performance: "readonly", process: "readonly", URL: "readonly" },
    },
  },
);
