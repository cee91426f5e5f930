// What the engines' tests share with core's: random cases, and what is right for them.
export { layerCase, testedLayers } from "./layer-cases.ts";
export * from "./operation-cases.ts";
