// The user's FLAME as a head model: counts, teeth, atlas, skin, landmarks, expressions with known answers, correctives.
import { CorrectVertices, ExpressVertices, ShapeJoints, ShapeVertices } from "../../../../src/flame/blendshapes";
import { FlexAvatarError } from "../../../../src/flame/error";
import { CreateExpressionPose, EffectivePose, ExpressionIndex } from "../../../../src/flame/expression";
import { JointCount, ParseHeadModel, type HeadModel } from "../../../../src/flame/headModel";
import { WriteHeadModel } from "../../../../src/flame/headModelWriter";
import { Landmarks68, MappedMediaPipeLandmarks, MediaPipeLandmarks } from "../../../../src/flame/landmarks";
import { JointMatrices, JointMatricesLength, SkinVertices } from "../../../../src/flame/skinning";
import { BuildTexelTable, RegionShift } from "../../../../src/flame/texelTable";
import { ReadCompanions } from "../../../../src/runtime/flame/flameCompanions";
import { TransferredExpressions, TurnedOffsets } from "../../../../src/runtime/flame/flameExpressions";
import type { IFlame } from "../../../../src/runtime/flame/flameFile";
import { ConvertFlame, type IConvertedFlame } from "../../../../src/runtime/flame/flameHeadModel";
import { RegisterHead } from "../../../../src/runtime/flame/registerHead";
import { OpenHeadAsync } from "../../../support/heads";
import { MakeMixedFlame, MixedNames } from "../../../support/mixedFlame";
import { WriteNpz } from "../../../support/pythonFiles";

/** Lets the browser say that it is alive: each step takes seconds. */
const Breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
const [Skull, Teeth] = [5023, 120];

