import { ExpressVertices } from "../../../src/flame/blendshapes";
import { FlexAvatarError } from "../../../src/flame/error";
import { CreateExpressionPose, EffectivePose, ExpressionIndex } from "../../../src/flame/expression";
import { ToCamera, type CropCamera } from "../../../src/flame/fit/camera";
import { SolveCholesky } from "../../../src/flame/fit/cholesky";
import { FitHeadModel, type FittedView, type HeadModelFit } from "../../../src/flame/fit/fitHeadModel";
import { FittedVertices } from "../../../src/flame/fit/fittedHead";
import { BuildLandmarkBasis } from "../../../src/flame/fit/landmarkBasis";
import { CreateViewEquations, FillViewEquations, ViewCost, type ViewState } from "../../../src/flame/fit/viewEquations";
import type { HeadModel } from "../../../src/flame/headModel";
import { MappedMediaPipeLandmarks, MediaPipeLandmarks } from "../../../src/flame/landmarks";
import { MultiplyRotations, RotationOfAxisAngle } from "../../../src/flame/rotation";
import { JointMatrices, SkinVertices } from "../../../src/flame/skinning";
import { RandomNumbers, SpreadLandmarkHeadAsync, TinyHead, WorstDifference } from "../../support/heads";
import { ProjectToCrop } from "../../support/projectToCrop";

const CropPx = 256;

/** A camera that looks at the head turned by yaw and pitch (degrees), its face in the middle of the crop. */
function CameraAt(yaw: number, pitch: number, distance = 0.77): CropCamera {
    const [turn, tilt, rotation] = [0, 1, 2].map(() => new Float64Array(9));
    RotationOfAxisAngle(0, (yaw * Math.PI) / 180, 0, turn);
    RotationOfAxisAngle((pitch * Math.PI) / 180, 0, 0, tilt);
    MultiplyRotations(tilt, turn, rotation);
    const middle = ToCamera({ rotation, translation: new Float64Array(3), focal: 2.4 }, [0, 0.01, 0.04]);
    return { rotation, translation: Float64Array.of(-middle[0], -middle[1], -distance - middle[2]), focal: 2.4 };
}

/** A person and what they do in some photos. The numbers follow from the seed. */
function Person(
    model: HeadModel,
    seed: number,
): { shape: Float32Array; expression: () => Float32Array; random: () => number } {
    const random = RandomNumbers(seed);
    return {
        random,
        shape: new Float32Array(model.shapeCount).map((_, s) => (s < 30 ? 1.2 * random() : 0)),
        expression: () => {
            const { expression } = CreateExpressionPose(model);
            for (const name of [
                "jawOpen",
                "mouthSmileLeft",
                "mouthSmileRight",
                "browInnerUp",
                "eyeBlinkLeft",
                "eyeLookInLeft",
                "eyeLookOutRight",
            ]) {
                expression[ExpressionIndex(model, name)] = 0.3 + 0.3 * random();
            }
            return expression;
        },
    };
}

function Truth(
    shape: Float32Array,
    cameras: readonly CropCamera[],
    expressions: readonly Float32Array[],
): HeadModelFit {
    const views = cameras.map((camera, v) => ({ ...camera, expression: expressions[v], pose: new Float32Array(15) }));
    return { shape, views, residual: 0, iterations: 0 };
}

/** Where the landmarks of a view are seen, with noise in pixels; unmapped landmarks at the middle. */
function Landmarks(
    model: HeadModel,
    fit: HeadModelFit,
    view: FittedView,
    noisePx = 0,
    random: () => number = () => 0,
): Float32Array {
    const seen = ProjectToCrop(view, ToCamera(view, MediaPipeLandmarks(model, FittedVertices(model, fit, view))));
    // The sum of three uniform numbers in −1..1 has deviation 1.
    return seen.map((value) =>
        Number.isNaN(value) ? 0.5 : value + (noisePx / CropPx) * (random() + random() + random()),
    );
}

