// Bytes that cannot hurt: every reader gives a value or a FlexAvatarError for a file that was spoiled. `npm run fuzz`
// reads more of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzAsync } from "../fuzz/run.mjs";

const Files = 1500;

test(`${Files} spoiled files of each kind are read or refused, none hangs and none takes 512 MB`, async () => {
    const reports = await fuzzAsync(Files);
    for (const [name, { read, refused, faults }] of Object.entries(reports)) {
        assert.deepEqual(faults, [], name);
        assert.equal(read + refused, Files, name);
    }
    assert.ok(Object.values(reports).reduce((sum, { refused }) => sum + refused, 0) > Files, "files were spoiled");
});
