/**
 * Moves of face and head, as AnimationGroups: a clip from a file, and short ones made of keys. One plays at a time, in
 * a loop.
 */
import { Animation } from "@babylonjs/core/Animations/animation";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { EasingFunction, SineEase } from "@babylonjs/core/Animations/easing";
import type { FlexAvatar } from "babylon-flexavatar";

/** Values at times in seconds, by track name or by joint and axis. */
type Keys = Record<string, readonly (readonly [number, number])[]>;

const FramesPerSecond = 60;
const blink = (...times: number[]): (readonly [number, number])[] => [
    [0, 0],
    ...times.flatMap((t) => [[t, 0] as const, [t + 0.1, 1] as const, [t + 0.16, 1] as const, [t + 0.32, 0] as const]),
];
/** Comes, stays and goes. */
const hold = (value: number, from = 0.3, to = 2.2): (readonly [number, number])[] => [
    [0, 0],
    [from, 0],
    [from + 0.45, value],
    [to, value],
    [to + 0.6, 0],
];
const both = (name: string, keys: Keys[string]): Keys => ({ [`${name}Left`]: keys, [`${name}Right`]: keys });

const Made: Record<string, { seconds: number; keys: Keys }> = {
    Blink: { seconds: 2.4, keys: both("eyeBlink", blink(0.6)) },
    Smile: {
        seconds: 3.4,
        keys: { ...both("mouthSmile", hold(0.95)), ...both("cheekSquint", hold(0.6)), ...both("eyeBlink", blink(2.7)) },
    },
    Surprise: {
        seconds: 3.4,
        keys: {
            browInnerUp: hold(1),
            ...both("browOuterUp", hold(0.9)),
            ...both("eyeWide", hold(0.8)),
            jawOpen: hold(0.45),
        },
    },
    Wink: {
        seconds: 3,
        keys: {
            eyeBlinkLeft: hold(1, 0.5, 1.2),
            cheekSquintLeft: hold(0.8, 0.5, 1.2),
            mouthSmileLeft: hold(0.7, 0.3, 1.6),
        },
    },
    Kiss: { seconds: 3, keys: { mouthPucker: hold(1), ...both("eyeBlink", hold(0.45)) } },
    // prettier-ignore
    Nod: { seconds: 2.6, keys: { "neck.x": [[0, 0], [0.4, 0.24], [0.8, -0.05], [1.2, 0.22], [1.7, 0], [2.6, 0]] } },
    "Look around": {
        seconds: 6,
        keys: {
            "neck.y": [[0, 0], [1.2, 0.65], [2.2, 0.65], [3.8, -0.65], [4.8, -0.65], [6, 0]], // prettier-ignore
            ...both("eyeBlink", blink(0.5, 2.8, 5)),
        },
    },
};

/** Names of all moves, in the order of their buttons. "Talk" is the clip. */
export const MoveNames: readonly string[] = ["Talk", ...Object.keys(Made)];

/** A move, not playing. Whoever gets it disposes it. */
export function CreateMove(name: string, avatar: FlexAvatar, talk: AnimationGroup): AnimationGroup {
    if (name === "Talk") {
        return avatar.bindAnimationGroup(talk);
    }
    const { seconds, keys } = Made[name];
    const group = new AnimationGroup(name, avatar.getScene());
    const easing = new SineEase();
    easing.setEasingMode(EasingFunction.EASINGMODE_EASEINOUT);
    for (const [path, values] of Object.entries(keys)) {
        const axis = /^neck\.(.)$/.exec(path)?.[1];
        const animation = new Animation(
            path,
            axis ? `rotation.${axis}` : "influence",
            FramesPerSecond,
            Animation.ANIMATIONTYPE_FLOAT,
        );
        const ends = values[values.length - 1][0] < seconds ? [...values, [seconds, 0] as const] : values;
        animation.setKeys(
            ends.map(([time, value]) => ({ frame: time * FramesPerSecond, value, easingFunction: easing })),
        );
        group.addTargetedAnimation(animation, axis ? avatar.neck : avatar.expression.getTrack(path));
    }
    group.normalize(0, seconds * FramesPerSecond);
    return group;
}
