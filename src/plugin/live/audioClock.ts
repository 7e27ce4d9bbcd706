/** Where in a sound we are, by the clock of who plays it. */

/** A buffer that an audio context plays, and when it was started. */
export interface IStartedBuffer {
    /** The node that plays. */
    readonly node: AudioBufferSourceNode;
    /** What was passed to `node.start` as `when`, or `context.currentTime` at the call; seconds of the context. */
    readonly startedAtS: number;
    /** What was passed to it as `offset`, default 0. */
    readonly offsetS?: number;
}

/** Anything that knows where a sound is. */
export interface ISoundClock {
    /** Seconds of the sound. */
    readonly currentTime: number;
    /** Whether it is over. */
    readonly ended?: boolean;
}

/** What has a place in time: a media element, a buffer that was started, or anything with a `currentTime` in seconds. */
export type AudioTimeline = HTMLMediaElement | IStartedBuffer | ISoundClock;

/**
 * Seconds of the sound that are heard now; it stands while the sound does. Allocates nothing.
 * @param audio what plays; for a started buffer the way to the loudspeaker is taken into account
 */
export function AudioTime(audio: AudioTimeline): number {
    if (!("node" in audio)) {
        return audio.currentTime;
    }
    const { node, startedAtS, offsetS = 0 } = audio;
    const context = node.context as AudioContext;
    const heard = Math.max(0, context.currentTime - (context.outputLatency || 0) - startedAtS);
    const time = offsetS + heard * node.playbackRate.value;
    if (!node.loop || !node.buffer) {
        return time;
    }
    const end = node.loopEnd > node.loopStart ? node.loopEnd : node.buffer.duration;
    const length = end - node.loopStart;
    return time < end || !(length > 0) ? time : node.loopStart + ((time - node.loopStart) % length);
}

/** Whether the sound has come to its end. */
export function HasEnded(audio: AudioTimeline): boolean {
    if (!("node" in audio)) {
        return audio.ended ?? false;
    }
    const { node } = audio;
    return !node.loop && node.buffer !== null && AudioTime(audio) >= node.buffer.duration;
}
