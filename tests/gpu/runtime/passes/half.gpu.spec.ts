// The twins in half precision against the reference and against single precision on the same device. Skipped where the
// adapter has no shader-f16.
import {
    AvatarBuffers,
    HeadBuffers,
    SplatDrawPass,
    SplatPipeline,
    ViewBuffers,
    type IViewSettings,
} from "../../../../src/runtime/passes";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { RasterizeReference } from "../../../../src/runtime/reference/rasterize";
import { SplatProjectReference, type ISplat } from "../../../../src/runtime/reference/splatProject";
import { DrawnAsync, type DrawnFormat } from "../../../support/drawn";
import { ExpectClose, ExpectNoGpuErrors, GetHalfDevice, Psnr, Random, Submit } from "../../../support/gpu";
import { FrontalCamera, Multiply, Scaling, TurnY } from "../../../support/matrices";
import { ReadRecords, type IRecord } from "../../../support/records";
import { RandomDeltaMap, RandomExpression, RandomStaticMap, SyntheticTables } from "../../../support/syntheticHead";

const size = 256;
const mapSize = 96;
const settings: IViewSettings = {
    ...FrontalCamera(0.6, size),
    worldFromPosed: Multiply(TurnY(0.3), Scaling(1, 1, -1)),
};

/** A head with a driver's delta on it, projected and drawn with either twin. */
interface IStage {
    device: GPUDevice;
    splats: ISplat[];
    recordsAsync(half: boolean): Promise<IRecord[]>;
    pictureAsync(half: boolean, format: DrawnFormat): Promise<Float64Array>;
    dispose(): void;
}

async function MakeStageAsync(device: GPUDevice): Promise<IStage> {
    const random = Random(45);
    const { model, table, positionTable } = SyntheticTables(random, mapSize);
    const head = new HeadBuffers(device, model, table, positionTable);
    const avatar = new AvatarBuffers(device, head);
    const staticMap = RandomStaticMap(mapSize, random);
    const delta = RandomDeltaMap(mapSize, random);
    const pose = RandomExpression(model, random, 0.2);
    avatar.setStaticMap(staticMap);
    avatar.setDeltaMap(delta);
    avatar.setExpression(pose);
    const view = new ViewBuffers(device, table.gaussianCount);
    const pipelines = [false, true].map((half) => SplatPipeline.CreateAsync(device, { sort: "counting", half }));
    const prepareAsync = async (half: boolean): Promise<void> => {
        const pipeline = await pipelines[Number(half)];
        expect(pipeline.half).toBe(half);
        Submit(device, (encoder) => pipeline.prepareView(encoder, avatar, view, settings));
    };
    const { expressed, jointMatrices } = PoseVerticesReference(model, pose);
    const deltas = [{ map: delta, weight: 1 }];
    return {
        device,
        splats: SplatProjectReference({ table, expressed, jointMatrices, staticMap, deltas }, settings),
        recordsAsync: async (half) => {
            await prepareAsync(half);
            return await ReadRecords(device, view, size, size);
        },
        pictureAsync: async (half, format) => {
            await prepareAsync(half);
            const draw = await SplatDrawPass.CreateAsync(device, { colorFormat: format }, half);
            expect(draw.half).toBe(half);
            return await DrawnAsync(draw, view, size, format);
        },
        dispose: () => [avatar, view, head].forEach((owner) => owner.dispose()),
    };
}

describe("half precision", () => {
    let made: Promise<IStage> | undefined;

    /** Skips the spec where there is no such device. */
    async function GetStage(): Promise<IStage> {
        const device = await GetHalfDevice();
        return await (made ??= MakeStageAsync(device));
    }

    afterAll(async () => (await made)?.dispose());

    it("is the default on devices that gain by it", async () => {
        const { device } = await GetStage();
        const isGpu = device.adapterInfo.isFallbackAdapter !== true;
        expect((await SplatPipeline.CreateAsync(device, { sort: "counting" })).half).toBe(isGpu);
        expect((await SplatDrawPass.CreateAsync(device, { colorFormat: "rgba8unorm" })).half).toBe(isGpu);
    });

    it("projects to the same records, but for the last bits of colors that the driver changed", async () => {
        const stage = await GetStage();
        const single = await stage.recordsAsync(false);
        const half = await stage.recordsAsync(true);
        expect(single.filter(({ visible }) => visible).length).toBeGreaterThan(1000);
        const rest = ({ color: _, ...others }: IRecord): string => JSON.stringify(others);
        expect(half.findIndex((record, i) => rest(record) !== rest(single[i]))).toBe(-1);
        const colors = (records: readonly IRecord[]): number[] =>
            records.flatMap(({ visible, color }) => (visible ? color : []));
        // the delta and the sum are rounded
        ExpectClose("color", colors(half), colors(single), { relative: 0, floor: 2 * 2 ** -11 });
        expect(colors(half)).not.toEqual(colors(single)); // it is another twin
        await ExpectNoGpuErrors(stage.device);
    });

    for (const [format, decibels] of [
        ["rgba16float", 55],
        ["rgba8unorm", 50],
    ] as const) {
        it(`draws the image of the reference rasteriser into ${format}`, async () => {
            const stage = await GetStage();
            const picture = await stage.pictureAsync(true, format);
            const splats = stage.splats.filter(({ visible }) => visible).sort((a, b) => b.viewDepth - a.viewDepth);
            const expected = RasterizeReference(splats, size, size);
            expect(expected.reduce((sum, x) => sum + x, 0) / expected.length).toBeGreaterThan(0.02);
            const single = Psnr(await stage.pictureAsync(false, format), expected);
            const half = Psnr(picture, expected);
            console.log(`PSNR ${half.toFixed(1)} dB, in single precision ${single.toFixed(1)} dB`);
            expect(half).toBeGreaterThan(decibels);
            await ExpectNoGpuErrors(stage.device);
        });
    }
});
