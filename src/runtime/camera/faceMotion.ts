/**
 * Expressions and turn of a face from what the landmark network feels of it, by a small network that learned them from
 * rendered people (training/camera). It is told how the feelings differ from those at rest, so that a face at rest
 * gives zeros, whoever it is. What landmarks keep, such as where a lip ends, is less than what the network felt.
 */
import { MultiplyRotations, NearestRotation, RotationOfAxisAngle } from "../../flame/rotation.js";
import type { ITurnedRectangle } from "../photo/picture.js";
import { FeatureCount, type ILandmarkNetworks } from "./landmarkFollower.js";
import { ViewOfSquare } from "./viewOfSquare.js";

/** What is kept of a frame from which the rest is learned. */
export interface IRestFrame {
    /** [16000] */
    readonly features: Float32Array;
    /** [9] see {@link ViewOfSquare}. */
    readonly view: Float64Array;
}

/** So much of a head's turn is the fit's: both err, and not alike. */
const FitShare = 0.35;
/** The fit turns heads too far: by a tenth, on films of even people. */
const FitScale = 0.9;

/**
 * The head's turn by the motion network and by the fit.
 * @param motion unit quaternion x, y, z, w, below half a turn
 * @param fit as well
 * @param into [4] receives the turn between them; may be one of them
 */
export function BetweenTurns(motion: Float64Array, fit: Float64Array, into: Float64Array): void {
    const [sign, other] = [Math.sign(motion[3]) || 1, Math.sign(fit[3]) || 1];
    for (let i = 0; i < 4; i++) {
        into[i] = (1 - FitShare) * sign * motion[i] + FitShare * other * (i < 3 ? FitScale : 1) * fit[i];
    }
    const length = Math.hypot(into[0], into[1], into[2], into[3]);
    for (let i = 0; i < 4; i++) {
        into[i] /= length;
    }
}

/** Of one person, whose rest is known. */
export class FaceMotion {
    /** [9] turn of the head from rest, row-major, axes of the head at rest. */
    public readonly turn = new Float64Array(9);
    /** [E] in the head model's order, 0..1. */
    public expression: Float32Array = new Float32Array(0);
    private readonly _rest = new Float32Array(FeatureCount);
    private readonly _change = new Float32Array(FeatureCount);
    /** [9] the head at rest, as the network saw it: view from canonical. */
    private readonly _restInView = new Float64Array(9);
    /** [9] canonical at rest from the camera. */
    private readonly _fromCamera = new Float64Array(9);
    private readonly _view = new Float64Array(9);
    private readonly _step = new Float64Array(9);
    private readonly _product = new Float64Array(9);

    /**
     * @param _networks borrowed
     * @param frames of the face at rest, at least one
     * @param restTurn [9] how the head stands at rest: camera from canonical
     */
    public constructor(
        private readonly _networks: ILandmarkNetworks,
        frames: readonly IRestFrame[],
        restTurn: Float64Array,
    ) {
        const view = new Float64Array(9);
        for (const frame of frames) {
            frame.features.forEach((value, i) => (this._rest[i] += value / frames.length));
            frame.view.forEach((value, i) => (view[i] += value / frames.length));
        }
        NearestRotation(view);
        Transpose(view, this._view);
        MultiplyRotations(this._view, restTurn, this._restInView);
        Transpose(restTurn, this._fromCamera);
    }

    /**
     * Looks at the next frame.
     * @param features [16000] of the landmark network
     * @param square where it looked
     * @param frame its size in pixels
     * @param focal in heights of the frame
     */
    public async followAsync(
        features: Float32Array,
        square: ITurnedRectangle,
        frame: { readonly width: number; readonly height: number },
        focal: number,
    ): Promise<void> {
        for (let i = 0; i < FeatureCount; i++) {
            this._change[i] = features[i] - this._rest[i];
        }
        const { expressions, turn } = await this._networks.findMotionAsync(this._change);
        this.expression = expressions;
        // from rest: camera⁻¹ at rest · view · head in view at rest · turn
        ViewOfSquare(square, frame, focal, this._view);
        RotationOfAxisAngle(turn[0], turn[1], turn[2], this._step);
        MultiplyRotations(this._restInView, this._step, this._product);
        MultiplyRotations(this._view, this._product, this._step);
        MultiplyRotations(this._fromCamera, this._step, this.turn);
    }
}

function Transpose(matrix: Float64Array, into: Float64Array): void {
    for (let row = 0; row < 3; row++) {
        for (let column = 0; column < 3; column++) {
            into[3 * row + column] = matrix[3 * column + row];
        }
    }
}
