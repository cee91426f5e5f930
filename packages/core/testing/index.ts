// What the engines' tests share with core's: random cases, and what is right for them.
export { engineCases, type EngineCase } from "./engine-cases.ts";
export { layerCase, referenceGradients, testedLayers } from "./layer-cases.ts";
export * from "./operation-cases.ts";
export { uniformCase, type UniformCase } from "./uniform-case.ts";
