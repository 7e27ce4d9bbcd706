// The one entry of the browser test bundle: collects every spec of the chosen group (karma.conf.js), default all.
declare const __FLEX_TEST_GROUP__: string;
declare const require: {
    context(folder: string, deep: boolean, pattern: RegExp): { keys(): string[]; (key: string): unknown };
};

const specs = require.context("./", true, /\.spec\.ts$/);
for (const key of specs.keys()) {
    if (key.startsWith(`./${__FLEX_TEST_GROUP__}`)) {
        specs(key);
    }
}
