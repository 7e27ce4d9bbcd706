/** The specs of the passes, for Node: they need a WebGPU device and no page. */
declare const require: {
    context(folder: string, deep: boolean, pattern: RegExp): { keys(): string[]; (key: string): unknown };
};

const specs = require.context("../../tests/gpu/runtime/passes", false, /\.spec\.ts$/);
specs.keys().forEach(specs);

export {};
