import { ExpressVertices, ShapeJoints, ShapeVertices } from "../../../src/flame/blendshapes";
import { CreateExpressionPose, EffectivePose, ExpressionIndex } from "../../../src/flame/expression";
import { JointCount, type HeadModel } from "../../../src/flame/headModel";
import {
    MultiplyRotations,
    NearestRotation,
    QuaternionOfRotation,
    RotationOfAxisAngle,
} from "../../../src/flame/rotation";
import { BlendedRotation, BlendJointMatrices, JointMatrices, SkinVertices } from "../../../src/flame/skinning";
import { OpenHeadAsync, RandomNumbers, TinyHead, WorstDifference } from "../../support/heads";

function Posed(model: HeadModel, pose: ArrayLike<number>, vertices = model.template): Float32Array {
    return SkinVertices(
        model,
        vertices,
        JointMatrices(pose, model.joints, new Float32Array(60)),
        new Float32Array(vertices.length),
    );
}

/** The matrix that a unit quaternion x, y, z, w stands for. */
function MatrixOfQuaternion([x, y, z, w]: ArrayLike<number> & Iterable<number>): number[] {
    return [
        1 - 2 * (y * y + z * z),
        2 * (x * y - z * w),
        2 * (x * z + y * w),
        2 * (x * y + z * w),
        1 - 2 * (x * x + z * z),
        2 * (y * z - x * w),
        2 * (x * z - y * w),
        2 * (y * z + x * w),
        1 - 2 * (x * x + y * y),
    ];
}

describe("skinning", () => {
    it("in the rest pose returns the template", async () => {
        const model = await OpenHeadAsync();
        const vertices = ExpressVertices(
            model,
            new Float32Array(model.expressionCount),
            new Float32Array(3 * model.vertexCount),
        );
        expect(vertices).toEqual(model.template);
        expect(WorstDifference(Posed(model, new Float32Array(15), vertices), model.template).difference).toBeLessThan(
            1e-7,
        );
    });

    it("turns a vertex of one joint about that joint", () => {
        const model = TinyHead();
        // Vertex 0 belongs to the jaw at (0.05, 0.05, -0.05); a quarter turn about +Z takes (dx, dy) to (-dy, dx).
        const pose = new Float32Array(15);
        pose[8] = Math.PI / 2;
        const posed = Posed(model, pose);
        expect(WorstDifference(posed.subarray(0, 3), [0.05 + 0.05, 0.05 - 0.05, 0]).difference).toBeLessThan(1e-7);
        // Vertex 1 has 0.2 neck and 0.8 jaw: the same quarter turn moves it 0.8 of the way.
        expect(WorstDifference(posed.subarray(3, 6), [0.2 * 0.1 + 0.8 * 0.1, 0.8 * 0.1, 0]).difference).toBeLessThan(
            1e-7,
        );
        // Vertices 2 and 3 belong to the neck and stay.
        expect(WorstDifference(posed.subarray(6, 12), model.template.subarray(6, 12)).difference).toBeLessThan(1e-7);
    });

    it("carries a child along its chain: neck turn, then jaw turn about the turned jaw joint", () => {
        const model = TinyHead();
        const pose = new Float32Array(15);
        pose[5] = Math.PI / 2; // neck at (0, -0.1, 0) about +Z
        pose[8] = Math.PI / 2; // jaw
        // Vertex 0 after the jaw: (0.1, 0, 0). After the neck: (dx, dy) = (0.1, 0.1) → (-0.1, 0.1) about the neck.
        expect(WorstDifference(Posed(model, pose).subarray(0, 3), [-0.1, 0, 0]).difference).toBeLessThan(1e-7);
    });

    it("of the global joint is a rigid turn of everything", async () => {
        const model = await OpenHeadAsync();
        const pose = new Float32Array(15);
        pose.set([0.3, -0.8, 0.2]);
        const rotation = new Float64Array(9);
        RotationOfAxisAngle(0.3, -0.8, 0.2, rotation);
        const expected = model.template.map((_, i) => {
            const [at, row] = [i - (i % 3), i % 3];
            let sum = model.joints[row];
            for (let axis = 0; axis < 3; axis++) {
                sum += rotation[3 * row + axis] * (model.template[at + axis] - model.joints[axis]);
            }
            return sum;
        });
        expect(WorstDifference(Posed(model, pose), expected).difference).toBeLessThan(1e-6);
    });

    it("has weights that sum to one in the shipped head, and eyes that belong to their own joint", async () => {
        const model = await OpenHeadAsync();
        let wrong = 0;
        for (let face = 0; face < model.faceCount; face++) {
            const joint = ["eyeLeft", "eyeRight"].indexOf(model.regions[model.faceRegion[face]]);
            for (let corner = 0; corner < 3 && joint >= 0; corner++) {
                wrong += model.weights[JointCount * model.faces[3 * face + corner] + 3 + joint] === 255 ? 0 : 1;
            }
        }
        expect(wrong).toBe(0);
    });
});

