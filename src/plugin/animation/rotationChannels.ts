/**
 * Rotation keys of a character's nodes as rotations of an avatar's joint. A node's key is an orientation in its
 * parent's axes; a joint takes the turn away from rest in the avatar's axes (+Y up, +Z out of the face): `turn = F · P
 * · key · rest⁻¹ · P⁻¹ · F⁻¹`, with P the rest orientation of the node's parent in its model and F what takes the
 * model's facing to +Z. A model of the other handedness is mirrored in x.
 */
import { Animation } from "@babylonjs/core/Animations/animation.js";
import type { IAnimationKey } from "@babylonjs/core/Animations/animationKey.js";
import { Bone } from "@babylonjs/core/Bones/bone.js";
import { Matrix, Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { Node } from "@babylonjs/core/node.js";
import { CommonFrames, ValueAt, type ISampled } from "./keySampling.js";

/** Properties that turn a node. Bones of `.babylon` files are animated by their whole matrix. */
const TurningProperties = [
    "rotationQuaternion",
    "rotation",
    "rotation.x",
    "rotation.y",
    "rotation.z",
    "_matrix",
] as const;
type TurningProperty = (typeof TurningProperties)[number];

/** @returns whether an animation of this property turns its node */
export function TurnsNode(property: string): property is TurningProperty {
    return (TurningProperties as readonly string[]).includes(property);
}

/** One animation of a node. */
export interface IRotationChannel {
    /** Of a property that turns ({@link TurnsNode}). */
    readonly animation: Animation;
    /** The node that it turns. */
    readonly node: TransformNode | Bone;
}

/** How the nodes stand in the scene. */
export interface IRotationSettings {
    readonly sceneIsRightHanded: boolean;
    /** Where the model looks, in the axes of its data. */
    readonly facing: Vector3;
}

/**
 * Turns orientation keys into turns from rest: `left · key · right`, then mirrored or not. Linear, so tangents go the
 * same way.
 */
interface ITurnFromRest {
    readonly left: Quaternion;
    readonly right: Quaternion;
    readonly mirrored: boolean;
}

/** All animations of one node. */
interface ITurningNode {
    readonly node: TransformNode | Bone;
    readonly animations: Animation[];
}

/** What was made of the channels. */
export interface IRotationResult {
    /** Of `rotationQuaternion`. */
    readonly animation: Animation;
    /** Nodes that were left out, because others turn the joint: several heads in one clip. */
    readonly doubles: readonly string[];
}

/**
 * @param channels all that turns one joint; the animations stay as they are. Nodes one below the other (neck and head)
 * are multiplied, parent first.
 * @param name name of the new animation
 */
export function ConvertRotationChannels(
    channels: readonly IRotationChannel[],
    name: string,
    settings: IRotationSettings,
): IRotationResult {
    const nodes = new Map<TransformNode | Bone, ITurningNode>();
    for (const { animation, node } of channels) {
        const turning = nodes.get(node) ?? { node, animations: [] };
        // A node may be animated once per primitive: the same property again is a double.
        if (!turning.animations.some(({ targetProperty }) => targetProperty === animation.targetProperty)) {
            turning.animations.push(animation);
        }
        nodes.set(node, turning);
    }
    const chain = LongestChain([...nodes.values()]);
    const doubles = [...nodes.values()].filter((node) => !chain.includes(node)).map(({ node }) => node.name);
    const first = chain[0].animations[0];
    const rate = first.framePerSecond;
    const result = new Animation(name, "rotationQuaternion", rate, Animation.ANIMATIONTYPE_QUATERNION, first.loopMode);
    result.enableBlending = first.enableBlending;
    result.blendingSpeed = first.blendingSpeed;
    const turns = chain.map(({ node }) => TurnFromRest(node, settings));
    if (chain.length === 1 && first.targetProperty === "rotationQuaternion") {
        result.setKeys(first.getKeys().map((key) => ConvertKey(key, turns[0])));
        result.setEasingFunction(first.getEasingFunction() as Parameters<Animation["setEasingFunction"]>[0]);
        return { animation: result, doubles };
    }
    const readers = chain.map(OrientationReader);
    const sources: ISampled[] = chain.flatMap(({ animations }) =>
        animations.map((animation) => ({ animation, bends: animation.targetProperty !== "rotationQuaternion" })),
    );
    result.setKeys(
        CommonFrames(sources, rate).map((frame) => {
            const value = Quaternion.Identity();
            readers.forEach((read, index) => value.multiplyInPlace(ToTurn(read(frame, rate), turns[index])));
            return { frame, value: value.normalize() };
        }),
    );
    return { animation: result, doubles };
}

/** The nodes on one path up the tree: the path with most of them, then the one that moves most. */
function LongestChain(nodes: readonly ITurningNode[]): ITurningNode[] {
    const chains = nodes.map((end) => nodes.filter(({ node }) => node === end.node || end.node.isDescendantOf(node)));
    const movement = (chain: readonly ITurningNode[]) =>
        chain.reduce((sum, { animations }) => sum + Turned(animations), 0);
    const best = chains.reduce((a, b) =>
        b.length > a.length || (b.length === a.length && movement(b) > movement(a)) ? b : a,
    );
    return best.sort((a, b) => Number(a.node.isDescendantOf(b.node)) - Number(b.node.isDescendantOf(a.node)));
}

/** How far animations turn their node from their first key. */
function Turned(animations: readonly Animation[]): number {
    let most = 0;
    for (const animation of animations) {
        const keys = animation.getKeys();
        for (const { value } of keys) {
            const [from, to] = [keys[0].value, value] as [unknown, unknown];
            most = Math.max(
                most,
                typeof to === "number"
                    ? Math.abs(to - (from as number))
                    : 1 - Math.abs(Quaternion.Dot(AsQuaternion(from), AsQuaternion(to))),
            );
        }
    }
    return most;
}

/**
 * Reads a node's orientation from a quaternion, from angles, or from one angle at a time; the other angles stay as at
 * rest.
 */
function OrientationReader({ node, animations }: ITurningNode): (frame: number, rate: number) => Quaternion {
    const whole = animations.find(
        ({ targetProperty }) => !targetProperty.startsWith("rotation.") && targetProperty !== "rotation",
    );
    const angles = animations.find(({ targetProperty }) => targetProperty === "rotation");
    const single = whole ?? angles;
    if (single) {
        return (frame, rate) => AsQuaternion(ValueAt(single, frame, rate));
    }
    const rest = RestAnglesOf(node as TransformNode);
    return (frame, rate) => {
        const value = rest.clone();
        for (const animation of animations) {
            value[animation.targetProperty.slice(-1) as "x" | "y" | "z"] = ValueAt(animation, frame, rate) as number;
        }
        return value.toQuaternion();
    };
}

function ConvertKey(key: IAnimationKey, turn: ITurnFromRest): IAnimationKey {
    const converted: IAnimationKey = { ...key, value: ToTurn(key.value as Quaternion, turn) };
    if (key.inTangent !== undefined) {
        converted.inTangent = ToTurn(key.inTangent as Quaternion, turn);
    }
    if (key.outTangent !== undefined) {
        converted.outTangent = ToTurn(key.outTangent as Quaternion, turn);
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

function TurnFromRest(node: TransformNode | Bone, { sceneIsRightHanded, facing }: IRotationSettings): ITurnFromRest {
    const parentRest = Quaternion.Identity();
    let rightHanded = sceneIsRightHanded;
    for (let ancestor: Node | null = node.parent; ancestor; ancestor = ancestor.parent) {
        if (ancestor instanceof Bone) {
            RestOf(ancestor).multiplyToRef(parentRest, parentRest);
        } else if (ancestor instanceof TransformNode) {
            // The glTF loader's root mirrors the whole model in a left-handed scene. It, and what is above it, is where
            // the model stands and not how.
            if (ancestor.scaling.x * ancestor.scaling.y * ancestor.scaling.z < 0) {
                rightHanded = !rightHanded;
                break;
            }
            if (/__root__$/.test(ancestor.name)) {
                break;
            }
            RestOf(ancestor).multiplyToRef(parentRest, parentRest);
        }
    }
    const toFront = Quaternion.RotationAxis(Vector3.UpReadOnly, -Math.atan2(facing.x, facing.z));
    const left = toFront.multiply(parentRest);
    const right = Quaternion.Inverse(RestOf(node)).multiplyInPlace(Quaternion.Inverse(left));
    return { left, right, mirrored: rightHanded !== sceneIsRightHanded };
}

/**
 * Orientation of a node at rest: as its bone is bound; else as it stood before a clip played (the glTF loader starts
 * the first one); else as it stands.
 */
function RestOf(node: TransformNode | Bone): Quaternion {
    const bone = node instanceof Bone ? node : BoneOf(node);
    if (bone) {
        return AsQuaternion(bone.getRestMatrix());
    }
    const still = node as TransformNode;
    const original = OriginalOf(still, "rotationQuaternion");
    if (original) {
        return (original as Quaternion).clone();
    }
    return OriginalOf(still, "rotation")
        ? RestAnglesOf(still).toQuaternion()
        : (still.rotationQuaternion?.clone() ?? RestAnglesOf(still).toQuaternion());
}

function RestAnglesOf(node: TransformNode): Vector3 {
    const angles =
        (OriginalOf(node, "rotation") as Vector3 | null)?.clone() ??
        node.rotationQuaternion?.toEulerAngles() ??
        node.rotation.clone();
    for (const axis of ["x", "y", "z"] as const) {
        angles[axis] = (OriginalOf(node, `rotation.${axis}`) as number | null) ?? angles[axis];
    }
    return angles;
}

/** The bone that a node of a glTF file stands for. */
function BoneOf(node: TransformNode): Bone | null {
    for (const skeleton of node.getScene().skeletons) {
        const bone = skeleton.bones.find((one) => one.getTransformNode() === node);
        if (bone) {
            return bone;
        }
    }
    return null;
}

/** The value that a playing clip will restore. */
function OriginalOf(node: TransformNode, property: string): unknown {
    for (const animatable of node.getScene().getAllAnimatablesByTarget(node)) {
        const runtime = animatable.getRuntimeAnimationByTargetProperty(property) as unknown as {
            _originalValue?: unknown[];
        } | null;
        const original = runtime?._originalValue?.[0];
        if (original !== undefined) {
            return original;
        }
    }
    return null;
}

function AsQuaternion(value: unknown): Quaternion {
    if (value instanceof Matrix) {
        const rotation = new Quaternion();
        value.decompose(undefined, rotation);
        return rotation;
    }
    return value instanceof Quaternion ? value : (value as Vector3).toQuaternion();
}
