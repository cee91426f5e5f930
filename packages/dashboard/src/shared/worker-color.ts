// The colour of a worker: the same everywhere on every page, since it is a function of its id ("w3").
const colors = 8;

/** As a CSS value. */
export const workerColor = (id: string): string => `var(--worker-${(Number(id.slice(1)) - 1 + colors) % colors || 0})`;