describe("left is left", () => {
    const sides: [string, number][] = [
        ["eyeBlinkLeft", 1],
        ["eyeBlinkRight", -1],
        ["mouthSmileLeft", 1],
        ["mouthSmileRight", -1],
        ["browOuterUpLeft", 1],
        ["browOuterUpRight", -1],
        ["noseSneerLeft", 1],
        ["noseSneerRight", -1],
    ];
    for (const [name, side] of sides) {
        it(`in ${name}: it moves the ${side > 0 ? "+X" : "-X"} half of the head`, async () => {
            const model = await OpenHeadAsync();
            const expression = new Float32Array(model.expressionCount);
            expression[ExpressionIndex(model, name)] = 1;
            const moved = ExpressVertices(model, expression, new Float32Array(3 * model.vertexCount));
            let [there, elsewhere] = [0, 0];
            for (let v = 0; v < model.vertexCount; v++) {
                const way = Math.hypot(...[0, 1, 2].map((axis) => moved[3 * v + axis] - model.template[3 * v + axis]));
                if (model.template[3 * v] * side > 0) {
                    there += way;
                } else {
                    elsewhere += way;
                }
            }
            expect(there).toBeGreaterThan(0);
            expect(elsewhere).toBeLessThan(0.4 * there);
        });
    }

    it("in mouthLeft and jawLeft: they move the mouth towards +X", async () => {
        const model = await OpenHeadAsync();
        for (const name of ["mouthLeft", "jawLeft"]) {
            const pose = CreateExpressionPose(model);
            pose.expression[ExpressionIndex(model, name)] = 1;
            const vertices = ExpressVertices(model, pose.expression, new Float32Array(3 * model.vertexCount));
            const moved = Posed(model, EffectivePose(model, pose, new Float32Array(15)), vertices);
            const sum = moved.reduce((total, value, i) => total + (i % 3 === 0 ? value - model.template[i] : 0), 0);
            expect(sum).withContext(name).toBeGreaterThan(0.05);
        }
    });

    it("and eyeLookOutLeft turns only the left eye, outwards; jawOpen turns only the jaw, down", async () => {
        const model = await OpenHeadAsync();
        const pose = CreateExpressionPose(model);
        pose.expression[ExpressionIndex(model, "eyeLookOutLeft")] = 1;
        const eyes = EffectivePose(model, pose, new Float32Array(15));
        // +Y turns +Z (out of the face) towards +X (the head's left).
        expect(eyes[10]).toBeGreaterThan(0.2);
        expect(eyes.filter((value, i) => Math.abs(value) > 1e-6 && i !== 10).length).toBe(0);
        pose.expression.fill(0);
        pose.expression[ExpressionIndex(model, "jawOpen")] = 1;
        const jaw = EffectivePose(model, pose, new Float32Array(15));
        expect(jaw[6]).toBeGreaterThan(0.1);
        expect(jaw.filter((value) => Math.abs(value) > 1e-6).length).toBe(1);
    });
});

