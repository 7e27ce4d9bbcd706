/** Frames of FLAME's coefficients as the columns of a face: 52 weights, and angles of head and eyes. */
import { ArkitNames } from "../../flame/expression.js";
import { NotFitted, type FlameFaceMap } from "../../runtime/flame/flameFaceMap.js";
import type { IFlameFrame } from "../../runtime/flame/flameSequence.js";
import type { TakeValue } from "./faceResults.js";

/** What the turn of a tracked head is measured from; see `IFlameTrackSettings.head`. */
export type FlameHeadTurn = "relative" | "absolute" | "none";

const Weights = new Float32Array(ArkitNames.length); // scratch of TakeFlameFrame
const Turn = new Float64Array(9); // scratch of TakeFlameFrame
const Identity = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

/** The columns that a frame fills. */
const Fitted = ArkitNames.map((name) => !NotFitted.test(name));

/**
 * Gives the columns of a frame.
 * @param rest 3×3: the head's rotation that counts as none; null where its turn is not wanted
 * @param take told each value
 * @returns the residual of the weights; see `FlameFaceMap`
 */
export function TakeFlameFrame(
    map: FlameFaceMap,
    frame: IFlameFrame,
    rest: Float64Array | null,
    take: TakeValue,
): number {
    let residual = 0;
    if (frame.expression || frame.jaw) {
        residual = map.weightsToRef(frame, Weights);
        ArkitNames.forEach((name, at) => Fitted[at] && take(name, Weights[at]));
    } else if (frame.eyelids) {
        take("eyeBlinkLeft", frame.eyelids[0]);
        take("eyeBlinkRight", frame.eyelids[1]);
    }
    if (rest && (frame.rotation || frame.neck)) {
        // restᵀ · rotation · neck: in the head's own axes, whatever the tracker's world is.
        const turned = Multiply(rest, frame.rotation ?? rest, true);
        TakeAngles("Head", Multiply(turned, frame.neck ?? Identity, false), take);
    }
    if (frame.leftEye) {
        TakeAngles("LeftEye", frame.leftEye, take);
    }
    if (frame.rightEye) {
        TakeAngles("RightEye", frame.rightEye, take);
    }
    return residual;
}

/** Yaw, then pitch, then roll: what `QuaternionOfAngles` puts together. */
function TakeAngles(part: string, r: ArrayLike<number>, take: TakeValue): void {
    take(`${part}Yaw`, Math.atan2(r[2], r[8]));
    take(`${part}Pitch`, -Math.asin(Math.min(1, Math.max(-1, r[5]))));
    take(`${part}Roll`, Math.atan2(r[3], r[4]));
}

function Multiply(a: ArrayLike<number>, b: ArrayLike<number>, isTransposed: boolean): Float64Array {
    const product = isTransposed ? Turn : new Float64Array(9);
    for (let row = 0; row < 3; row++) {
        for (let column = 0; column < 3; column++) {
            let sum = 0;
            for (let k = 0; k < 3; k++) {
                sum += a[isTransposed ? 3 * k + row : 3 * row + k] * b[3 * k + column];
            }
            product[3 * row + column] = sum;
        }
    }
    return product;
}
