/**
 * Rotation keys of a character's bones as rotations of an avatar's joint. A bone's key is an orientation in its parent's axes; a joint takes the turn away
 * from rest in canonical axes (right-handed, +Y up, +Z out of the face): `turn = P · key · rest⁻¹ · P⁻¹`, with P the rest orientation of the bone's parent in its model.
 */
import { Animation } from "@babylonjs/core/Animations/animation.js";
import type { IAnimationKey } from "@babylonjs/core/Animations/animationKey.js";
import { Quaternion, type Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import type { Node } from "@babylonjs/core/node.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";

/** One animated node. */
export interface IRotationChannel {
    /** Targets `rotationQuaternion` or `rotation`. */
    readonly animation: Animation;
    /** The node that it turns. */
    readonly node: TransformNode;
}

/** Turns orientation keys into turns from rest: `left · key · right`, mirrored in x if the model is left-handed. Linear, so tangents go the same way. */
interface ITurnFromRest {
    readonly left: Quaternion;
    readonly right: Quaternion;
    readonly mirrored: boolean;
    readonly depth: number;
}

/**
 * @param channels the nodes that turn one joint; the animations stay as they are
 * @param name name of the new animation
 * @param sceneIsRightHanded handedness of the scene that the nodes live in
 * @returns an animation of `rotationQuaternion`
 */
export function ConvertRotationChannels(channels: readonly IRotationChannel[], name: string, sceneIsRightHanded: boolean): Animation {
    const first = channels[0].animation;
    const result = new Animation(name, "rotationQuaternion", first.framePerSecond, Animation.ANIMATIONTYPE_QUATERNION, first.loopMode);
    const parts = channels
        .map(({ animation, node }) => ({ animation, turn: TurnFromRest(node, sceneIsRightHanded) }))
        .sort((a, b) => a.turn.depth - b.turn.depth);
    if (parts.length === 1) {
        result.setKeys(first.getKeys().map((key) => ConvertKey(key, parts[0].turn)));
        return result;
    }
    const frames = new Set<number>();
    for (const { animation } of parts) {
        animation.getKeys().forEach((key) => frames.add(key.frame));
    }
    const keys = [...frames]
        .sort((a, b) => a - b)
        .map((frame) => {
            const value = Quaternion.Identity();
            for (const { animation, turn } of parts) {
                value.multiplyInPlace(ToTurn(AsQuaternion(animation.evaluate(frame)), turn));
            }
            return { frame, value };
        });
    result.setKeys(keys);
    return result;
}

function ConvertKey(key: IAnimationKey, turn: ITurnFromRest): IAnimationKey {
    const converted: IAnimationKey = { ...key, value: ToTurn(AsQuaternion(key.value), turn) };
    // Tangents of Euler keys are not tangents of a quaternion: such keys become linear.
    if (key.inTangent !== undefined) {
        converted.inTangent = key.inTangent instanceof Quaternion ? ToTurn(key.inTangent, turn) : undefined;
    }
    if (key.outTangent !== undefined) {
        converted.outTangent = key.outTangent instanceof Quaternion ? ToTurn(key.outTangent, turn) : undefined;
    }
    return converted;
}

function ToTurn(orientation: Quaternion, turn: ITurnFromRest): Quaternion {
    const result = turn.left.multiply(orientation).multiplyInPlace(turn.right);
    if (turn.mirrored) {
        result.y = -result.y;
        result.z = -result.z;
    }
    return result;
}

function TurnFromRest(node: TransformNode, sceneIsRightHanded: boolean): ITurnFromRest {
    const parentRest = Quaternion.Identity();
    let rightHanded = sceneIsRightHanded;
    let depth = 0;
    for (let ancestor: Node | null = node.parent; ancestor; ancestor = ancestor.parent) {
        depth++;
        if (ancestor instanceof TransformNode) {
            // The glTF loader's root mirrors the whole model; below it the axes are glTF's, which are canonical space's.
            if (ancestor.scaling.x * ancestor.scaling.y * ancestor.scaling.z < 0) {
                rightHanded = !rightHanded;
                break;
            }
            RestOf(ancestor).multiplyToRef(parentRest, parentRest);
        }
    }
    const parentInverse = Quaternion.Inverse(parentRest);
    return { left: parentRest, right: Quaternion.Inverse(RestOf(node)).multiplyInPlace(parentInverse), mirrored: rightHanded !== sceneIsRightHanded, depth };
}

/** Orientation of a node at rest: as it stands, or, while a clip plays on it (the glTF loader starts the first one), as it stood before. */
function RestOf(node: TransformNode): Quaternion {
    for (const animatable of node.getScene().getAllAnimatablesByTarget(node)) {
        for (const property of ["rotationQuaternion", "rotation"]) {
            const runtime = animatable.getRuntimeAnimationByTargetProperty(property) as unknown as {
                _originalValue?: (Quaternion | Vector3)[];
            } | null;
            const original = runtime?._originalValue?.[0];
            if (original) {
                return AsQuaternion(original).clone();
            }
        }
    }
    return node.rotationQuaternion?.clone() ?? node.rotation.toQuaternion();
}

function AsQuaternion(value: Quaternion | Vector3): Quaternion {
    return value instanceof Quaternion ? value : value.toQuaternion();
}
