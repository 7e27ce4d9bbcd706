/**
 * Blend shapes that Azure's text-to-speech sends with its sound (`mstts:viseme` of type "FacialExpression"): stretches
 * of frames, 60 a second, of 55 numbers each.
 */
import { ArkitNames } from "../../flame/expression.js";

const FramesPerSecond = 60;
/** The 52 in Apple's order, and three angles. */
const Columns: readonly string[] = [...ArkitNames, "headRoll", "leftEyeRoll", "rightEyeRoll"];

/** One `animation` of a `visemeReceived` event. */
interface IStretch {
    /** Of its first frame, from the start of the speech. */
    readonly FrameIndex: number;
    /** [n,55] */
    readonly BlendShapes: readonly (readonly number[])[];
}

/** One frame. */
export interface IAzureFrame {
    /** Seconds from the start of the speech. */
    readonly time: number;
    readonly values: ReadonlyMap<string, number>;
}

/**
 * The frames of one stretch or of a list of them, in their order.
 * @returns null for other JSON
 */
export function ReadAzureFrames(json: object): IAzureFrame[] | null {
    const stretches: readonly unknown[] = Array.isArray(json) ? json : [json];
    if (stretches.length === 0 || !stretches.every(IsStretch)) {
        return null;
    }
    return [...stretches]
        .sort((a, b) => a.FrameIndex - b.FrameIndex)
        .flatMap(({ FrameIndex: first, BlendShapes: frames }) =>
            frames.map((frame, at) => ({
                time: (first + at) / FramesPerSecond,
                values: new Map(Columns.map((name, column) => [name, Number(frame[column])])),
            })),
        );
}

function IsStretch(value: unknown): value is IStretch {
    const { FrameIndex: first, BlendShapes: frames } = (value ?? {}) as Partial<IStretch>;
    return (
        Number.isInteger(first) &&
        Array.isArray(frames) &&
        frames.every((frame) => Array.isArray(frame) && frame.length === Columns.length)
    );
}