function DegreesBetween(a: ArrayLike<number>, b: ArrayLike<number>): number {
    let trace = 0;
    for (let i = 0; i < 9; i++) {
        trace += a[i] * b[i];
    }
    return (Math.acos(Math.min(Math.max((trace - 1) / 2, -1), 1)) * 180) / Math.PI;
}

/** Mean distance in pixels between where two fits put the landmarks of a view. */
function MeanDistancePx(model: HeadModel, a: HeadModelFit, b: HeadModelFit, v: number): number {
    const [one, other] = [Landmarks(model, a, a.views[v]), Landmarks(model, b, b.views[v])];
    const mapped = MappedMediaPipeLandmarks(model);
    const sum = mapped.reduce(
        (total, i) => total + Math.hypot(one[2 * i] - other[2 * i], one[2 * i + 1] - other[2 * i + 1]),
        0,
    );
    return (CropPx * sum) / mapped.length;
}

describe("photo fit", () => {
    for (const yaw of [0, 20, -40, 60]) {
        it(`of one photo at yaw ${yaw} finds turn and landmarks below the noise`, async () => {
            const model = await SpreadLandmarkHeadAsync();
            const person = Person(model, 100 + yaw);
            const truth = Truth(person.shape, [CameraAt(yaw, 6)], [person.expression()]);
            const fit = FitHeadModel(model, [
                { landmarks: Landmarks(model, truth, truth.views[0], 0.7, person.random) },
            ]);
            expect(MeanDistancePx(model, fit, truth, 0)).toBeLessThan(0.7);
            expect(DegreesBetween(fit.views[0].rotation, truth.views[0].rotation)).toBeLessThan(1.5);
            expect(fit.residual).toBeLessThan(3);
        });
    }

    it("of four photos of one person finds turn, jaw and identity", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const person = Person(model, 4);
        const cameras = [CameraAt(0, 0), CameraAt(35, 5), CameraAt(-45, -5), CameraAt(60, 3)];
        const truth = Truth(
            person.shape,
            cameras,
            cameras.map(() => person.expression()),
        );
        const fit = FitHeadModel(
            model,
            truth.views.map((view) => ({ landmarks: Landmarks(model, truth, view, 0.7, person.random) })),
        );
        const jawOpen = ExpressionIndex(model, "jawOpen");
        fit.views.forEach((view, v) => {
            expect(DegreesBetween(view.rotation, cameras[v].rotation))
                .withContext(`turn of view ${v}`)
                .toBeLessThan(1.5);
            expect(Math.abs(view.expression[jawOpen] - truth.views[v].expression[jawOpen]))
                .withContext(`jaw of view ${v}`)
                .toBeLessThan(0.2);
            expect(MeanDistancePx(model, fit, truth, v))
                .withContext(`landmarks of view ${v}`)
                .toBeLessThan(0.7);
        });
        const squared = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
        expect(squared(fit.shape.map((value, s) => value - person.shape[s]))).toBeLessThan(0.6 * squared(person.shape));
    });

    it("keeps expressions in 0..1 and leaves a neutral mean face neutral", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const truth = Truth(
            new Float32Array(model.shapeCount),
            [CameraAt(10, 0)],
            [new Float32Array(model.expressionCount)],
        );
        const fit = FitHeadModel(model, [{ landmarks: Landmarks(model, truth, truth.views[0]) }]);
        expect(Math.max(...fit.views[0].expression)).toBeLessThan(0.1);
        expect(Math.min(...fit.views[0].expression)).toBe(0);
        expect(Math.max(...fit.shape.map(Math.abs))).toBeLessThan(0.3);
        expect(DegreesBetween(fit.views[0].rotation, truth.views[0].rotation)).toBeLessThan(0.3);
    });

    it("follows the gaze", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const expression = new Float32Array(model.expressionCount);
        expression[ExpressionIndex(model, "eyeLookOutLeft")] = 0.6;
        expression[ExpressionIndex(model, "eyeLookInRight")] = 0.6;
        const truth = Truth(new Float32Array(model.shapeCount), [CameraAt(0, 0)], [expression]);
        const fit = FitHeadModel(model, [{ landmarks: Landmarks(model, truth, truth.views[0]) }]);
        const turned = [truth, fit].map(({ views }) => EffectivePose(model, views[0], new Float32Array(15)));
        expect(Math.abs(turned[1][10] - turned[0][10])).toBeLessThan(0.1);
        expect(Math.abs(turned[1][13] - turned[0][13])).toBeLessThan(0.1);
    });

    it("is not led astray by some landmarks that are far off", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const person = Person(model, 9);
        const truth = Truth(person.shape, [CameraAt(15, 0)], [person.expression()]);
        const landmarks = Landmarks(model, truth, truth.views[0]);
        for (let i = 0; i < 478; i += 20) {
            landmarks[2 * i] += 0.1;
        }
        const fit = FitHeadModel(model, [{ landmarks }]);
        expect(DegreesBetween(fit.views[0].rotation, truth.views[0].rotation)).toBeLessThan(2);
        expect(MeanDistancePx(model, fit, truth, 0)).toBeLessThan(1);
    });

    it("finds the same for photos in another order", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const person = Person(model, 21);
        const cameras = [CameraAt(0, 0), CameraAt(40, 0)];
        const truth = Truth(
            person.shape,
            cameras,
            cameras.map(() => person.expression()),
        );
        const views = truth.views.map((view) => ({ landmarks: Landmarks(model, truth, view, 0.5, person.random) }));
        const [there, back] = [FitHeadModel(model, views), FitHeadModel(model, [...views].reverse())];
        expect(WorstDifference(there.shape, back.shape).difference).toBeLessThan(1e-3);
        expect(DegreesBetween(there.views[0].rotation, back.views[1].rotation)).toBeLessThan(0.02);
    });

    it("refuses no views, other numbers of landmarks, numbers that are not finite, and a head without landmarks", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const broken = new Float32Array(956).fill(0.5);
        broken[7] = Number.NaN;
        expect(() => FitHeadModel(model, [])).toThrowError(FlexAvatarError, /no views/);
        expect(() => FitHeadModel(model, [{ landmarks: new Float32Array(936) }])).toThrowError(FlexAvatarError, /936/);
        expect(() => FitHeadModel(model, [{ landmarks: broken }])).toThrowError(FlexAvatarError, /finite/);
        expect(() => FitHeadModel(TinyHead(), [{ landmarks: new Float32Array(956).fill(0.5) }])).toThrowError(
            FlexAvatarError,
            /landmarks/,
        );
    });

    it("ends for landmarks that are no face: all in one point, on a line, random", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const random = RandomNumbers(3);
        const clouds = [
            new Float32Array(956).fill(0.5),
            new Float32Array(956).map((_, i) => Math.floor(i / 2) / 478),
            new Float32Array(956).map(() => 0.5 + random() / 2),
        ];
        for (const landmarks of clouds) {
            const { shape, views, residual } = FitHeadModel(model, [{ landmarks }]);
            const numbers = [residual, ...shape, ...views[0].rotation, ...views[0].translation, ...views[0].expression];
            expect(numbers.every(Number.isFinite)).toBe(true);
        }
    });
});