describe("identity", () => {
    it("adds its direction at one standard deviation and moves the joints by their weights", () => {
        const model = TinyHead();
        const shaped = ShapeVertices(model, [2]);
        expect(WorstDifference(shaped.subarray(0, 6), [-0.02, 0, 0, 0.12, 0, 0]).difference).toBeLessThan(1e-7);
        const joints = ShapeJoints(model, shaped);
        expect(joints[6]).toBeCloseTo(0.05 + 0.02, 6); // jaw: half of vertex 1 and half of vertex 2
        expect(Array.from(joints).filter((value, i) => i !== 6 && value !== model.joints[i])).toEqual([]);
    });

    it("takes an expression on top", () => {
        const model = TinyHead();
        const expression = new Float32Array(52);
        expression[ExpressionIndex(model, "jawOpen")] = 0.5;
        const vertices = ExpressVertices(model, expression, new Float32Array(15), ShapeVertices(model, [1]));
        expect(
            WorstDifference(vertices.subarray(0, 6), [-0.01, -0.005, 0, 0.11, -0.005, 0.001]).difference,
        ).toBeLessThan(1e-7);
    });
});

describe("rotations", () => {
    it("of axis-angle keep the axis, turn by the angle and are orthonormal", () => {
        const random = RandomNumbers(7);
        for (let trial = 0; trial < 200; trial++) {
            const scale = trial < 20 ? 1e-6 : 3;
            const axisAngle = [random() * scale, random() * scale, random() * scale];
            const m = new Float64Array(9);
            RotationOfAxisAngle(axisAngle[0], axisAngle[1], axisAngle[2], m);
            const turned = [0, 1, 2].map((row) =>
                [0, 1, 2].reduce((sum, axis) => sum + m[3 * row + axis] * axisAngle[axis], 0),
            );
            expect(WorstDifference(turned, axisAngle).difference).toBeLessThan(1e-12);
            expect(Math.abs(m[0] + m[4] + m[8] - 1 - 2 * Math.cos(Math.hypot(...axisAngle)))).toBeLessThan(1e-12);
            const product = new Float64Array(9);
            MultiplyRotations(m, [m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]], product);
            expect(WorstDifference(product, [1, 0, 0, 0, 1, 0, 0, 0, 1]).difference).toBeLessThan(1e-12);
        }
    });

    it("survive the way through a quaternion, half turns included", () => {
        const random = RandomNumbers(11);
        const halfTurns = [
            [Math.PI, 0, 0],
            [0, Math.PI, 0],
            [0, 0, Math.PI],
            [0, 0, 0],
        ];
        for (let trial = 0; trial < 200; trial++) {
            const [x, y, z] = halfTurns[trial] ?? [3 * random(), 3 * random(), 3 * random()];
            const m = new Float64Array(9);
            RotationOfAxisAngle(x, y, z, m);
            const quaternion = [0, 0, 0, 0];
            QuaternionOfRotation(m, quaternion);
            expect(WorstDifference(MatrixOfQuaternion(quaternion), m).difference).toBeLessThan(1e-12);
        }
    });

    it("nearest to R · S, with S symmetric and positive, are R: the polar decomposition", () => {
        const random = RandomNumbers(13);
        for (let trial = 0; trial < 200; trial++) {
            const [r, q, stretched, product] = [1, 2, 3, 4].map(() => new Float64Array(9));
            RotationOfAxisAngle(2 * random(), 2 * random(), 2 * random(), r);
            RotationOfAxisAngle(2 * random(), 2 * random(), 2 * random(), q);
            const sizes = [0.3 + Math.abs(random()), 0.3 + Math.abs(random()), 0.3 + Math.abs(random())];
            // S = Q diag(sizes) Qᵀ
            for (let i = 0; i < 9; i++) {
                const [row, column] = [Math.floor(i / 3), i % 3];
                stretched[i] = [0, 1, 2].reduce((sum, k) => sum + q[3 * row + k] * sizes[k] * q[3 * column + k], 0);
            }
            MultiplyRotations(r, stretched, product);
            NearestRotation(product);
            expect(WorstDifference(product, r).difference).toBeLessThan(1e-6);
        }
    });

    it("of a blend half way between two joints is the half turn between them", () => {
        const model = TinyHead();
        const pose = new Float32Array(15);
        pose[6] = 1.2;
        const matrices = JointMatrices(pose, model.joints, new Float32Array(60));
        const blended = BlendJointMatrices([0, 0.5, 0.5, 0, 0], 0, matrices, new Float32Array(12));
        const quaternion = new Float32Array(4);
        BlendedRotation(blended, quaternion);
        expect(WorstDifference(quaternion, [Math.sin(0.3), 0, 0, Math.cos(0.3)]).difference).toBeLessThan(1e-6);
    });
});
