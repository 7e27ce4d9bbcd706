/**
 * Turns a clip made for a mesh character into one for an avatar: a new AnimationGroup with the same timing whose targets are the avatar's
 * expression tracks and joint nodes. The source group is not touched.
 */
import "@babylonjs/core/Animations/animatable.js"; // without it nothing plays
import { Animation } from "@babylonjs/core/Animations/animation.js";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { ExpressionTracks } from "../expressionTracks.js";
import { FindJoint, type JointName } from "./jointNames.js";
import { ConvertRotationChannels, type IRotationChannel } from "./rotationChannels.js";

/** Settings of `FlexAvatar.bindAnimationGroup`. A field left undefined keeps its default. */
export interface IBindAnimationSettings {
    /** Name of the new group. Default: the source's name followed by the avatar's. */
    name?: string;
    /** Maps a name in the clip to an expression or joint (`neck`, `jaw`, `leftEye`, `rightEye`) of the avatar; null drops it. Wins over the built-in table. */
    aliases?: Readonly<Record<string, string | null>>;
    /** Called once for each morph target name that no track answers to. Default: a notice of the component. */
    onMissing?: (name: string) => void;
}

/** What a clip can drive. */
export interface IAnimationTargets {
    readonly name: string;
    readonly expression: ExpressionTracks;
    readonly joints: Readonly<Record<JointName, TransformNode>>;
}

/**
 * Maps morph weights by name and rotations of nodes called head, neck, jaw or eye (in their usual spellings) to the joints.
 * A track that several primitives share is taken once. Several nodes that turn the same joint (neck and head) are multiplied, parent first.
 * @param source clip of any mesh, for example from a glTF file; stays as it is
 * @param targets what the new group drives
 * @param scene scene of the new group
 * @param settings names and callbacks
 * @returns the new group, owned by the caller
 * @throws FlexAvatarError `clip-empty` if nothing of the clip fits
 */
export function BindAnimationGroup(
    source: AnimationGroup,
    targets: IAnimationTargets,
    scene: Scene,
    settings: IBindAnimationSettings = {},
): AnimationGroup {
    const morphs = new Map<string, Animation>();
    const rotations = new Map<JointName, IRotationChannel[]>();
    const missing = new Set<string>();
    for (const { animation, target } of source.targetedAnimations) {
        const name: string = target?.name ?? "";
        const alias = settings.aliases?.[name];
        if (alias === null) {
            continue;
        }
        if (animation.targetProperty === "influence") {
            const track = targets.expression.getTargetByName(alias ?? name);
            if (!track) {
                missing.add(name);
            } else if (!morphs.has(track.name)) {
                morphs.set(track.name, animation);
            }
        } else if (animation.targetProperty === "rotationQuaternion" || animation.targetProperty === "rotation") {
            const joint = FindJoint(alias ?? name);
            if (joint) {
                const channels = rotations.get(joint) ?? [];
                // The same node may be animated once per primitive as well.
                if (!channels.some((channel) => channel.node === target)) {
                    channels.push({ animation, node: target as TransformNode });
                }
                rotations.set(joint, channels);
            }
        }
    }
    for (const name of missing) {
        settings.onMissing?.(name);
    }
    if (morphs.size === 0 && rotations.size === 0) {
        throw new FlexAvatarError(
            "clip-empty",
            `The clip "${source.name}" has ${source.targetedAnimations.length} tracks and none fits the avatar "${targets.name}"` +
                (missing.size > 0 ? `; unknown names: ${[...missing].slice(0, 5).join(", ")}.` : "."),
        );
    }

    const group = new AnimationGroup(settings.name ?? `${source.name} ${targets.name}`, scene, source.weight, source.playOrder);
    for (const [name, animation] of morphs) {
        group.addTargetedAnimation(animation.clone(), targets.expression.getTrack(name));
    }
    for (const [joint, channels] of rotations) {
        const node = targets.joints[joint];
        node.rotationQuaternion ??= node.rotation.toQuaternion();
        group.addTargetedAnimation(ConvertRotationChannels(channels, `${group.name} ${joint}`, scene.useRightHandedSystem), node);
    }
    group.normalize(source.from, source.to);
    group.speedRatio = source.speedRatio;
    group.loopAnimation = source.loopAnimation;
    group.isAdditive = source.isAdditive;
    if (source.enableBlending !== null) {
        group.enableBlending = source.enableBlending;
    }
    if (source.blendingSpeed !== null) {
        group.blendingSpeed = source.blendingSpeed;
    }
    return group;
}
