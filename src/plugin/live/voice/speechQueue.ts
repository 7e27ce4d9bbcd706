/** Sounds that the source itself plays, one after another on the context's clock, with the mouth of each. */
import type { ITimedWord } from "../../../runtime/voice/speechTimings.js";
import type { VisemeFrames } from "../../../runtime/voice/visemeFrames.js";
import { FlexAvatarError } from "../../../flame/error.js";

/** Between a call and its sound, so that the first sample is not late. */
const AheadS = 0.06;
/** The mouth moves this long before and behind a sound. */
const MarginS = 0.25;

/** One sound. */
interface IUtterance {
    /** The clock of its frames is that of the context. */
    readonly frames: VisemeFrames;
    readonly words: readonly ITimedWord[];
    readonly startS: number;
    readonly endS: number;
    readonly node: AudioBufferSourceNode;
    readonly stop: () => void;
    nextWord: number;
}

/** Plays utterances and knows which one is heard. */
export class SpeechQueue {
    private readonly _utterances: IUtterance[] = [];

    /**
     * Plays a sound behind those that wait.
     * @param buffer the sound
     * @param frames what was heard in it, on a clock that is 0 at its start; moved to the context's clock
     * @param words in seconds of the sound
     * @param destination where it goes
     * @param signal stops it
     * @returns settled when it was played
     * @throws FlexAvatarError `aborted` if it was stopped
     */
    public playAsync(
        buffer: AudioBuffer,
        frames: VisemeFrames,
        words: readonly ITimedWord[],
        destination: AudioNode,
        signal: AbortSignal | undefined,
    ): Promise<void> {
        const { context } = destination;
        const last = this._utterances.at(-1);
        const startS = Math.max(context.currentTime + AheadS, last?.endS ?? 0);
        frames.startS = startS;
        const node = new AudioBufferSourceNode(context, { buffer });
        node.connect(destination);
        return new Promise((resolve, reject) => {
            const stop = () => {
                signal?.removeEventListener("abort", stop);
                node.onended = null;
                node.stop();
                node.disconnect();
                this._forget(utterance);
                reject(new FlexAvatarError("aborted", "Speech was stopped.", { cause: signal?.reason }));
            };
            const utterance: IUtterance = {
                frames,
                words,
                startS,
                endS: startS + buffer.duration,
                node,
                stop,
                nextWord: 0,
            };
            node.onended = () => {
                signal?.removeEventListener("abort", stop);
                node.disconnect();
                resolve();
            };
            signal?.addEventListener("abort", stop);
            this._utterances.push(utterance);
            node.start(startS);
        });
    }

    /**
     * @param timeS second of the context that is heard
     * @param onWord told each word once it is heard
     * @returns frames of what is said then, or null
     */
    public framesAt(timeS: number, onWord: (word: ITimedWord) => void): VisemeFrames | null {
        const first = this._utterances.at(0);
        if (!first) {
            return null;
        }
        while (first.nextWord < first.words.length && first.startS + first.words[first.nextWord].timeS <= timeS) {
            onWord(first.words[first.nextWord++]);
        }
        if (timeS > first.endS && this._utterances.length > 1) {
            this._utterances.shift();
        } else if (timeS > first.endS + MarginS) {
            this._utterances.shift();
            return null;
        }
        return timeS > first.startS - MarginS ? first.frames : null;
    }

    /** Stops all; their promises are refused with `aborted`. */
    public stop(): void {
        for (const { stop } of [...this._utterances]) {
            stop();
        }
    }

    private _forget(utterance: IUtterance): void {
        const at = this._utterances.indexOf(utterance);
        if (at >= 0) {
            this._utterances.splice(at, 1);
        }
    }
}
