import { CreateViewEquations, FillViewEquations, ViewCost } from "../../../../src/flame/fit/viewEquations";
import { LandmarkBasisOf } from "../../../../src/flame/fit/landmarkBasis";
import { PersonalBasis } from "../../../../src/flame/fit/personalBasis";
import { ExpressionIndex } from "../../../../src/flame/expression";
import type { HeadModel } from "../../../../src/flame/headModel";
import { MultiplyRotations } from "../../../../src/flame/rotation";
import { Calibrate } from "../../../../src/runtime/camera/calibration";
import { DefaultTracking, FaceTracker } from "../../../../src/runtime/camera/faceTracker";
import { TrackEquations } from "../../../../src/runtime/camera/trackEquations";
import { TrackingPriors } from "../../../../src/runtime/camera/trackingPriors";
import { DegreesApart, FilmCamera, FilmedLandmarks } from "../../../support/filmedFace";
import { OpenHeadAsync, RandomNumbers } from "../../../support/heads";

const Seed = 21;

function Weights(model: HeadModel, weights: Readonly<Record<string, number>>): Float32Array {
    const expression = new Float32Array(model.expressionCount);
    Object.entries(weights).forEach(([name, value]) => (expression[ExpressionIndex(model, name)] = value));
    return expression;
}

function SomeShape(model: HeadModel, seed: number): Float32Array {
    const random = RandomNumbers(seed);
    return new Float32Array(model.shapeCount).map((_, s) => (s < 30 ? random() : 0));
}

/** Priors that leave exact landmarks alone. */
function WeakPriors(model: HeadModel): ReturnType<typeof TrackingPriors> {
    const priors = TrackingPriors(model.expressions);
    priors.precision.fill(1e-2);
    priors.sparsity.fill(0);
    priors.partnerPrecision.fill(0);
    return priors;
}

const Faces: readonly Readonly<Record<string, number>>[] = [
    { jawOpen: 0.6, mouthSmileLeft: 0.4, mouthSmileRight: 0.5 },
    { browInnerUp: 0.7, browOuterUpLeft: 0.5, browOuterUpRight: 0.4, eyeWideLeft: 0.3, eyeWideRight: 0.3 },
    { mouthPucker: 0.7, eyeLookOutLeft: 0.5, eyeLookInRight: 0.5 },
    { browDownLeft: 0.6, browDownRight: 0.6, mouthFrownLeft: 0.4, mouthFrownRight: 0.4 },
];

describe("tracking equations", () => {
    it("are those of the photos' fit without identity", async () => {
        const model = await OpenHeadAsync();
        const full = LandmarkBasisOf(model, 30);
        const basis = PersonalBasis(full, SomeShape(model, Seed), new Float64Array(3 * full.landmarkCount));
        const random = RandomNumbers(Seed);
        const seen = new Float32Array(956).map(() => 0.5 + 0.2 * random());
        const expression = new Float64Array(basis.expressionCount).map(() => 0.5 + 0.5 * random());
        const state = { camera: FilmCamera(12, -7), expression };
        const trust = { noise: 0.01, huber: 1.5, silhouetteWeight: 0.15 };
        const [one, other] = [new TrackEquations(basis), CreateViewEquations(basis)];
        const own = { ...trust, weights: new Float64Array(basis.landmarkCount).fill(1) };
        const cost = ViewCost(basis, new Float64Array(0), state, seen, trust, other);
        expect(one.cost(state, seen, own) / cost).toBeCloseTo(1, 3); // it leaves out what moves less than 20 µm
        one.fill(state, own);
        FillViewEquations(basis, state, trust, other);
        const size = one.unknowns;
        for (let a = 0; a < size; a++) {
            for (let b = 0; b <= a; b++) {
                const scale = Math.sqrt(other.normal[a * size + a] * other.normal[b * size + b]) + 1e-9;
                expect(Math.abs(one.normal[a * size + b] - other.normal[a * size + b]) / scale)
                    .withContext(`unknowns ${a}, ${b}`)
                    .toBeLessThan(2e-2);
            }
        }
    });
});

