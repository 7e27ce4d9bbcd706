import { CulledKey, CrowdedSize, RadixTileSize } from "../../../../src/runtime/layout";
import { ViewBuffers } from "../../../../src/runtime/passes";
import { CreateSorterAsync, type ISortProbe } from "../../../../src/runtime/passes/sort/sorterChoice";
import type { ISplatSorter, SplatSorterName } from "../../../../src/runtime/passes/sort/splatSorter";
import { SortKeysReference } from "../../../../src/runtime/reference/sort";
import { ExpectNoGpuErrors, GetDevice, Random, ReadBuffer, Submit } from "../../../support/gpu";

const counts = [0, 1, 255, 256, 257, RadixTileSize - 1, RadixTileSize, RadixTileSize + 1, 65_537];

const Keys = (count: number, key: (i: number) => number): Uint32Array<ArrayBuffer> =>
    Uint32Array.from({ length: count }, (_, i) => key(i));

/** Sorts on the GPU and compares with the reference, entry by entry. */
async function ExpectSorted(
    device: GPUDevice,
    sorter: ISplatSorter,
    view: ViewBuffers,
    keys: Uint32Array<ArrayBuffer>,
): Promise<void> {
    device.queue.writeBuffer(view.keys, 0, keys);
    Submit(device, (encoder) => {
        sorter.prepare(encoder, view, keys.length);
        const pass = encoder.beginComputePass();
        sorter.countKeys(pass, view);
        sorter.sort(pass, view);
        pass.end();
    });
    const expected = SortKeysReference(keys);
    const args = new Uint32Array(await ReadBuffer(device, view.drawArgs));
    expect(Array.from(args.subarray(0, 5))).toEqual([3 * expected.length, 1, 0, 0, expected.length]);
    const actual = new Uint32Array(await ReadBuffer(device, view.order, 4 * expected.length));
    const wrong = actual.findIndex((record, place) => record !== expected[place]);
    expect(wrong)
        .withContext(`place ${wrong} of ${expected.length} holds ${actual[wrong]}, wanted ${expected[wrong]}`)
        .toBe(-1);
}

