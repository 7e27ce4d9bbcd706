/** What was heard, one frame every 10 ms: shares of the 15 visemes and loudness. A ring where sound goes on. */
import { HopS, WindowS } from "./melFrames.js";

/** Classes of the voice network in its order: silence, and the rest as Oculus Lipsync names them. */
export const VoiceVisemes = [
    "sil",
    "PP",
    "FF",
    "TH",
    "DD",
    "kk",
    "CH",
    "SS",
    "nn",
    "RR",
    "aa",
    "E",
    "I",
    "O",
    "U",
] as const;

/** A viseme of speech: `sil` is silence, the rest as Oculus Lipsync names them. */
export type VoiceViseme = (typeof VoiceVisemes)[number];

/** Numbers of one frame: the shares in the order of {@link VoiceVisemes}, then loudness 0..1. */
export const FrameFloats = VoiceVisemes.length + 1;

/** Frames with their times. Written by whoever hears, read by the mouth. */
export class VisemeFrames {
    /** [capacity, FrameFloats] frame i is at i modulo capacity. */
    public readonly data: Float32Array;
    /** Frames written so far. */
    public count = 0;
    /** Second of the sound's clock at which frame 0 begins. */
    public startS = 0;
    /** Frames that {@link data} holds. */
    public readonly capacity: number;

    /**
     * @param capacity frames to hold
     * @param data memory of others to use, [capacity · FrameFloats]
     */
    public constructor(capacity: number, data: Float32Array = new Float32Array(capacity * FrameFloats)) {
        this.capacity = capacity;
        this.data = data;
    }

    /** Adds a frame. */
    public push(shares: ArrayLike<number>, loudness: number): void {
        const at = (this.count % this.capacity) * FrameFloats;
        for (let index = 0; index < FrameFloats - 1; index++) {
            this.data[at + index] = shares[index];
        }
        this.data[at + FrameFloats - 1] = loudness;
        this.count++;
    }

    /** @returns seconds of the sound's clock in the middle of a frame */
    public timeOf(frame: number): number {
        return this.startS + frame * HopS + WindowS / 2;
    }

    /** @returns the frame whose middle is at a second of the sound's clock, with its fraction */
    public frameAt(timeS: number): number {
        return (timeS - this.startS - WindowS / 2) / HopS;
    }

    /** Earliest frame that is still there. */
    public get first(): number {
        return Math.max(0, this.count - this.capacity);
    }
}
