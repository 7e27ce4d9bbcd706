/** Where eyes look, as ARKit's weights: the head's own expressions turn its eyes, and its lids with them. */
import type { HeadModel } from "../../flame/headModel.js";
import { PoseLength } from "../../flame/headModel.js";
import type { ArkitName } from "../../flame/expression.js";
import { JointIndex, WeightIndex, type IFaceFrame } from "./faceSource.js";

/** The four ways of an eye: weight and radians at full strength. */
interface IWay {
    readonly weight: number;
    readonly radians: number;
}

interface IEye {
    /** To the head's left, to its right, up, down. */
    readonly ways: readonly IWay[];
    readonly joint: number;
    /** Whether the expressions turn the eye; else the joint must. */
    readonly byWeights: boolean;
}

/** Below this an expression does not turn the eye. */
const Least = 0.02;

/** Of one head model. */
export class Gaze {
    private readonly _eyes: readonly [IEye, IEye];

    public constructor(head: HeadModel) {
        this._eyes = [EyeOf(head, "Left"), EyeOf(head, "Right")];
    }

    /**
     * Turns an eye, about one axis across its line of sight. Allocates nothing.
     * @param eye 0 left, 1 right
     * @param look [2] of the axis times the angle, radians: y, to the head's left, then x, down
     */
    public write(frame: IFaceFrame, eye: number, look: ArrayLike<number>): void {
        const yaw = look[0];
        const pitch = look[1];
        const { ways, joint, byWeights } = this._eyes[eye];
        for (let way = 0; way < 4; way++) {
            const angle = way === 0 ? yaw : way === 1 ? -yaw : way === 2 ? -pitch : pitch;
            const { weight, radians } = ways[way];
            frame.weights[weight] = byWeights && angle > 0 ? Math.min(1, angle / radians) : 0;
            frame.says[weight] = byWeights ? 1 : 0;
        }
        if (!byWeights) {
            const at = 4 * joint;
            const angle = Math.sqrt(yaw * yaw + pitch * pitch);
            const scale = angle > 1e-6 ? Math.sin(angle / 2) / angle : 0.5;
            frame.turns[at] = scale * pitch;
            frame.turns[at + 1] = scale * yaw;
            frame.turns[at + 2] = 0;
            frame.turns[at + 3] = Math.cos(angle / 2);
            frame.saysTurns[joint] = 1;
        }
    }

    /**
     * Where the left eye looks by the weights that are there. Allocates nothing.
     * @param look [2] receives radians to the head's left, and down
     */
    public readToRef(weights: ArrayLike<number>, look: Float64Array): void {
        const { ways } = this._eyes[0];
        for (let axis = 0; axis < 2; axis++) {
            const to = ways[axis === 0 ? 0 : 3];
            const fro = ways[axis === 0 ? 1 : 2];
            look[axis] = weights[to.weight] * to.radians - weights[fro.weight] * fro.radians;
        }
    }
}

function EyeOf(head: HeadModel, side: "Left" | "Right"): IEye {
    const joint = side === "Left" ? 3 : 4; // eyeL and eyeR of a pose
    const [left, right] = side === "Left" ? ["Out", "In"] : ["In", "Out"];
    const way = (name: string, axis: number, sign: number): IWay => {
        const weight = `eyeLook${name}${side}` as ArkitName;
        const index = head.expressions.indexOf(weight);
        const radians = index < 0 ? 0 : sign * head.poseFromExpression[index * PoseLength + 3 * joint + axis];
        return { weight: WeightIndex(weight), radians };
    };
    const ways = [way(left, 1, 1), way(right, 1, -1), way("Up", 0, -1), way("Down", 0, 1)];
    return {
        ways,
        joint: JointIndex(side === "Left" ? "leftEye" : "rightEye"),
        byWeights: ways.every(({ radians }) => radians > Least),
    };
}
