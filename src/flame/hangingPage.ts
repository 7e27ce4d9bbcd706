/**
 * Joints of its own for the hair of a second page, so that hair can swing. No vertex of a page follows jaw or eyes,
 * whose places in the skin are therefore free: the jaw's becomes a joint in the head from which hair hangs, and the
 * left eye's one for hair that lies on the torso. At rest the two move as head and torso do, and the page looks as it
 * does without them. Shaders know nothing of it, and it costs them nothing.
 */
import { JointCount, type HeadModel } from "./headModel.js";
import { PartOfRegion } from "./pageModel.js";
import { MultiplyRotations, QuaternionOfRotation, RotationOfAxisAngle } from "./rotation.js";

const Torso = 0;
const Neck = 1;
const Hanging = 2;
const Lying = 3;
/** Meters above and before the neck's joint from where hair hangs: inside the scalp. Ours. */
const [HangsAbove, HangsBefore] = [0.1, 0.02];
/**
 * Meters above the neck's joint where hair begins to swing, and where it swings in full: from the ears to below the
 * chin. Ours.
 */
const [SwingsFrom, SwingsFull] = [0.075, -0.055];

const NeckTurn = new Float64Array(9); // scratch of HangingPose
const LyingTurn = new Float64Array(9); // scratch of HangingPose
const Product = new Float64Array(9); // scratch of HangingPose
const Turn = new Float64Array(4); // scratch of HangingPose

const Made = new WeakMap<HeadModel, HeadModel>(); // once per page

/**
 * A page whose hair follows joints of its own. Poses for it come from {@link HangingPose}.
 * @param page its hair follows neck and torso only
 * @returns shares all arrays but skin weights and joints; the same object each time
 */
export function HangingPage(page: HeadModel): HeadModel {
    let made = Made.get(page);
    if (!made) {
        made = { ...page, weights: HangingWeights(page), joints: HangingJoints(page.joints) };
        Made.set(page, made);
    }
    return made;
}

/** Meters from the neck's joint to where hair hangs. */
export function HangingPoint(joints: ArrayLike<number>): [number, number, number] {
    return [joints[3 * Neck], joints[3 * Neck + 1] + HangsAbove, joints[3 * Neck + 2] + HangsBefore];
}

/** How much hair swings at a height above the neck's joint, 0..1. */
export function SwingShare(above: number): number {
    const t = Math.min(1, Math.max(0, (SwingsFrom - above) / (SwingsFrom - SwingsFull)));
    return t * t * (3 - 2 * t);
}

/**
 * The pose of a page whose hair swings.
 * @param pose [15] of the head, expressions included; only global and neck are read
 * @param hanging [3] axis-angle that hair turns by in the head's axes, radians
 * @param lying [3] axis-angle that hair on the torso turns by in the torso's axes, radians
 * @param into [15] receives the axis-angles
 */
export function HangingPose(
    pose: ArrayLike<number>,
    hanging: ArrayLike<number>,
    lying: ArrayLike<number>,
    into: Float32Array,
): Float32Array {
    into.fill(0);
    for (let i = 0; i < 3; i++) {
        into[i] = pose[i];
        into[3 * Neck + i] = pose[3 * Neck + i];
        into[3 * Hanging + i] = hanging[i];
        into[3 * Lying + i] = -pose[3 * Neck + i];
    }
    if (lying[0] !== 0 || lying[1] !== 0 || lying[2] !== 0) {
        // The joint is a child of the neck, whose turn is taken back.
        RotationOfAxisAngle(-pose[3 * Neck], -pose[3 * Neck + 1], -pose[3 * Neck + 2], NeckTurn);
        RotationOfAxisAngle(lying[0], lying[1], lying[2], LyingTurn);
        MultiplyRotations(NeckTurn, LyingTurn, Product);
        QuaternionOfRotation(Product, Turn);
        const length = Math.sqrt(Turn[0] * Turn[0] + Turn[1] * Turn[1] + Turn[2] * Turn[2]);
        const angle = 2 * Math.atan2(Turn[3] < 0 ? -length : length, Math.abs(Turn[3]));
        const scale = length > 1e-9 ? angle / length : 0;
        for (let i = 0; i < 3; i++) {
            into[3 * Lying + i] = scale * Turn[i];
        }
    }
    return into;
}

function HangingJoints(joints: Float32Array): Float32Array {
    const made = joints.slice();
    made.set(HangingPoint(joints), 3 * Hanging);
    made.copyWithin(3 * Lying, 3 * Neck, 3 * Neck + 3);
    return made;
}

/** Vertices that the bust shares with hair stay as they are. */
function HangingWeights(page: HeadModel): Uint8Array {
    const { weights, template, vertexCount, faces, faceRegion, regions, joints } = page;
    const isHair = new Uint8Array(vertexCount);
    for (const part of ["hair", "bust"] as const) {
        faceRegion.forEach((region, face) => {
            if (PartOfRegion(regions[region]) === part) {
                faces.subarray(3 * face, 3 * face + 3).forEach((v) => (isHair[v] = part === "hair" ? 1 : 0));
            }
        });
    }
    const made = weights.slice();
    for (let v = 0; v < vertexCount; v++) {
        const at = JointCount * v;
        if (isHair[v] && weights[at + Torso] + weights[at + Neck] === 255) {
            const share = SwingShare(template[3 * v + 1] - joints[3 * Neck + 1]);
            made[at + Hanging] = Math.round(share * weights[at + Neck]);
            made[at + Lying] = Math.round(share * weights[at + Torso]);
            made[at + Neck] = weights[at + Neck] - made[at + Hanging];
            made[at + Torso] = weights[at + Torso] - made[at + Lying];
        }
    }
    return made;
}
