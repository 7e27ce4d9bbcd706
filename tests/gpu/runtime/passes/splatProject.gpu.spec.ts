import { CreateExpressionPose, type ExpressionPose } from "../../../../src/flame/expression";
import { DynamicFlag, InsideFlag, OutsideFlag, ShellFlag, TwoSidedFlag } from "../../../../src/flame/texelTable";
import { ViewParamsLayout, ViewSlotLayout } from "../../../../src/runtime/layout";
import {
    AvatarBuffers,
    HeadBuffers,
    SplatPipeline,
    ViewBuffers,
    type IViewSettings,
} from "../../../../src/runtime/passes";
import { RoundDeltaMap, RoundStaticMap } from "../../../../src/runtime/reference/packMaps";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { SortKeysReference } from "../../../../src/runtime/reference/sort";
import { SplatProjectReference, type ISplat } from "../../../../src/runtime/reference/splatProject";
import { ExpectClose, ExpectNoGpuErrors, GetDevice, Normal, Random, ReadBuffer, Submit } from "../../../support/gpu";
import {
    FrontalCamera,
    Multiply,
    Orthographic,
    Perspective,
    Scaling,
    Translation,
    TurnX,
    TurnY,
} from "../../../support/matrices";
import { ReadRecords, type IRecord } from "../../../support/records";
import { RandomDeltaMap, RandomExpression, RandomStaticMap, SyntheticTables } from "../../../support/syntheticHead";

const mapSize = 64;
const identity = Translation(0, 0, 0);
/**
 * What the avatar's root does in a left-handed scene: mirrored, so that the face looks towards −z, at a camera on that
 * side.
 */
const mirrored = Scaling(1, 1, -1);
const ahead = Translation(0, 0, 0.6);

/** A frontal view of 256², left-handed. */
const frontal: IViewSettings = { ...FrontalCamera(0.6, 256), worldFromPosed: mirrored };

