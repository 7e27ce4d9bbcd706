/** What page and worklet say to each other. */
import type { IVisemeWeights } from "../visemeNetwork.js";

/** Name under which the worklet registers its processor. */
export const ProcessorName = "flexAvatarVoice";

/** `processorOptions` of the node. */
export interface IVoiceProcessorOptions {
    readonly weights: IVisemeWeights;
    /** Frames to wait for before one is judged. */
    readonly ahead: number;
    /** Frames of the ring. */
    readonly capacity: number;
    /**
     * Memory shared with the page, where it is isolated: head, then ring, see {@link SharedBytes}. Undefined: each frame
     * is sent as {@link IVoiceFrameMessage}.
     */
    readonly memory?: SharedArrayBuffer;
}

/** A frame that was judged. */
export interface IVoiceFrameMessage {
    readonly count: number;
    /** Second of the context's clock at which frame 0 begins. */
    readonly startS: number;
    /** [FrameFloats] */
    readonly frame: Float32Array;
    /** Loudness of the sound, dB of full scale. */
    readonly db: number;
}

/** Numbers in the head of shared memory, all float64: frames so far, start in seconds, loudness in dB. */
export const HeadNumbers = 3;

/** Bytes of shared memory for a ring. */
export function SharedBytes(capacity: number, frameFloats: number): number {
    return HeadNumbers * 8 + capacity * frameFloats * 4;
}