for (const name of ["counting", "radix"] as SplatSorterName[]) {
    describe(`sort: ${name}`, () => {
        let device: GPUDevice;
        let sorter: ISplatSorter;
        const random = Random(22);

        beforeAll(async () => {
            device = await GetDevice();
            sorter = await CreateSorterAsync(device, name);
        });

        afterAll(() => ExpectNoGpuErrors());

        async function Expect(keys: Uint32Array<ArrayBuffer>): Promise<void> {
            const view = new ViewBuffers(device, keys.length);
            await ExpectSorted(device, sorter, view, keys);
            view.dispose();
        }

        for (const count of counts) {
            it(`orders ${count} random keys, equal ones by index`, () =>
                Expect(Keys(count, () => Math.floor(65536 * random()))));
            it(`orders ${count} keys that are all equal`, () => Expect(Keys(count, () => 31_000)));
            it(`orders ${count} keys that are sorted`, () =>
                Expect(Keys(count, (i) => Math.floor((65535 * i) / count))));
            it(`orders ${count} keys that are reversed`, () =>
                Expect(Keys(count, (i) => 65535 - Math.floor((65535 * i) / count))));
            it(`orders ${count} keys of which a third is culled`, () =>
                Expect(Keys(count, () => (random() < 1 / 3 ? CulledKey : Math.floor(3000 * random() ** 2)))));
        }
        it("orders the 141,445 Gaussians of the paper, a third culled", () =>
            Expect(Keys(141_445, () => (random() < 1 / 3 ? CulledKey : Math.floor(65536 * random())))));
        it("orders 2,000,000 keys", () => Expect(Keys(2_000_000, () => Math.floor(65536 * random()))));

        it("is the one that was asked for, with as many dispatches as it says", () => {
            expect(sorter.name).toBe(name);
            const view = new ViewBuffers(device, 5000);
            let dispatches = 0;
            Submit(device, (encoder) => {
                sorter.prepare(encoder, view, 5000);
                const pass = encoder.beginComputePass();
                const [direct, indirect] = [
                    pass.dispatchWorkgroups.bind(pass),
                    pass.dispatchWorkgroupsIndirect.bind(pass),
                ];
                pass.dispatchWorkgroups = (...sizes) => (dispatches++, direct(...sizes));
                pass.dispatchWorkgroupsIndirect = (...source) => (dispatches++, indirect(...source));
                sorter.sort(pass, view);
                pass.end();
            });
            expect(dispatches).toBe(sorter.dispatchCount);
            view.dispose();
        });

        it("draws nothing when all are culled", () => Expect(Keys(5000, () => CulledKey)));
        it("keeps culled records out of the last bucket", () =>
            Expect(Keys(1000, (i) => (i % 2 ? CulledKey : 65535 - (i % 4)))));
        it("orders the first and the last key", () => Expect(Keys(1000, (i) => (i % 3) * 32767.5)));
        for (const size of [CrowdedSize - 1, CrowdedSize, CrowdedSize + 1]) {
            it(`orders buckets of ${size} records`, () => Expect(Keys(8 * size, (i) => 65535 - 9000 * (i % 8))));
        }
        it("orders many crowded buckets", () => Expect(Keys(60_000, () => Math.floor(50 * random()))));

        it("orders one target again with fewer, more and no keys", async () => {
            const view = new ViewBuffers(device, 9000);
            for (const count of [9000, 10, 0, 5000]) {
                await ExpectSorted(
                    device,
                    sorter,
                    view,
                    Keys(count, () => Math.floor(65536 * random())),
                );
            }
            view.dispose();
        });

        it("gets new scratch when the target's buffers were replaced, and destroys the old one", async () => {
            const [small, large] = [new ViewBuffers(device, 100), new ViewBuffers(device, 9000)];
            const target = {
                keys: small.keys,
                order: small.order,
                drawArgs: small.drawArgs,
                sortScratch: small.sortScratch,
            };
            Submit(device, (encoder) => void sorter.prepare(encoder, target, 100));
            const old = target.sortScratch!;
            expect((old as unknown as { byteLength: number }).byteLength).toBeGreaterThan(0);
            Object.assign(target, { keys: large.keys, order: large.order, drawArgs: large.drawArgs });
            await ExpectSorted(
                device,
                sorter,
                target as unknown as ViewBuffers,
                Keys(9000, () => Math.floor(65536 * random())),
            );
            expect((old as unknown as { byteLength: number }).byteLength).toBe(0);
            (target.sortScratch as unknown as { dispose(): void }).dispose();
            small.dispose();
            large.dispose();
        });
    });
}

describe("choice of the sort", () => {
    afterAll(() => ExpectNoGpuErrors());

    for (const features of [[], ["timestamp-query"]] as GPUFeatureName[][]) {
        it(`takes the faster of the two by measuring both, with features [${features}], and leaves no buffer`, async () => {
            const adapter = await navigator.gpu.requestAdapter();
            const device = await adapter!.requestDevice({ requiredFeatures: features });
            const errors: string[] = [];
            device.onuncapturederror = (event) => errors.push(event.error.message);
            let buffers = 0;
            const create = device.createBuffer.bind(device);
            device.createBuffer = (descriptor) => {
                const buffer = create(descriptor);
                const destroy = buffer.destroy.bind(buffer);
                buffers++;
                buffer.destroy = () => {
                    buffers--;
                    destroy();
                };
                return buffer;
            };
            let probe: ISortProbe | undefined;
            const sorter = await CreateSorterAsync(device, "auto", (measured) => (probe = measured));
            console.log(`sort probe: ${JSON.stringify(probe)}`);
            expect(probe!.clock).toBe(features.length > 0 ? "timestamp" : "workDone");
            expect(probe!.ms.counting).toBeGreaterThan(0);
            expect(probe!.ms.radix).toBeGreaterThan(0);
            expect(sorter.name).toBe(probe!.ms.radix < probe!.ms.counting ? "radix" : "counting");
            await device.queue.onSubmittedWorkDone();
            expect(buffers).toBe(0);
            expect(errors).toEqual([]);
            device.destroy();
        });
    }
});