describe("splatProject", () => {
    let device: GPUDevice;
    let pipeline: SplatPipeline;
    let head: HeadBuffers;
    let avatar: AvatarBuffers;
    let view: ViewBuffers;
    const random = Random(33);
    const { model, table, positionTable } = SyntheticTables(random, mapSize);
    const staticMap = RandomStaticMap(mapSize, random);

    beforeAll(async () => {
        device = await GetDevice();
        pipeline = await SplatPipeline.CreateAsync(device);
        head = new HeadBuffers(device, model, table, positionTable);
        view = new ViewBuffers(device, table.gaussianCount);
    });

    beforeEach(() => {
        avatar = new AvatarBuffers(device, head);
        avatar.setStaticMap(staticMap);
    });

    afterEach(() => avatar.dispose());

    afterAll(async () => {
        await ExpectNoGpuErrors();
        view.dispose();
        head.dispose();
    });

    async function Project(pose: ExpressionPose, settings: IViewSettings): Promise<IRecord[]> {
        avatar.setExpression(pose);
        Submit(device, (encoder) => {
            pipeline.poseVertices(encoder, avatar);
            pipeline.prepareView(encoder, avatar, view, settings);
        });
        return ReadRecords(device, view, settings.viewportWidthPx, settings.viewportHeightPx);
    }

    /**
     * Survivors first, then values where both survived. Decisions nearer to their limit than f32 can tell are skipped,
     * and counted.
     */
    function ExpectLikeReference(records: IRecord[], splats: ISplat[], settings: IViewSettings): void {
        const doubtful = splats.filter((splat) => splat.margin < 2e-4).length;
        expect(doubtful).toBeLessThan(0.01 * splats.length);
        const wrong = splats.findIndex((splat, g) => splat.margin >= 2e-4 && splat.visible !== records[g].visible);
        expect(wrong)
            .withContext(`Gaussian ${wrong} should ${splats[wrong]?.visible ? "" : "not "}survive culling`)
            .toBe(-1);
        const both = splats.flatMap((splat, g) =>
            splat.visible && records[g].visible ? [{ splat, record: records[g] }] : [],
        );
        expect(both.length).toBeGreaterThan(100);
        const Compare = (
            what: string,
            limit: { relative: number; floor: number },
            of: (from: IRecord | ISplat) => readonly number[],
        ): void =>
            ExpectClose(
                what,
                both.flatMap(({ record }) => of(record)),
                both.flatMap(({ splat }) => of(splat)),
                limit,
            );
        Compare("center in px", { relative: 1e-5, floor: 5e-6 * settings.viewportWidthPx }, (from) => from.centerPx);
        Compare("NDC depth", { relative: 1e-5, floor: 5e-6 }, (from) => [from.depthNdc]);
        Compare("depth in meters", { relative: 1e-5, floor: 1e-6 }, (from) => [from.viewDepth]);
        // One step of f16 is 2⁻¹⁰ of a number; a covariance holds squares of such numbers, so two steps, of its trace.
        const trace = ({ covariancePx: [xx, , yy] }: IRecord | ISplat): number => xx + yy;
        ExpectClose(
            "covariance over its trace",
            both.flatMap(({ record, splat }) => record.covariancePx.map((x) => x / trace(splat))),
            both.flatMap(({ splat }) => splat.covariancePx.map((x) => x / trace(splat))),
            { relative: 0, floor: 2 * 2 ** -11 },
        );
        Compare(
            "area of the ellipse",
            { relative: 2 * 2 ** -11 + 1e-4, floor: 1e-6 },
            ({ covariancePx: [xx, xy, yy] }) => [Math.sqrt(xx * yy - xy * xy)],
        );
        Compare("color", { relative: 2 ** -11 + 1e-5, floor: 3e-5 }, (from) => from.color);
        Compare("alpha", { relative: 2 ** -11 + 1e-4, floor: 0 }, (from) => [from.alpha]);
    }

    /** Keys follow exactly from the depths in the records, and the order exactly from the keys. */
    async function ExpectKeysAndOrder(records: IRecord[]): Promise<void> {
        const far = view.slotsData.floats[ViewSlotLayout.offsets.farDepth / 4];
        const keysPerMeter = view.paramsData.floats[ViewParamsLayout.offsets.keysPerMeter / 4];
        for (const [g, { visible, key, viewDepth }] of records.entries()) {
            const expected = Math.floor(
                Math.min(65535, Math.max(0, Math.fround(Math.fround(far - viewDepth) * keysPerMeter))),
            );
            if (visible && key !== expected) {
                fail(`key of Gaussian ${g} is ${key}, wanted ${expected}`);
                break;
            }
        }
        const keys = records.filter((record) => record.visible).map((record) => record.key);
        expect(Math.min(...keys))
            .withContext("the farthest key")
            .toBeGreaterThan(0);
        expect(Math.max(...keys))
            .withContext("the nearest key")
            .toBeLessThan(65535);
        expect(Math.max(...keys) - Math.min(...keys))
            .withContext("the range of keys in use")
            .toBeGreaterThan(0.1 * 65536);
        const order = SortKeysReference(Uint32Array.from(records, ({ key }) => key));
        expect(new Uint32Array(await ReadBuffer(device, view.order, 4 * order.length))).toEqual(order);
    }

    const views: Record<string, IViewSettings> = {
        "a frontal view": frontal,
        "opacity compensation": { ...frontal, compensateOpacity: true },
        "a right-handed scene": {
            ...frontal,
            worldFromPosed: identity,
            viewFromWorld: Multiply(Translation(0, 0, -0.6), TurnY(0.5)),
            clipFromView: Perspective(2.6, 1, 0.1, 10, true),
            rightHanded: true,
        },
        "a wide viewport and an avatar scaled by axis": {
            ...frontal,
            worldFromPosed: Multiply(Multiply(Translation(30, -20, 11), TurnY(0.7)), Scaling(1.7, 0.6, -1.2)),
            viewFromWorld: Multiply(ahead, Multiply(TurnX(0.2), Translation(-30, 20, -11))),
            clipFromView: Perspective(2.6, 1.6, 0.1, 10),
            viewportWidthPx: 320,
            viewportHeightPx: 200,
        },
        "reversed depth": { ...frontal, clipFromView: Perspective(2.6, 1, 10, 0.1) },
        "an orthographic camera": { ...frontal, clipFromView: Orthographic(0.4, 0.4, 0.1, 2) },
        "a camera inside the head": {
            ...frontal,
            viewFromWorld: Translation(0.03, 0, 0.09),
            clipFromView: Perspective(1.5, 1, 0.05, 10),
        },
        "back-face culling from the side": {
            ...frontal,
            worldFromPosed: Multiply(TurnY(1.2), mirrored),
            viewFromWorld: Multiply(Translation(0.02, -0.05, 0.6), TurnX(0.4)),
            cullBackFaces: true,
        },
        "back-face culling by an orthographic camera": {
            ...frontal,
            worldFromPosed: Multiply(TurnY(-1.2), mirrored),
            clipFromView: Orthographic(0.4, 0.4, 0.1, 2),
            viewFromWorld: Multiply(Translation(0.02, -0.05, 0.6), TurnX(0.4)),
            cullBackFaces: true,
        },
    };
    for (const [index, [name, settings]] of Object.entries(views).entries()) {
        it(`projects like the reference: ${name}`, async () => {
            const random = Random(50 + index); // seeds without a value midway between two packed steps
            const deltas = [RandomDeltaMap(mapSize, random), RandomDeltaMap(mapSize, random)];
            deltas.forEach((map) => avatar.setDeltaMap(map));
            avatar.deltaBlend = 0.75;
            const pose = RandomExpression(model, random);
            const records = await Project(pose, settings);
            const { expressed, jointMatrices } = PoseVerticesReference(model, pose);
            const state = {
                table,
                expressed,
                jointMatrices,
                staticMap: RoundStaticMap(staticMap),
                deltas: [
                    { map: RoundDeltaMap(deltas[0]), weight: 0.25 },
                    { map: RoundDeltaMap(deltas[1]), weight: 0.75 },
                ],
            };
            const splats = SplatProjectReference(state, settings);
            ExpectLikeReference(records, splats, settings);
            await ExpectKeysAndOrder(records);
            if (settings.cullBackFaces) {
                const all = SplatProjectReference(state, { ...settings, cullBackFaces: false });
                const culled = all.filter((splat, g) => splat.visible && !splats[g].visible).length;
                expect(culled)
                    .withContext("Gaussians culled for facing away")
                    .toBeGreaterThan(0.1 * all.length);
            }
        });
    }

    it("leaves out what looks away in a shell, and marks the rest", async () => {
        const outside = ShellFlag | OutsideFlag;
        const kinds = [0, ShellFlag, outside, ShellFlag | InsideFlag, outside | TwoSidedFlag];
        const sides = table.flags.map((flags, g) => flags | (kinds[g % kinds.length] & TwoSidedFlag));
        const shell = { ...table, flags: table.flags.map((flags, g) => flags | kinds[g % kinds.length]) };
        const shellHead = new HeadBuffers(device, model, shell, positionTable);
        const own = new AvatarBuffers(device, shellHead);
        own.setStaticMap(staticMap);
        const pose = RandomExpression(model, Random(71));
        own.setExpression(pose);
        const { expressed, jointMatrices } = PoseVerticesReference(model, pose);
        const state = { table: shell, expressed, jointMatrices, staticMap: RoundStaticMap(staticMap), deltas: [] };
        for (const name of ["back-face culling from the side", "back-face culling by an orthographic camera"]) {
            const settings = views[name];
            Submit(device, (encoder) => {
                pipeline.poseVertices(encoder, own);
                pipeline.prepareView(encoder, own, view, settings);
            });
            const records = await ReadRecords(device, view, settings.viewportWidthPx, settings.viewportHeightPx);
            const splats = SplatProjectReference(state, settings);
            ExpectLikeReference(records, splats, settings);
            const plain = SplatProjectReference({ ...state, table: { ...table, flags: sides } }, settings);
            const shares: number[] = [];
            for (const [k, kind] of kinds.entries()) {
                const ofKind = records.filter((record, g) => record.visible && g % kinds.length === k);
                expect(ofKind.every(({ isShell }) => isShell === (kind !== 0))).toBeTrue();
                const seen = plain.filter((splat, g) => splat.visible && g % kinds.length === k).length;
                const share = ofKind.length / seen; // axes point anywhere
                const isBetween = k < 2 ? share > 0.99 : share > 0.4 && share < 0.85;
                expect(isBetween).withContext(`share ${share} of kind ${kind} is drawn`).toBeTrue();
                shares.push(share);
            }
            expect(shares[4])
                .withContext("share of a shell with a layer inside")
                .toBeGreaterThan(shares[2] + 0.05);
        }
        own.dispose();
        shellHead.dispose();
    });

    it("leaves out what something else hides, until nothing does", async () => {
        const pose = RandomExpression(model, Random(72));
        const before = await Project(pose, frontal);
        const covered = Uint8Array.from({ length: table.gaussianCount }, (_, g) => Number(g % 3 === 0));
        expect(avatar.setCovered(covered)).toBeTrue();
        expect(avatar.setCovered(covered)).toBeFalse();
        const wanted = before.map((record, g) => record.visible && g % 3 !== 0);
        expect((await Project(pose, frontal)).map(({ visible }) => visible)).toEqual(wanted);
        avatar.setColors(staticMap);
        expect((await Project(pose, frontal)).map(({ visible }) => visible)).toEqual(wanted);
        expect(avatar.setCovered(null)).toBeTrue();
        expect(await Project(pose, frontal)).toEqual(before);
    });

    it("gives the same records for a projection to −1..1 as for one to 0..1", async () => {
        const pose = RandomExpression(model, random);
        const expected = (await Project(pose, frontal)).filter((record) => record.visible);
        const full = [...(frontal.clipFromView as number[])];
        full[10] = 2 * full[10] - full[11];
        full[14] = 2 * full[14] - full[15];
        const actual = (await Project(pose, { ...frontal, clipFromView: full, ndcHalfZ: false })).filter(
            (record) => record.visible,
        );
        ExpectClose(
            "depth",
            actual.map((record) => record.depthNdc),
            expected.map((record) => record.depthNdc),
            { relative: 0, floor: 1e-6 },
        );
    });

    it("changes only dynamic texels by a delta, and none with the blend at the empty start", async () => {
        const pose = CreateExpressionPose(model);
        const before = await Project(pose, frontal);
        avatar.setDeltaMap(RandomDeltaMap(mapSize, random));
        avatar.deltaBlend = 0;
        expect(await Project(pose, frontal)).toEqual(before);
        avatar.deltaBlend = 1;
        const after = await Project(pose, frontal);
        let changed = 0;
        before.forEach((record, g) => {
            const same = JSON.stringify(record) === JSON.stringify(after[g]);
            if ((table.flags[g] & DynamicFlag) === 0) {
                expect(same).withContext(`Gaussian ${g} is not dynamic`).toBeTrue();
            } else if (record.visible) {
                changed += same ? 0 : 1;
            }
        });
        expect(changed).toBeGreaterThan(500);
    });

    it("takes a delta map from a larger buffer and leaves the buffer alone", async () => {
        const pose = CreateExpressionPose(model);
        const delta = RandomDeltaMap(mapSize, random);
        avatar.setDeltaMap(delta);
        const expected = await Project(pose, frontal);
        avatar.setDeltaMap(new Float32Array(delta.length));
        const buffer = device.createBuffer({
            size: delta.byteLength + 256,
            usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        });
        device.queue.writeBuffer(buffer, 0, delta);
        avatar.setDeltaMap(buffer);
        expect(await Project(pose, frontal)).toEqual(expected);
        expect(new Float32Array(await ReadBuffer(device, buffer, delta.byteLength))).toEqual(delta);
        buffer.destroy();
    });

    it("draws nothing for a texel whose opacity or position is not a number, and keeps the rest", async () => {
        const pose = CreateExpressionPose(model);
        const before = await Project(pose, frontal);
        const broken = before.flatMap((record, g) => (record.visible ? [g] : [])).slice(0, 2);
        const map = staticMap.slice();
        map[3 * mapSize * mapSize + table.texel[broken[0]]] = NaN;
        map[table.texel[broken[1]]] = NaN;
        avatar.setStaticMap(map);
        const after = await Project(pose, frontal);
        const Shown = (records: IRecord[]): number[] => records.flatMap((record, g) => (record.visible ? [g] : []));
        expect(Shown(after)).toEqual(Shown(before).filter((g) => !broken.includes(g)));
        Shown(after).forEach((g) =>
            expect(Math.abs(after[g].key - before[g].key))
                .withContext(`key of Gaussian ${g}`)
                .toBeLessThan(2),
        );
    });

    // Checks that share no code with the reference.

    it("turns with the global joint as with the world", async () => {
        const [x, y, z] = model.joints;
        const turn = TurnX(0.35);
        const about = Multiply(Translation(x, y, z), Multiply(turn, Translation(-x, -y, -z)));
        const expected = await Project(CreateExpressionPose(model), {
            ...frontal,
            worldFromPosed: Multiply(mirrored, about),
        });
        const pose = CreateExpressionPose(model);
        pose.pose[0] = 0.35;
        const actual = await Project(pose, frontal);
        const both = expected.flatMap((record, g) =>
            record.visible && actual[g].visible ? [[actual[g], record] as const] : [],
        );
        expect(both.length).toBeGreaterThan(1000);
        const limit = { relative: 1e-5, floor: 1e-3 }; // px
        ExpectClose(
            "center",
            both.flatMap(([record]) => record.centerPx),
            both.flatMap(([, record]) => record.centerPx),
            limit,
        );
        const Area = ({ covariancePx: [xx, xy, yy] }: IRecord): number => Math.sqrt(xx * yy - xy * xy);
        ExpectClose(
            "area",
            both.map(([record]) => Area(record)),
            both.map(([, record]) => Area(record)),
            { relative: 4e-3, floor: 0 },
        );
    });

    it("spreads an isotropic Gaussian by f·s/z, plus the dilation", async () => {
        const sigma = 0.004;
        const map = staticMap.slice();
        const texels = mapSize * mapSize;
        map.fill(0, 0, 3 * texels);
        map.fill(5, 3 * texels, 4 * texels);
        map.fill(Math.log(sigma), 7 * texels, 10 * texels);
        avatar.setStaticMap(map);
        const records = await Project(CreateExpressionPose(model), frontal);
        // The Gaussian nearest to the optical axis: there the projection of a ball is a disc.
        const middle = records.reduce((best, record) =>
            Math.hypot(...record.centerPx) < Math.hypot(...best.centerPx) ? record : best,
        );
        expect(Math.hypot(...middle.centerPx)).toBeLessThan(4);
        const sigmaPx = (2.6 * 128 * sigma) / middle.viewDepth;
        ExpectClose("covariance", middle.covariancePx, [sigmaPx ** 2 + 0.3, 0, sigmaPx ** 2 + 0.3], {
            relative: 2e-3,
            floor: 5e-3,
        });
        expect(middle.alpha).toBeCloseTo(1 / (1 + Math.exp(-5)), 3);
    });

    it("has the covariance of random points sent through the matrices", async () => {
        const settings = views["a wide viewport and an avatar scaled by axis"];
        const records = await Project(CreateExpressionPose(model), settings);
        const clipFromPosed = Multiply(
            settings.clipFromView as number[],
            Multiply(settings.viewFromWorld as number[], settings.worldFromPosed as number[]),
        );
        const texels = mapSize * mapSize;
        const sampleCount = 20_000;
        let checked = 0;
        for (let g = 0; g < table.gaussianCount && checked < 12; g += 61) {
            const channel = (c: number): number => staticMap[c * texels + table.texel[g]];
            if (!records[g].visible || channel(7) > -5.2 || channel(8) > -5.2 || channel(9) > -5.2) {
                continue; // large Gaussians do not project to Gaussians
            }
            checked++;
            const surface = (axis: number): number =>
                [0, 1, 2].reduce(
                    (sum, k) => sum + table.bary[3 * g + k] * model.template[3 * table.corners[3 * g + k] + axis],
                    0,
                );
            const length = Math.hypot(channel(10), channel(11), channel(12), channel(13));
            const [qx, qy, qz, qw] = [10, 11, 12, 13].map((c) => channel(c) / length);
            const sums = [0, 0, 0, 0, 0];
            for (let i = 0; i < sampleCount; i++) {
                const [a, b, c] = [7, 8, 9].map((k) => Math.exp(channel(k)) * Normal(random));
                // q v q*, written out as a product of quaternions
                const [tx, ty, tz, tw] = [
                    qw * a + qy * c - qz * b,
                    qw * b + qz * a - qx * c,
                    qw * c + qx * b - qy * a,
                    -qx * a - qy * b - qz * c,
                ];
                const p = [
                    surface(0) + channel(0) + (-tw * qx + tx * qw - ty * qz + tz * qy),
                    surface(1) + channel(1) + (-tw * qy + ty * qw - tz * qx + tx * qz),
                    surface(2) + channel(2) + (-tw * qz + tz * qw - tx * qy + ty * qx),
                ];
                const [x, y, , w] = [0, 1, 2, 3].map(
                    (row) =>
                        clipFromPosed[row] * p[0] +
                        clipFromPosed[4 + row] * p[1] +
                        clipFromPosed[8 + row] * p[2] +
                        clipFromPosed[12 + row],
                );
                const [px, py] = [(160 * x) / w, (100 * y) / w];
                [px, py, px * px, px * py, py * py].forEach((value, k) => (sums[k] += value / sampleCount));
            }
            const [mx, my, mxx, mxy, myy] = sums;
            const expected = [mxx - mx * mx + 0.3, mxy - mx * my, myy - my * my + 0.3];
            const trace = expected[0] + expected[2];
            ExpectClose(`mean of Gaussian ${g}`, records[g].centerPx, [mx, my], {
                relative: 0,
                floor: 0.03 * Math.sqrt(trace),
            });
            ExpectClose(`covariance of Gaussian ${g}`, records[g].covariancePx, expected, {
                relative: 0,
                floor: 0.035 * trace,
            });
        }
        expect(checked).toBe(12);
    });
});