describe("face tracker", () => {
    it("finds known weights and turns of a known person in exact landmarks, each from the last", async () => {
        const model = await OpenHeadAsync();
        const full = LandmarkBasisOf(model, 30);
        const shape = SomeShape(model, Seed);
        const basis = PersonalBasis(full, shape, new Float64Array(3 * full.landmarkCount));
        const tracker = new FaceTracker(basis, model.expressions, { ...DefaultTracking, steps: 8 }, WeakPriors(model));
        let last: Float32Array = new Float32Array(model.expressionCount);
        Faces.forEach((face, k) => {
            const expression = Weights(model, face);
            const camera = FilmCamera(20 * Math.sin(k), 10 * Math.cos(k), [0.02 * k, 0, 0]);
            for (let step = 1; step <= 5; step++) {
                const now = expression.map((value, e) => last[e] + (step / 5) * (value - last[e]));
                tracker.follow(FilmedLandmarks(model, shape, now, camera));
            }
            last = expression;
            expect(DegreesApart(tracker.camera.rotation, camera.rotation))
                .withContext(`turn of face ${k}`)
                .toBeLessThan(0.3);
            for (const [name, value] of Object.entries(face)) {
                expect(Math.abs(tracker.expression[ExpressionIndex(model, name)] - value))
                    .withContext(`${name} of face ${k}`)
                    .toBeLessThan(0.08);
            }
        });
    });

    it("keeps weights in 0..1 and allocates no new state", async () => {
        const model = await OpenHeadAsync();
        const full = LandmarkBasisOf(model, 30);
        const basis = PersonalBasis(full, SomeShape(model, 3), new Float64Array(3 * full.landmarkCount));
        const tracker = new FaceTracker(basis, model.expressions);
        const states = new Set<Float64Array>();
        const random = RandomNumbers(Seed);
        for (let k = 0; k < 6; k++) {
            const seen = FilmedLandmarks(
                model,
                SomeShape(model, 3),
                Weights(model, Faces[k % 4]),
                FilmCamera(3 * k, 0),
            );
            tracker.follow(seen.map((value) => value + 0.004 * random()));
            states.add(tracker.expression);
            tracker.expression.forEach((value) => expect(value >= 0 && value <= 1).toBeTrue());
        }
        expect(states.size).toBeLessThanOrEqual(2);
    });
});

describe("calibration", () => {
    it("gives a stranger at rest no expression, whatever the landmarks always have wrong", async () => {
        const model = await OpenHeadAsync();
        const shape = SomeShape(model, 8);
        const random = RandomNumbers(Seed);
        const wrong = new Float32Array(956).map(() => 0.004 * random());
        const rest = new Float32Array(model.expressionCount);
        const film = (expression: Float32Array, yaw: number): Float32Array =>
            FilmedLandmarks(model, shape, expression, FilmCamera(yaw, 4)).map((value, i) => value + wrong[i]);
        const blink = Weights(model, { eyeBlinkLeft: 1, eyeBlinkRight: 1 });
        const frames = Array.from({ length: 20 }, (_, i) => film(i % 10 === 4 ? blink : rest, 0.05 * i));
        const calibration = Calibrate(model, frames);
        const tracker = new FaceTracker(calibration.basis, model.expressions);
        tracker.follow(film(rest, 0));
        expect(Math.max(...tracker.expression)).toBeLessThan(0.05);
        // The turn from rest is the film's, whatever the head's own shape is taken for.
        tracker.follow(film(rest, 12));
        const back = new Float64Array(9);
        const transposed = Float64Array.from(
            calibration.rest,
            (_, i) => calibration.rest[3 * (i % 3) + Math.floor(i / 3)],
        );
        MultiplyRotations(tracker.camera.rotation, transposed, back);
        const [now, then] = [FilmCamera(12, 4).rotation, FilmCamera(0.5, 4).rotation];
        const wanted = new Float64Array(9);
        MultiplyRotations(
            now,
            Float64Array.from(then, (_, i) => then[3 * (i % 3) + Math.floor(i / 3)]),
            wanted,
        );
        expect(DegreesApart(back, wanted)).toBeLessThan(2);
    });
});