describe("a FLAME head model", () => {
    let head: HeadModel;
    let flame: IFlame;
    let converted: IConvertedFlame;
    let model: HeadModel;

    beforeAll(async () => {
        head = await OpenHeadAsync();
        ({ flame } = MakeMixedFlame(head));
        await Breath();
        converted = ConvertFlame(flame, head);
        model = converted.headModel;
    });

    it("has the paper's 5,143 vertices, 52 expressions, and the same bytes twice", () => {
        expect([model.vertexCount, model.faceCount, model.expressionCount]).toEqual([Skull + Teeth, 9976 + 168, 52]);
        const again = WriteHeadModel(ParseHeadModel(converted.bytes.slice().buffer));
        expect(again.length).toBe(converted.bytes.length);
        expect(again.findIndex((byte, i) => byte !== converted.bytes[i])).toBe(-1);
    });

    it("skins each vertex by weights that sum to one, upper teeth to the neck and lower ones to the jaw", () => {
        for (let v = 0; v < model.vertexCount; v++) {
            const row = model.weights.subarray(JointCount * v, JointCount * (v + 1));
            expect(row.reduce((sum, weight) => sum + weight, 0)).toBe(255);
            for (let joint = 0; v < Skull && joint < JointCount; joint++) {
                expect(Math.abs(row[joint] / 255 - flame.weights[JointCount * v + joint])).toBeLessThan(0.5 / 100);
            }
        }
        expect(model.weights[JointCount * Skull + 1]).toBe(255);
        expect(model.weights[JointCount * (Skull + Teeth - 1) + 2]).toBe(255);
    });

    it("puts teeth behind the lips, upper above lower, facing forwards, in two rectangles of their own", () => {
        const lips = Math.max(...flame.template.filter((_, i) => i % 3 === 2));
        const at = (tooth: number): number[] =>
            Array.from(model.template.subarray(3 * (Skull + tooth), 3 * (Skull + tooth) + 3));
        const [upperRoot, upperEdge, lowerRoot] = [at(7), at(15 + 7), at(60 + 7)];
        expect(upperRoot[1]).toBeGreaterThan(upperEdge[1]);
        expect(upperEdge[1]).toBeGreaterThan(lowerRoot[1]);
        [upperRoot, upperEdge, lowerRoot].forEach(([, , z]) => expect(z).toBeLessThan(lips));
        for (const first of [9976, 9976 + 84]) {
            const [a, b, c] = [0, 1, 2].map((corner) => at(model.faces[3 * first + corner] - Skull));
            const area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
            expect(area).withContext(`face ${first}`).toBeGreaterThan(0);
        }
        const table = BuildTexelTable(model, 400);
        const byRegion = new Map<string, [number, number]>();
        table.texel.forEach((texel, g) => {
            const region = model.regions[table.flags[g] >>> RegionShift];
            const [low, high] = byRegion.get(region) ?? [Infinity, -Infinity];
            byRegion.set(region, [Math.min(low, Math.floor(texel / 400)), Math.max(high, Math.floor(texel / 400))]);
        });
        expect(byRegion.get("teethUpper")![1]).toBeLessThan(byRegion.get("teethLower")![0]);
        expect(byRegion.get("teethLower")![1]).toBeLessThan(byRegion.get("scalp")![0]);
        expect(table.gaussianCount).toBe(converted.report.texelCount);
    });

    it("moves teeth and joints with identity, and neither with expressions", () => {
        const shape = [1.5, -1, 0.5];
        const shaped = ShapeVertices(model, shape);
        const moved = (v: number): number[] =>
            [0, 1, 2].map((axis) => shaped[3 * v + axis] - model.template[3 * v + axis]);
        // Roots of the middle column hang on the lips' edge, which moves as the teeth do.
        expect(Math.hypot(...moved(Skull + 7))).toBeGreaterThan(1e-4);
        const joints = ShapeJoints(model, shaped);
        expect(joints.some((value, i) => Math.abs(value - model.joints[i]) > 1e-4)).toBeTrue();
        const { expression } = CreateExpressionPose(model);
        expression.fill(1);
        const expressed = ExpressVertices(model, expression, new Float32Array(model.template.length));
        expect(expressed.subarray(3 * Skull)).toEqual(model.template.subarray(3 * Skull));
    });

    it("has all 68 landmarks, and MediaPipe's where open-head has them, left and right where they belong", () => {
        const points = Landmarks68(model, model.template);
        expect(points.every(Number.isFinite)).toBeTrue();
        expect(points[3 * 36]).toBeLessThan(points[3 * 45]); // outer corner of the right eye, of the left one
        expect(points[3 * 30 + 2]).toBeGreaterThan(points[3 * 8 + 2]); // tip of the nose, chin
        expect(points[3 * 27 + 1]).toBeGreaterThan(points[3 * 8 + 1]);
        expect(MappedMediaPipeLandmarks(model)).toEqual(MappedMediaPipeLandmarks(head));
        const iris = MediaPipeLandmarks(model, model.template);
        const left = model.joints.subarray(12 - 3, 12);
        expect(Math.hypot(iris[3 * 473] - left[0], iris[3 * 473 + 1] - left[1])).toBeLessThan(0.012);
    });

    it("makes an expression of FLAME's own directions, and says what they lack", () => {
        const lacks = new Map(converted.report.residuals.map(({ name, wanted, left }) => [name, left / (wanted || 1)]));
        for (const name of MixedNames) {
            expect(lacks.get(name)).withContext(name).toBeLessThan(0.01);
        }
        expect(lacks.get("mouthPucker")).toBeGreaterThan(0.3);
        const numbers = flame.template.length;
        const transferred = TransferredExpressions(flame, head, RegisterHead(flame, head));
        const { expression } = CreateExpressionPose(model);
        const e = ExpressionIndex(model, "mouthSmileLeft");
        expression[e] = 1;
        const smile = ExpressVertices(model, expression, new Float32Array(model.template.length));
        for (let i = 0; i < 3 * (Skull - 2 * 546); i++) {
            const wanted = transferred[head.expressions.indexOf("mouthSmileLeft") * numbers + i];
            expect(Math.abs(smile[i] - model.template[i] - wanted)).toBeLessThan(2e-4);
        }
    });

    it("bends as FLAME does: skinning with pose correctives", () => {
        const pose = CreateExpressionPose(model);
        pose.pose.set([0, 0, 0, 0.2, -0.1, 0.05, 0.3, 0.1, 0, 0.1, 0.2, 0, -0.1, 0.1, 0]);
        const wanted = TurnedOffsets(flame, pose.pose);
        const effective = EffectivePose(model, pose, new Float32Array(15));
        const vertices = CorrectVertices(model, effective, model.template.slice());
        expect(vertices).not.toEqual(model.template);
        const matrices = JointMatrices(effective, model.joints, new Float32Array(JointMatricesLength));
        SkinVertices(model, vertices, matrices, vertices);
        for (let i = 0; i < wanted.length; i++) {
            // Weights have steps of 1/255, at most 10 cm from a joint that turns by a quarter of a radian.
            expect(Math.abs(vertices[i] - model.template[i] - wanted[i])).toBeLessThan(3e-4);
        }
    });

    it("takes atlas and landmarks of further files, and refuses those that are of no use", () => {
        const rows = Array.from({ length: flame.faceCount }, (_, face) => face);
        const obj = [
            "vt 0.1 0.1\nvt 0.9 0.1\nvt 0.5 0.9",
            ...rows.map((face) => {
                // Corners in another turn than FLAME's, as some programs write them.
                const [a, b, c] = flame.faces.subarray(3 * face, 3 * face + 3);
                return `f ${b + 1}/2 ${c + 1}/3 ${a + 1}/1`;
            }),
        ].join("\n");
        const landmarks = WriteNpz({
            lmk_face_idx: { shape: [2], values: [17, 4000], type: "<i8" },
            lmk_b_coords: { shape: [2, 3], values: [1, 0, 0, 0, 0.5, 0.5] },
            landmark_indices: { shape: [2], values: [4, 152], type: "<i8" },
        });
        const companions = ReadCompanions([new TextEncoder().encode(obj), landmarks]);
        const { headModel, report } = ConvertFlame(flame, head, companions);
        expect([report.atlas, report.landmarks68, report.mediaPipe]).toEqual(["file", "registered", "file"]);
        expect(Array.from(headModel.uv.subarray(0, 6)).map((value) => Math.round(10 * value))).toEqual([
            1, 1, 9, 1, 5, 9,
        ]);
        expect(Array.from(headModel.uvFaces.subarray(0, 6))).toEqual([0, 1, 2, 0, 1, 2]);
        expect([headModel.mediaPipeFace[4], headModel.mediaPipeFace[152]]).toEqual([17, 4000]);
        const codeOf = (bytes: Uint8Array): string => {
            try {
                ConvertFlame(flame, head, ReadCompanions([bytes]));
                return "none";
            } catch (error) {
                return error instanceof FlexAvatarError ? error.code : String(error);
            }
        };
        expect(codeOf(new TextEncoder().encode("no file of any kind"))).toBe("file-format");
        expect(codeOf(WriteNpz({ vt: { shape: [3, 2], values: [0, 0, 1, 0, 0, 1] } }))).toBe("file-format");
        const far = { shape: [1], values: [99999], type: "<i8" as const };
        const one = { shape: [1, 3], values: [1, 0, 0] };
        const index = { shape: [1], values: [4], type: "<i8" as const };
        expect(codeOf(WriteNpz({ lmk_face_idx: far, lmk_b_coords: one, landmark_indices: index }))).toBe("file-format");
    });
});
