/**
 * Learns a person's rest from about a second of frames: who it is (identity of the head model), how the head stands,
 * and where each landmark lies at rest beside what the identity explains. So a face at rest gives weights of zero,
 * whatever the landmark network always sees wrongly in it.
 */
import { FitHeadModel } from "../../flame/fit/fitHeadModel.js";
import { LandmarkBasisOf, type LandmarkBasis } from "../../flame/fit/landmarkBasis.js";
import { PersonalBasis } from "../../flame/fit/personalBasis.js";
import type { HeadModel } from "../../flame/headModel.js";
import { NearestRotation } from "../../flame/rotation.js";
import { FaceTracker, FaceSize, DefaultTracking, type ITrackerSettings } from "./faceTracker.js";
import { TrackingPriors } from "./trackingPriors.js";

/** What is known of a person after calibration. */
export interface ICalibration {
    /** The head model's landmarks for this person. */
    readonly basis: LandmarkBasis;
    /** [9] how the head stands at rest, row-major: camera from canonical. */
    readonly rest: Float64Array;
    /** [3] where its origin stands, camera frame, meters. */
    readonly place: Float64Array;
    /** Which of the frames show the person at rest. */
    readonly restFrames: readonly number[];
}

/** Identity directions that are solved for, as in photos. */
const ShapeCount = 30;
/** Frames that the identity is fitted to. */
const FitFrames = 3;
/** Share of all frames that count as rest: those nearest to the median face. */
const RestShare = 0.6;
/** Expected size of expressions in frames at rest. */
const RestExpression = 0.06;

/**
 * Calibrates.
 * @param frames [478,2] each: landmarks around the frame's middle, in its heights, 0.5 the middle
 * @throws FlexAvatarError `invalid-argument` without frames
 */
export function Calibrate(
    model: HeadModel,
    frames: readonly Float32Array[],
    settings: ITrackerSettings = DefaultTracking,
): ICalibration {
    const basis = LandmarkBasisOf(model, ShapeCount);
    const restFrames = RestFrames(model, basis, frames, settings);
    const rest = restFrames.map((i) => frames[i]);
    const chosen = Array.from({ length: Math.min(FitFrames, rest.length) }, (_, i) => {
        return rest[Math.floor(((i + 0.5) * rest.length) / Math.min(FitFrames, rest.length))];
    });
    const { shape } = FitHeadModel(
        model,
        chosen.map((landmarks) => ({ landmarks })),
        {
            shapeCount: ShapeCount,
            focal: settings.focal,
            noise: settings.noise * FaceSize(chosen[0]),
            expressionDeviation: RestExpression,
            iterations: 12,
        },
    );
    const bare = PersonalBasis(basis, shape, new Float64Array(3 * basis.landmarkCount));
    const offset = new Float64Array(3 * basis.landmarkCount);
    const rotation = new Float64Array(9);
    const place = new Float64Array(3);
    const tracker = new FaceTracker(bare, model.expressions, settings, StillPriors(model.expressions));
    for (const frame of rest) {
        tracker.follow(frame);
        AddMissing(tracker, bare, 1 / rest.length, offset);
        tracker.camera.rotation.forEach((value, i) => (rotation[i] += value / rest.length));
        tracker.camera.translation.forEach((value, i) => (place[i] += value / rest.length));
    }
    NearestRotation(rotation);
    return { basis: PersonalBasis(basis, shape, offset), rest: rotation, place, restFrames };
}

/** Which frames are nearest to the median face; blinks and words are not among them. */
function RestFrames(
    model: HeadModel,
    basis: LandmarkBasis,
    frames: readonly Float32Array[],
    settings: ITrackerSettings,
): number[] {
    const mean = PersonalBasis(basis, new Float64Array(ShapeCount), new Float64Array(3 * basis.landmarkCount));
    const tracker = new FaceTracker(mean, model.expressions, settings);
    const faces = frames.map((frame) => {
        tracker.follow(frame);
        return tracker.expression.slice();
    });
    const median = model.expressions.map((_, e) => Median(faces.map((face) => face[e])));
    return frames
        .map((_, i) => ({ i, far: median.reduce((sum, value, e) => sum + (faces[i][e] - value) ** 2, 0) }))
        .sort((a, b) => a.far - b.far)
        .slice(0, Math.max(1, Math.round(RestShare * frames.length)))
        .map(({ i }) => i);
}

function Median(values: number[]): number {
    values.sort((a, b) => a - b);
    return values[values.length >> 1];
}

/** Priors under which no expression moves. */
function StillPriors(names: readonly string[]): ReturnType<typeof TrackingPriors> {
    return { ...TrackingPriors(names), precision: new Float64Array(names.length).fill(1e8) };
}

/** What the landmarks of a frame lack, moved back from the picture's plane to canonical space. */
function AddMissing(tracker: FaceTracker, basis: LandmarkBasis, share: number, into: Float64Array): void {
    const { rotation: r, translation: t, focal } = tracker.camera;
    const { residual, point } = tracker;
    for (let i = 0; i < basis.landmarkCount; i++) {
        const [x, y, z] = [point[3 * i], point[3 * i + 1], point[3 * i + 2]];
        const depth = -(r[6] * x + r[7] * y + r[8] * z + t[2]);
        const across = (-share * residual[2 * i] * depth) / focal;
        const up = (share * residual[2 * i + 1] * depth) / focal;
        for (let axis = 0; axis < 3; axis++) {
            into[3 * i + axis] += r[axis] * across + r[3 + axis] * up;
        }
    }
}
