import { CulledKey, CrowdedSize } from "../../../src/runtime/layout";
import { ViewBuffers } from "../../../src/runtime/passes";
import { CountingSorter } from "../../../src/runtime/passes/sort/countingSorter";
import { CountKeys, SortKeysReference } from "../../../src/runtime/reference/sort";
import { ExpectNoGpuErrors, GetDevice, Random, ReadBuffer, Submit } from "./gpu";

const counts = [0, 1, 255, 256, 257, 65_537, 200_000];

describe("sort", () => {
    let device: GPUDevice;
    let sorter: CountingSorter;
    const random = Random(22);

    beforeAll(async () => {
        device = await GetDevice();
        sorter = await CountingSorter.CreateAsync(device);
    });

    afterAll(() => ExpectNoGpuErrors());

    /** Sorts on the GPU and compares with the reference, entry by entry. */
    async function ExpectSorted(keys: Uint32Array<ArrayBuffer>): Promise<void> {
        const view = new ViewBuffers(device, keys.length);
        device.queue.writeBuffer(view.keys, 0, keys);
        Submit(device, (encoder) => void sorter.prepare(encoder, view, keys.length));
        device.queue.writeBuffer(view.sortScratch!.keyCounts, 0, CountKeys(keys));
        Submit(device, (encoder) => {
            const pass = encoder.beginComputePass();
            sorter.sort(pass, view);
            pass.end();
        });
        const expected = SortKeysReference(keys);
        const args = new Uint32Array(await ReadBuffer(device, view.drawArgs));
        expect(Array.from(args.subarray(0, 5))).toEqual([6 * expected.length, 1, 0, 0, expected.length]);
        const actual = new Uint32Array(await ReadBuffer(device, view.order, 4 * expected.length));
        const wrong = actual.findIndex((record, place) => record !== expected[place]);
        expect(wrong).withContext(`place ${wrong} of ${expected.length} holds ${actual[wrong]}, wanted ${expected[wrong]}`).toBe(-1);
        view.dispose();
    }

    const Keys = (count: number, key: (i: number) => number): Uint32Array<ArrayBuffer> =>
        Uint32Array.from({ length: count }, (_, i) => key(i));

    for (const count of counts) {
        it(`orders ${count} random keys, equal ones by index`, () => ExpectSorted(Keys(count, () => Math.floor(65536 * random()))));
        it(`orders ${count} keys that are all equal`, () => ExpectSorted(Keys(count, () => 31_000)));
        it(`orders ${count} keys that are sorted`, () => ExpectSorted(Keys(count, (i) => Math.floor((65535 * i) / count))));
        it(`orders ${count} keys that are reversed`, () => ExpectSorted(Keys(count, (i) => 65535 - Math.floor((65535 * i) / count))));
        it(`orders ${count} keys of which a third is culled`, () =>
            ExpectSorted(Keys(count, () => (random() < 1 / 3 ? CulledKey : Math.floor(3000 * random() ** 2)))));
    }

    it("draws nothing when all are culled", () => ExpectSorted(Keys(1000, () => CulledKey)));
    it("keeps culled records out of the last bucket", () => ExpectSorted(Keys(1000, (i) => (i % 2 ? CulledKey : 65535 - (i % 4)))));
    it("orders the first and the last key", () => ExpectSorted(Keys(1000, (i) => (i % 3) * 32767.5)));
    for (const size of [CrowdedSize - 1, CrowdedSize, CrowdedSize + 1]) {
        it(`orders buckets of ${size} records`, () => ExpectSorted(Keys(8 * size, (i) => 65535 - 9000 * (i % 8))));
    }
    it("orders many crowded buckets", () => ExpectSorted(Keys(60_000, () => Math.floor(50 * random()))));
});
