// The bits of buffer usages and map modes, as the WebGPU specification fixes them: Node has no globals that name them.

export const usage = { mapRead: 1, mapWrite: 2, copySource: 4, copyTarget: 8, storage: 128 } as const;
export const mapMode = { read: 1, write: 2 } as const;
export const stage = { compute: 4 } as const;
