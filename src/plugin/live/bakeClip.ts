/** A clip of an avatar, frame by frame, as a face clip: what other engines and files get of it. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNames } from "../../flame/expression.js";
import type { FlexAvatar } from "../avatar/flexAvatar.js";
import { FaceClip } from "./faceClip.js";
import { FaceJointNames } from "./faceSource.js";

/** Settings of {@link BakeClip}. A field left undefined keeps its default. */
export interface IBakeClipSettings {
    /** Name of the clip. Default: the group's. */
    name?: string;
    /** Default 30. */
    framesPerSecond?: number;
}

/** Most frames of a clip. */
const MostFrames = 1_080_000;

/**
 * Bakes a clip: plays it in thought, without a frame drawn, and writes down what it does to the face. Tracks and joints
 * that no key changes are left out. Use a `FaceRecorder` for a whole performance, sources included.
 * @param avatar whose clip it is
 * @param group one of `avatar.clips`; it is stopped, and tracks and joints are as before
 * @returns the frames; `toGlb` and `toJson` write them
 * @throws FlexAvatarError `invalid-argument` if the group is not the avatar's, or longer than five hours
 * @example download(BakeClip(avatar, clip).toGlb(), "hello.glb");
 */
export function BakeClip(
    avatar: FlexAvatar,
    group: AnimationGroup,
    { name = group.name, framesPerSecond = 30 }: IBakeClipSettings = {},
): FaceClip {
    const rate = group.targetedAnimations[0]?.animation.framePerSecond ?? 0;
    const seconds = (group.to - group.from) / rate;
    const count = 1 + Math.round(seconds * framesPerSecond);
    if (!avatar.clips.includes(group) || !(framesPerSecond > 0) || !(count >= 1 && count <= MostFrames)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `BakeClip got "${group.name}" of ${seconds} s at ${framesPerSecond} frames a second; ` +
                `wanted a clip of "${avatar.name}" with 1 to ${MostFrames} frames.`,
        );
    }
    const undo = Remember(avatar);
    const times = Float64Array.from({ length: count }, (_, i) => (count > 1 ? (seconds * i) / (count - 1) : 0));
    const weights = new Float32Array(count * ArkitNames.length);
    const turns = new Float32Array(4 * count * FaceJointNames.length);
    const lift = new Float32Array(3 * count);
    const side = avatar.getScene().useRightHandedSystem ? 1 : -1; // of canonical x
    group.stop();
    group.start(false);
    group.pause();
    for (let i = 0; i < count; i++) {
        group.goToFrame(group.from + times[i] * rate);
        ArkitNames.forEach((track, k) => {
            weights[i * ArkitNames.length + k] = avatar.expression.getTargetByName(track)?.influence ?? 0;
        });
        FaceJointNames.forEach((joint, k) => {
            const node = avatar.clipJoints[joint];
            const { x, y, z, w } = node.rotationQuaternion ?? node.rotation.toQuaternion();
            turns.set([x, side * y, side * z, w], 4 * (i * FaceJointNames.length + k));
        });
        const { x, y, z } = avatar.clipJoints.torso.position;
        lift.set([side * x, y, z], 3 * i);
    }
    group.stop();
    undo();
    const moved = new Set<unknown>(group.targetedAnimations.map(({ target }) => target as unknown));
    return new FaceClip({
        name,
        times,
        weights,
        says: Uint8Array.from(ArkitNames, (track) => Number(moved.has(avatar.expression.getTargetByName(track)))),
        turns,
        saysTurns: Uint8Array.from(FaceJointNames, (joint) => Number(moved.has(avatar.clipJoints[joint]))),
        lift,
        unknown: [],
    });
}

/** @returns puts tracks and joints back */
function Remember({ expression, clipJoints }: FlexAvatar): () => void {
    const influences = [...expression.influences];
    const joints = Object.values(clipJoints).map((node) => ({
        node,
        turn: node.rotationQuaternion?.clone() ?? null,
        rotation: node.rotation.clone(),
        position: node.position.clone(),
    }));
    return () => {
        influences.forEach((influence, i) => (expression.getTarget(i).influence = influence));
        for (const { node, turn, rotation, position } of joints) {
            node.rotation.copyFrom(rotation);
            node.rotationQuaternion = turn;
            node.position.copyFrom(position);
        }
    };
}
