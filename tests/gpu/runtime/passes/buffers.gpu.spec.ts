import { AvatarBuffers, HeadBuffers, SplatPipeline, ViewBuffers } from "../../../../src/runtime/passes";
import { ExpectNoGpuErrors, GetDevice, Random, Submit } from "../../../support/gpu";
import { Perspective, Translation } from "../../../support/matrices";
import { SyntheticTables } from "../../../support/syntheticHead";

describe("buffers of the pipeline", () => {
    let device: GPUDevice;
    const { model, table, positionTable } = SyntheticTables(Random(55), 16);
    const settings = {
        worldFromPosed: Translation(0, 0, 0),
        viewFromWorld: Translation(0, 0, 1),
        clipFromView: Perspective(2, 1, 0.1, 10),
        viewportWidthPx: 64,
        viewportHeightPx: 64,
    };

    beforeAll(async () => {
        device = await GetDevice();
    });

    afterEach(() => ExpectNoGpuErrors());

    it("may be disposed twice and then hold nothing", () => {
        const head = new HeadBuffers(device, model, table, positionTable);
        const avatar = new AvatarBuffers(device, head);
        const view = new ViewBuffers(device, table.gaussianCount);
        for (const buffers of [view, avatar, head]) {
            expect(buffers.byteLength).toBeGreaterThan(0);
            buffers.dispose();
            buffers.dispose();
            expect(buffers.byteLength).toBe(0);
        }
    });

    it("destroys every buffer it created and none that it borrowed", () => {
        const created = new Set<string>();
        const spied = new Proxy(device, {
            get: (target, property) => {
                if (property === "createBuffer") {
                    return (descriptor: GPUBufferDescriptor) => {
                        const buffer = target.createBuffer(descriptor);
                        const label = String(descriptor.label);
                        created.add(label);
                        buffer.destroy = () => void created.delete(label);
                        return buffer;
                    };
                }
                const value = Reflect.get(target, property) as unknown;
                return typeof value === "function" ? (value.bind(target) as unknown) : value;
            },
        });
        const head = new HeadBuffers(spied, model, table, positionTable);
        const ofHead = new Set(created);
        const avatar = new AvatarBuffers(spied, head);
        const view = new ViewBuffers(spied, table.gaussianCount);
        expect(created.size).toBeGreaterThan(15);
        avatar.dispose();
        view.dispose();
        expect(created).toEqual(ofHead);
        head.dispose();
        expect(created.size).toBe(0);
    });

    it("takes a map for opaque where hardly a Gaussian is thin, and a buffer for translucent", () => {
        const head = new HeadBuffers(device, model, table, positionTable);
        const avatar = new AvatarBuffers(device, head);
        expect(avatar.isOpaque).toBeFalse();
        const logits = (thinEvery: number, thin: number): Float32Array<ArrayBuffer> => {
            const map = new Float32Array(14 * 256);
            map.fill(4, 3 * 256, 4 * 256);
            table.texel.forEach((texel, g) => (map[3 * 256 + texel] = g % thinEvery === 1 ? thin : 4));
            return map;
        };
        for (const [thinEvery, thin, isOpaque] of [
            [1e9, 0, true],
            [1000, 0, true],
            [20, 0, false],
            [20, NaN, false],
            [1e9, 0, true],
        ] as const) {
            avatar.setStaticMap(logits(thinEvery, thin));
            expect(avatar.isOpaque).withContext(`one of ${thinEvery} is ${thin}`).toBe(isOpaque);
        }
        expect(new AvatarBuffers(device, head, avatar).isOpaque)
            .withContext("an instance")
            .toBeTrue();
        const map = device.createBuffer({
            size: 4 * 14 * 256,
            usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        });
        avatar.setStaticMap(map);
        expect(avatar.isOpaque).toBeFalse();
        map.destroy();
        head.dispose();
    });

    it("refuses a map of the wrong size", () => {
        const head = new HeadBuffers(device, model, table, positionTable);
        const avatar = new AvatarBuffers(device, head);
        expect(() => avatar.setStaticMap(new Float32Array(14 * 16 * 15))).toThrowError(
            /setStaticMap got 13440 bytes, wanted 14336/,
        );
        expect(() => avatar.setDeltaMap(new Float32Array(1))).toThrowError(/setDeltaMap got 4 bytes/);
        avatar.dispose();
        head.dispose();
    });

    it("refuses a view that is too small for the avatar", async () => {
        const pipeline = await SplatPipeline.CreateAsync(device);
        const head = new HeadBuffers(device, model, table, positionTable);
        const avatar = new AvatarBuffers(device, head);
        const view = new ViewBuffers(device, table.gaussianCount - 1);
        expect(() => Submit(device, (encoder) => pipeline.prepareView(encoder, avatar, view, settings))).toThrowError(
            /wanted at least/,
        );
        [view, avatar, head].forEach((buffers) => buffers.dispose());
    });

    it("records a frame without creating buffers or bind groups after the first", async () => {
        const pipeline = await SplatPipeline.CreateAsync(device);
        const head = new HeadBuffers(device, model, table, positionTable);
        const avatar = new AvatarBuffers(device, head);
        const view = new ViewBuffers(device, table.gaussianCount);
        const map = device.createBuffer({
            size: 12 * positionTable.mapSize ** 2,
            usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
        });
        const frame = (): void =>
            Submit(device, (encoder) => {
                pipeline.poseVertices(encoder, avatar);
                pipeline.positionMap(encoder, avatar, map);
                pipeline.prepareView(encoder, avatar, view, settings);
            });
        frame();
        const groups = spyOn(device, "createBindGroup").and.callThrough();
        const buffers = spyOn(device, "createBuffer").and.callThrough();
        frame();
        expect(groups).not.toHaveBeenCalled();
        expect(buffers).not.toHaveBeenCalled();
        await device.queue.onSubmittedWorkDone();
        [view, avatar, head].forEach((owner) => owner.dispose());
        map.destroy();
    });
});
