/**
 * Morph weights of a clip as animations of expression tracks: doubles, percentages, and morphs that mean several
 * expressions.
 */
import { Animation } from "@babylonjs/core/Animations/animation.js";
import { CommonFrames, ValueAt } from "./keySampling.js";

/** One morph of the clip and what it feeds. */
export interface IWeightChannel {
    /** The same for all animations of the same morph: heads, teeth and eyes of one character share names. */
    readonly key: string;
    /** As the clip has it. */
    readonly name: string;
    readonly animation: Animation;
    /** Weight by track. */
    readonly weights: Readonly<Record<string, number>>;
}

/** What was made of the channels. */
export interface IWeightResult {
    /** One animation per track. */
    readonly animations: ReadonlyMap<string, Animation>;
    /** What the weights were multiplied with: 1, or 0.01 for percentages. */
    readonly scale: number;
    /** Morphs that several meshes animate differently. */
    readonly doubles: readonly string[];
}

/** Above this a weight is a percentage for certain: no one overdrives a morph tenfold. */
const SurelyPercent = 10;
/** Above this it is one if most moving morphs go above 1. */
const PerhapsPercent = 3;

/**
 * @param channels in the order of the clip
 * @param scale what to multiply all weights with; undefined finds out whether they are percentages
 */
export function MergeWeights(channels: readonly IWeightChannel[], scale?: number): IWeightResult {
    const { chosen, doubles } = ChooseByMovement(channels);
    const factor = scale ?? (ArePercentages(chosen) ? 0.01 : 1);
    const parts = new Map<string, { animation: Animation; weight: number }[]>();
    for (const { animation, weights } of chosen) {
        for (const [track, weight] of Object.entries(weights)) {
            parts.set(track, [...(parts.get(track) ?? []), { animation, weight: weight * factor }]);
        }
    }
    const animations = new Map<string, Animation>();
    for (const [track, all] of parts) {
        const moving = all.filter(({ animation }) => LargestWeight(animation) > 0);
        animations.set(track, moving.length > 1 ? Sum(moving, track) : Scaled(moving[0] ?? all[0]));
    }
    return { animations, scale: factor, doubles };
}

/** Of each morph the animation that moves most, or is largest if none moves. */
function ChooseByMovement(channels: readonly IWeightChannel[]): { chosen: IWeightChannel[]; doubles: string[] } {
    const byKey = new Map<string, IWeightChannel>();
    const doubles = new Set<string>();
    for (const channel of channels) {
        const other = byKey.get(channel.key);
        if (!other) {
            byKey.set(channel.key, channel);
            continue;
        }
        if (!SameKeys(other.animation, channel.animation)) {
            doubles.add(channel.name);
        }
        const [movement, movementOfOther] = [Movement(channel.animation), Movement(other.animation)];
        const isLarger =
            movement === movementOfOther && LargestWeight(channel.animation) > LargestWeight(other.animation);
        if (movement > movementOfOther || isLarger) {
            byKey.set(channel.key, channel);
        }
    }
    return { chosen: [...byKey.values()], doubles: [...doubles] };
}

function ArePercentages(channels: readonly IWeightChannel[]): boolean {
    const largest = channels.map(({ animation }) => LargestWeight(animation)).filter((weight) => weight > 1e-3);
    const most = Math.max(0, ...largest);
    return (
        most > SurelyPercent ||
        (most > PerhapsPercent && 2 * largest.filter((weight) => weight > 1).length >= largest.length)
    );
}

function Weights(animation: Animation): number[] {
    return animation.getKeys().map(({ value }) => value as number);
}

function LargestWeight(animation: Animation): number {
    return Weights(animation).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Range of the values of an animation of numbers. */
export function Movement(animation: Animation): number {
    const [low, high] = Weights(animation).reduce(
        ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
        [Infinity, -Infinity],
    );
    return high - low;
}

function SameKeys(a: Animation, b: Animation): boolean {
    const [keys, others] = [a.getKeys(), b.getKeys()];
    return (
        keys.length === others.length &&
        keys.every(({ frame, value }, i) => frame === others[i].frame && value === others[i].value)
    );
}

/** The same curve, higher or lower. Tangents and easing stay. */
function Scaled({ animation, weight }: { animation: Animation; weight: number }): Animation {
    const result = animation.clone();
    result.setEasingFunction(animation.getEasingFunction() as Parameters<Animation["setEasingFunction"]>[0]);
    const times = (value: unknown): number | undefined => (typeof value === "number" ? value * weight : undefined);
    result.setKeys(
        animation.getKeys().map((key) => ({
            ...key,
            value: times(key.value),
            inTangent: times(key.inTangent),
            outTangent: times(key.outTangent),
        })),
    );
    return result;
}

/** The sum of several curves. */
function Sum(parts: readonly { animation: Animation; weight: number }[], track: string): Animation {
    const [{ animation: first }] = parts;
    const rate = first.framePerSecond;
    const result = new Animation(track, first.targetProperty, rate, Animation.ANIMATIONTYPE_FLOAT, first.loopMode);
    result.enableBlending = first.enableBlending;
    result.blendingSpeed = first.blendingSpeed;
    result.setKeys(
        CommonFrames(parts, rate).map((frame) => ({
            frame,
            value: parts.reduce(
                (sum, { animation, weight }) => sum + weight * (ValueAt(animation, frame, rate) as number),
                0,
            ),
        })),
    );
    return result;
}