describe("landmark basis", () => {
    it("places landmarks where the full model does, and its derivatives agree with differences", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const basis = BuildLandmarkBasis(model, 12);
        const random = RandomNumbers(5);
        const shape = new Float64Array(12).map(random);
        const state: ViewState = {
            camera: CameraAt(25, -8),
            expression: new Float64Array(model.expressionCount).map(() => 0.25 + 0.25 * random()),
        };
        const seen = new Float32Array(956).fill(0.5);
        // Noise 1 and a large Huber limit: rows of the Jacobian are plain derivatives of crop coordinates.
        const trust = { noise: 1, huber: 1e9, silhouetteWeight: 1 };
        const equations = CreateViewEquations(basis);
        ViewCost(basis, shape, state, seen, trust, equations);
        FillViewEquations(basis, state, trust, equations);

        const truth = Truth(new Float32Array(model.shapeCount), [state.camera], [Float32Array.from(state.expression)]);
        truth.shape.set(shape);
        const projected = Landmarks(model, truth, truth.views[0]);
        const placed = Array.from(basis.index, (index, i) =>
            Math.abs(equations.residual[2 * i] + 0.5 - projected[2 * index]),
        );
        expect(Math.max(...placed)).toBeLessThan(1e-5);

        const rows = 2 * basis.landmarkCount;
        const step = 1e-5;
        const residualAt = (unknown: number, by: number): Float64Array => {
            const moved = { shape: shape.slice(), camera: { ...state.camera }, expression: state.expression.slice() };
            const camera = unknown - 12;
            if (unknown < 12) {
                moved.shape[unknown] += by;
            } else if (camera < 3) {
                const [turn, rotation] = [new Float64Array(9), new Float64Array(9)];
                RotationOfAxisAngle(camera === 0 ? by : 0, camera === 1 ? by : 0, camera === 2 ? by : 0, turn);
                MultiplyRotations(turn, state.camera.rotation, rotation);
                moved.camera.rotation = rotation;
            } else if (camera < 6) {
                moved.camera.translation = state.camera.translation.map(
                    (value, axis) => value + (axis === camera - 3 ? by : 0),
                );
            } else {
                moved.expression[camera - 6] += by;
            }
            ViewCost(basis, moved.shape, moved, seen, trust, equations);
            return equations.residual.slice();
        };
        for (let unknown = 0; unknown < equations.unknowns; unknown++) {
            const [above, below] = [residualAt(unknown, step), residualAt(unknown, -step)];
            const differences = above.map((value, row) => (value - below[row]) / (2 * step));
            const column = equations.jacobian.subarray(unknown * rows, (unknown + 1) * rows);
            expect(WorstDifference(column, differences).difference)
                .withContext(`unknown ${unknown}`)
                .toBeLessThan(1e-6);
        }
    });

    it("turns eyes with the skin of the full model: the fitted vertices are those of blendshapes and skinning", async () => {
        const model = await SpreadLandmarkHeadAsync();
        const { expression } = CreateExpressionPose(model);
        expression[ExpressionIndex(model, "jawOpen")] = 0.8;
        const truth = Truth(new Float32Array(model.shapeCount), [CameraAt(0, 0)], [expression]);
        const vertices = ExpressVertices(model, expression, new Float32Array(3 * model.vertexCount));
        const pose = EffectivePose(model, truth.views[0], new Float32Array(15));
        SkinVertices(model, vertices, JointMatrices(pose, model.joints, new Float32Array(60)), vertices);
        expect(WorstDifference(FittedVertices(model, truth, truth.views[0]), vertices).difference).toBeLessThan(1e-6);
    });
});

describe("Cholesky", () => {
    it("solves random positive definite systems and refuses others", () => {
        const random = RandomNumbers(17);
        for (const n of [1, 2, 7, 40]) {
            const root = new Float64Array(n * n).map(random);
            const a = new Float64Array(n * n);
            for (let i = 0; i < n * n; i++) {
                const [row, column] = [Math.floor(i / n), i % n];
                for (let k = 0; k < n; k++) {
                    a[i] += root[row * n + k] * root[column * n + k];
                }
                a[i] += row === column ? 0.1 : 0;
            }
            const wanted = new Float64Array(n).map(random);
            const b = wanted.map((_, row) =>
                wanted.reduce((sum, value, column) => sum + a[row * n + column] * value, 0),
            );
            expect(SolveCholesky(a, b, n)).toBe(true);
            expect(WorstDifference(b, wanted).difference).toBeLessThan(1e-8);
        }
        expect(SolveCholesky(Float64Array.of(1, 2, 2, 1), Float64Array.of(1, 1), 2)).toBe(false);
    });
});
