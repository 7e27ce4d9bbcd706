import { ShapeVertices } from "../../../src/flame/blendshapes";
import { CreateExpressionPose, ExpressionIndex } from "../../../src/flame/expression";
import { Landmarks68, MappedMediaPipeLandmarks, MediaPipeLandmarks } from "../../../src/flame/landmarks";
import {
    CreatePositionMapScratch,
    PositionMap,
    PositionMapVertices,
    SampleVertices,
} from "../../../src/flame/positionMap";
import { BuildTexelTable } from "../../../src/flame/texelTable";
import { LoadBytesAsync, OpenHeadAsync, TinyHead, WorstDifference } from "../../support/heads";

describe("position map", () => {
    it("at rest is the template, sampled, centered and scaled; 0 where there is no texel", () => {
        const model = TinyHead();
        const table = BuildTexelTable(model, 8);
        const map = PositionMap(model, table, CreateExpressionPose(model), new Float32Array(3 * 64).fill(7));
        const expected = new Float32Array(3 * 64);
        // The atlas is the square itself: u 0..0.5 is x 0..0.1 m, v 0..1 is y 0..0.1 m. (x − 0.05) / 0.1.
        for (let row = 0; row < 8; row++) {
            for (let column = 0; column < 4; column++) {
                expected[row * 8 + column] = (2 * (column + 0.5)) / 8 - 0.5;
                expected[64 + row * 8 + column] = 1 - (row + 0.5) / 8 - 0.5;
            }
        }
        expect(WorstDifference(map, expected).difference).toBeLessThan(1e-6);
    });

    it("does not change with global turn and neck, but with jaw and expression", async () => {
        const model = await OpenHeadAsync();
        const table = BuildTexelTable(model, 32);
        const rest = PositionMap(model, table, CreateExpressionPose(model), new Float32Array(3 * 1024));
        const turned = CreateExpressionPose(model);
        turned.pose.set([0.4, 0.3, -0.2, 0.5, -0.5, 0.3]);
        expect(PositionMap(model, table, turned, new Float32Array(3 * 1024))).toEqual(rest);
        turned.pose[6] = 0.3;
        const jaw = PositionMap(model, table, turned, new Float32Array(3 * 1024));
        expect(WorstDifference(jaw, rest).difference).toBeGreaterThan(0.05);
    });

    it("stays about within -1..1 on the shipped head", async () => {
        const model = await OpenHeadAsync();
        const map = PositionMap(
            model,
            BuildTexelTable(model, 64),
            CreateExpressionPose(model),
            new Float32Array(3 * 4096),
        );
        expect(Math.max(...map.map(Math.abs))).toBeLessThan(2);
    });

    it("is the one that the Python twin makes, with expression, jaw and eyes", async () => {
        const model = await OpenHeadAsync();
        const { positionMap } = JSON.parse(
            new TextDecoder().decode(await LoadBytesAsync("tests/fixtures/flame/twin.json")),
        );
        const pose = CreateExpressionPose(model);
        for (const [name, weight] of Object.entries(positionMap.expression as Record<string, number>)) {
            pose.expression[ExpressionIndex(model, name)] = weight;
        }
        pose.pose.set(positionMap.pose);
        const table = BuildTexelTable(model, positionMap.mapSize);
        const map = PositionMap(model, table, pose, new Float32Array(3 * positionMap.mapSize ** 2));
        // Positions are about 0.1 m with 24 bits; the file holds seven digits.
        expect(WorstDifference(map, positionMap.values).difference).toBeLessThan(2e-5);
    });
});

describe("sampling", () => {
    it("reproduces a function that is linear over the head at every texel", async () => {
        const model = await OpenHeadAsync();
        const table = BuildTexelTable(model, 32);
        const map = SampleVertices(table, model.template, new Float32Array(3 * 1024));
        const doubled = SampleVertices(
            table,
            model.template.map((value) => 2 * value + 1),
            new Float32Array(3 * 1024),
        );
        for (const texel of table.texel) {
            for (let axis = 0; axis < 3; axis++) {
                expect(Math.abs(doubled[axis * 1024 + texel] - 2 * map[axis * 1024 + texel] - 1)).toBeLessThan(1e-5);
            }
        }
    });
});

describe("landmarks", () => {
    it("lie in their faces and are NaN where unmapped", () => {
        const model = TinyHead();
        const landmarks = MediaPipeLandmarks(model, model.template);
        expect(WorstDifference(landmarks.subarray(0, 3), [0.1, 0.1, 0]).difference).toBeLessThan(1e-7);
        expect(landmarks.subarray(12).every(Number.isNaN)).toBe(true);
        expect(Array.from(Landmarks68(model, model.template).subarray(0, 3))).toEqual([0, 0, 0]);
    });

    it("of the shipped head are where a face has them, also for another identity", async () => {
        const model = await OpenHeadAsync();
        expect(MappedMediaPipeLandmarks(model).length).toBeGreaterThan(450);
        for (const vertices of [model.template, ShapeVertices(model, [1, -1, 0.5])]) {
            const points = Landmarks68(model, vertices);
            const [chin, noseTip, rightEye, leftEye] = [8, 30, 36, 45].map((i) => points.subarray(3 * i, 3 * i + 3));
            expect(chin[1]).toBeLessThan(noseTip[1]);
            expect(noseTip[2]).toBeGreaterThan(chin[2]);
            expect(rightEye[0]).toBeLessThan(-0.02);
            expect(leftEye[0]).toBeGreaterThan(0.02);
            expect(rightEye[1]).toBeGreaterThan(noseTip[1]);
        }
    });

    it("of MediaPipe on the shipped head mirror each other", async () => {
        const model = await OpenHeadAsync();
        const points = MediaPipeLandmarks(model, model.template);
        // Eye corners, mouth corners outside and inside, temples, cheeks, jaw corners, brows.
        for (const [right, left] of [
            [33, 263],
            [133, 362],
            [61, 291],
            [76, 306],
            [78, 308],
            [95, 324],
            [234, 454],
            [132, 361],
            [58, 288],
            [70, 300],
            [105, 334],
        ]) {
            const [a, b] = [right, left].map((i) => points.subarray(3 * i, 3 * i + 3));
            const distance = Math.hypot(a[0] + b[0], a[1] - b[1], a[2] - b[2]);
            expect(distance).withContext(`landmarks ${right} and ${left}`).toBeLessThan(0.002);
            expect(a[0]).withContext(`landmark ${right} is on the head's right`).toBeLessThan(-0.01);
        }
    });

    it("of the inner lips part when the jaw opens: the upper ones stay, the lower ones go with it", async () => {
        const model = await OpenHeadAsync();
        const open = CreateExpressionPose(model);
        open.expression[ExpressionIndex(model, "jawOpen")] = 1;
        const points = MediaPipeLandmarks(model, PositionMapVertices(model, open, CreatePositionMapScratch(model)));
        for (const [upper, lower] of [
            [13, 14],
            [82, 87],
            [312, 317],
            [81, 178],
            [311, 402],
        ]) {
            const gap = points[3 * upper + 1] - points[3 * lower + 1];
            expect(gap).withContext(`landmarks ${upper} and ${lower}`).toBeGreaterThan(0.01);
        }
    });
});
