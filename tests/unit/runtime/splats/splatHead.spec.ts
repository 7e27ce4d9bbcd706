// Gaussians of a file as a head: where the CPU's own skinning has them, with necks that turn and torsos that stay.
import { ApplySimilarity, FitSimilarity } from "../../../../src/flame/fit/similarity";
import { CreateExpressionPose, ExpressionIndex } from "../../../../src/flame/expression";
import { PoseFeatureCount } from "../../../../src/flame/headModel";
import { WriteSplats } from "../../../../src/runtime/format/splatFile";
import { PlacementOf } from "../../../../src/runtime/splats/placement";
import { ReadSplatsAsync } from "../../../../src/runtime/splats/readSplats";
import { BuildSplatHead } from "../../../../src/runtime/splats/splatHead";
import { OpenHeadAsync } from "../../../support/heads";
import { Random } from "../../../support/gpu";
import { LamNeckHeight, SampleLam } from "../../../support/lamZip";

/** 32 bytes each: one per place. */
function SplatsAt(places: readonly (readonly number[])[]): Uint8Array {
    const bytes = new Uint8Array(32 * places.length);
    const view = new DataView(bytes.buffer);
    places.forEach((place, i) => {
        place.forEach((value, k) => view.setFloat32(32 * i + 4 * k, value, true));
        [12, 16, 20].forEach((at) => view.setFloat32(32 * i + at, 0.05, true));
        bytes.set([200, 150, 100, 255, 255, 128, 128, 128], 32 * i + 24);
    });
    return bytes;
}

/** Places of splats, the lowest first. */
function PlacesOf(splats: ArrayBuffer): number[][] {
    const floats = new Float32Array(splats);
    const places = Array.from({ length: floats.length / 8 }, (_, i) => [...floats.subarray(8 * i, 8 * i + 3)]);
    return places.sort((a, b) => a[1] - b[1]);
}

describe("BuildSplatHead", () => {
    it("places a head by its neck, axes and unit, and turns it with the neck, the torso not", async () => {
        const head = await OpenHeadAsync();
        // a file with +Z up, the face towards −Y, ten units to the meter
        const inFile = (x: number, y: number, z: number): number[] => [10 * x, -10 * z, 10 * y];
        const [, , , , neckY, neckZ] = head.joints;
        const wanted = [
            [0.1, -0.3, 0.02],
            [0, 0.1, 0.09],
        ];
        const read = await ReadSplatsAsync(SplatsAt([...wanted, [0, 0.9, 0]].map(([x, y, z]) => inFile(x, y, z))));
        const placement = PlacementOf(head, {
            neck: inFile(0, neckY, neckZ),
            up: [0, 0, 2],
            facing: [0, -1, 0],
            scale: 0.1,
        });
        const { model, table, map, leftOut, clamped } = BuildSplatHead(read, head, placement);
        expect([leftOut, clamped]).toEqual([1, 0]); // one is far above; 0.05 units are 5 mm
        const pose = CreateExpressionPose(model);
        const draw = (): number[][] =>
            PlacesOf(WriteSplats({ head: model, table, staticMap: map, deltaMap: null, pose }, false));
        draw().forEach((place, i) => place.forEach((value, k) => expect(value).toBeCloseTo(wanted[i][k], 5)));
        pose.pose[4] = Math.PI / 2; // the neck, to its left
        const [torso, face] = draw();
        torso.forEach((value, k) => expect(value).toBeCloseTo(wanted[0][k], 5));
        [0.09 - neckZ, 0.1, neckZ].forEach((value, k) => expect(face[k]).toBeCloseTo(value, 4));
    });

    it("takes no corrective over, which is of the head model's own vertices", async () => {
        const last = (await OpenHeadAsync()).vertexCount - 1;
        const head = {
            ...(await OpenHeadAsync()),
            correctiveCount: PoseFeatureCount,
            correctiveScale: new Float32Array(PoseFeatureCount).fill(0.001),
            correctiveStart: Uint32Array.from({ length: PoseFeatureCount + 1 }, (_, i) => i),
            correctiveVertex: new Uint16Array(PoseFeatureCount).fill(last),
            correctiveDelta: new Int16Array(3 * PoseFeatureCount).fill(50),
        };
        const read = await ReadSplatsAsync(SplatsAt([[0, 0.1, 0.09]]));
        const { model } = BuildSplatHead(read, head, PlacementOf(head, { neck: [0, head.joints[4], head.joints[5]] }));
        expect(model.vertexCount).toBeLessThan(last);
        expect([model.correctiveCount, model.correctiveVertex.length]).toEqual([0, 0]);
    });

    it("moves a LAM avatar by its own weights and expressions", async () => {
        const head = await OpenHeadAsync();
        const read = await ReadSplatsAsync(SampleLam().zip);
        const placement = PlacementOf(head, { neck: read.skin!.neck! });
        const { model, table, map } = BuildSplatHead(read, head, placement);
        expect(model.vertexCount).toBe(table.gaussianCount);
        const pose = CreateExpressionPose(model);
        const draw = (): number[][] =>
            PlacesOf(WriteSplats({ head: model, table, staticMap: map, deltaMap: null, pose }, false));
        const rest = draw();
        pose.expression[ExpressionIndex(model, "jawOpen")] = 1;
        const opened = draw();
        const lowest = head.joints[4] + 0.02 - LamNeckHeight + LamNeckHeight;
        expect(opened.reduce((sum, [, y]) => sum + y, 0)).toBeLessThan(rest.reduce((sum, [, y]) => sum + y, 0) - 0.1);
        expect(opened.filter(([, y], i) => y > lowest + 0.08 && Math.abs(y - rest[i][1]) > 1e-4)).toEqual([]);
    });

    it("refuses a place that is none", async () => {
        const head = await OpenHeadAsync();
        for (const place of [
            { neck: [0, 0] },
            { neck: [0, 0, NaN] },
            { neck: [0, 0, 0], scale: 0 },
            { neck: [0, 0, 0], up: [0, 0, 1] },
        ]) {
            expect(() => PlacementOf(head, place)).toThrowError(/place of a neck/);
        }
        const far = await ReadSplatsAsync(SplatsAt([[50, 0, 0]]));
        expect(() => BuildSplatHead(far, head, PlacementOf(head, { neck: [0, 0, 0] }))).toThrowError(/half a meter/);
    });
});

describe("FitSimilarity", () => {
    it("finds turn, size and move, although a fifth of the points are wrong", () => {
        const random = Random(8);
        const truth = { scale: 0.8, rotation: [0, -1, 0, 1, 0, 0, 0, 0, 1], translation: [1, 2, 3] };
        const from = Float64Array.from({ length: 300 }, () => random() - 0.5);
        const to = from.slice();
        for (let i = 0; i < 100; i++) {
            to.set(ApplySimilarity(truth, [...from.subarray(3 * i, 3 * i + 3)]), 3 * i);
            if (i % 5 === 0) {
                to[3 * i] += 3 * random();
            }
        }
        const { similarity, residual } = FitSimilarity(from, to);
        expect(residual).toBeLessThan(1e-6);
        expect(similarity.scale).toBeCloseTo(0.8, 6);
        similarity.rotation.forEach((value, i) => expect(value).toBeCloseTo(truth.rotation[i], 6));
        similarity.translation.forEach((value, i) => expect(value).toBeCloseTo(truth.translation[i], 6));
    });
});
