/** A face clip as an AnimationGroup: tracks and clip joints of one avatar with a key per frame. */
import "@babylonjs/core/Animations/animatable.js"; // without it nothing plays
import { Animation } from "@babylonjs/core/Animations/animation.js";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import type { IAnimationKey } from "@babylonjs/core/Animations/animationKey.js";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNames } from "../../flame/expression.js";
import type { IAnimationTargets } from "../animation/bindAnimationGroup.js";
import type { IFaceClipData } from "./faceClipData.js";
import { FaceJointNames } from "./faceSource.js";

/** Frames per second that keys are counted in; keys lie where the clip has them, also between frames. */
const FrameRate = 60;

/**
 * @param data the clip
 * @param targets the avatar's tracks and clip joints
 * @param scene where the group is to be
 * @param name of the group
 * @throws FlexAvatarError `clip-empty` if the head has nothing that the clip moves
 */
export function FaceAnimationGroup(
    data: IFaceClipData,
    targets: IAnimationTargets,
    scene: Scene,
    name: string,
): AnimationGroup {
    const { times, weights, says, turns, saysTurns, lift } = data;
    const group = new AnimationGroup(name, scene);
    const side = scene.useRightHandedSystem ? 1 : -1;
    const keysOf = <T>(valueAt: (at: number) => T, isSame: (a: T, b: T) => boolean): IAnimationKey[] => {
        const all = Array.from(times, (time, at) => ({ frame: (time - times[0]) * FrameRate, value: valueAt(at) }));
        // Of values that stay the first and the last are enough.
        return all.filter(
            ({ value }, at) =>
                at === 0 ||
                at === all.length - 1 ||
                !isSame(value, all[at - 1].value) ||
                !isSame(value, all[at + 1].value),
        );
    };
    const add = (target: unknown, property: string, type: number, keys: IAnimationKey[]): void => {
        const animation = new Animation(`${name} ${property}`, property, FrameRate, type);
        animation.setKeys(keys);
        group.addTargetedAnimation(animation, target);
    };
    ArkitNames.forEach((arkitName, index) => {
        const track = says[index] > 0 ? targets.expression.getTargetByName(arkitName) : null;
        if (track) {
            const keys = keysOf(
                (at) => weights[at * ArkitNames.length + index],
                (a, b) => a === b,
            );
            add(track, "influence", Animation.ANIMATIONTYPE_FLOAT, keys);
        }
    });
    FaceJointNames.forEach((joint, index) => {
        const node = targets.joints[joint];
        if (saysTurns[index] === 0 || !node) {
            return;
        }
        let before: Quaternion | null = null;
        const turnAt = (at: number): Quaternion => {
            const from = 4 * (at * FaceJointNames.length + index);
            const turn = new Quaternion(turns[from], side * turns[from + 1], side * turns[from + 2], turns[from + 3]);
            if (before && Quaternion.Dot(before, turn) < 0) {
                turn.scaleInPlace(-1);
            }
            before = turn;
            return turn;
        };
        add(
            node,
            "rotationQuaternion",
            Animation.ANIMATIONTYPE_QUATERNION,
            keysOf(turnAt, (a, b) => a.equals(b)),
        );
        if (joint === "torso" && lift.some((meters) => meters !== 0)) {
            const liftAt = (at: number): Vector3 =>
                new Vector3(side * lift[3 * at], lift[3 * at + 1], lift[3 * at + 2]);
            add(
                node,
                "position",
                Animation.ANIMATIONTYPE_VECTOR3,
                keysOf(liftAt, (a, b) => a.equals(b)),
            );
        }
    });
    if (group.targetedAnimations.length === 0) {
        group.dispose();
        throw new FlexAvatarError("clip-empty", `"${targets.name}" has nothing that the clip "${data.name}" moves.`);
    }
    group.normalize(0, (times[times.length - 1] - times[0]) * FrameRate);
    return group;
}
