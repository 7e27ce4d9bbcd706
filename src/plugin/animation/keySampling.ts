/** Reading several Babylon animations at common times, exactly where they are linear and finely where they are not. */
import type { Animation } from "@babylonjs/core/Animations/animation.js";
import { AnimationKeyInterpolation, type IAnimationKey } from "@babylonjs/core/Animations/animationKey.js";

/** Samples per second inside a segment that is not linear. */
const SamplesPerSecond = 60;
/** No segment gets more. */
const MaxSamplesPerSegment = 240;
/** How long before a step its old value is read, in segments. */
const JustBefore = 1e-3;

/** An animation that may run at another rate than the one that is made. */
export interface ISampled {
    readonly animation: Animation;
    /**
     * Whether values between two keys must be sampled even if they are linear, as angles are when a quaternion is
     * wanted.
     */
    readonly bends?: boolean;
}

/**
 * @param sources what shall be read together
 * @param framePerSecond rate of the result; the frames of each source are converted
 * @returns frames at which a piecewise linear animation has the values of all sources, ascending
 */
export function CommonFrames(sources: readonly ISampled[], framePerSecond: number): number[] {
    const frames = new Set<number>();
    for (const { animation, bends } of sources) {
        const scale = framePerSecond / animation.framePerSecond;
        const keys = animation.getKeys();
        const eased = !!animation.getEasingFunction();
        keys.forEach((key, index) => {
            frames.add(key.frame * scale);
            const next = keys[index + 1] as IAnimationKey | undefined;
            if (!next) {
                return;
            }
            const length = next.frame - key.frame;
            if (key.interpolation === AnimationKeyInterpolation.STEP) {
                frames.add((next.frame - JustBefore * length) * scale);
            } else if (
                bends ||
                eased ||
                key.easingFunction ||
                (key.outTangent !== undefined && next.inTangent !== undefined)
            ) {
                const count = Math.min(
                    MaxSamplesPerSegment,
                    Math.ceil((SamplesPerSecond * length) / animation.framePerSecond),
                );
                for (let sample = 1; sample < count; sample++) {
                    frames.add((key.frame + (length * sample) / count) * scale);
                }
            }
        });
    }
    return [...frames].sort((a, b) => a - b);
}

/**
 * @param animation what to read
 * @param frame time at `framePerSecond`
 * @returns its value, held before the first key and behind the last
 */
export function ValueAt(animation: Animation, frame: number, framePerSecond: number): unknown {
    const keys = animation.getKeys();
    const own = (frame * animation.framePerSecond) / framePerSecond;
    return animation.evaluate(Math.min(keys[keys.length - 1].frame, Math.max(keys[0].frame, own)));
}
