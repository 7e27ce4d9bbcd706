/** Clips that follow a sound: in each frame the clip is where the sound is, so pauses, seeks and speeds need no care. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import type { Observer } from "@babylonjs/core/Misc/observable.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import { AudioTime, HasEnded, type AudioTimeline } from "./audioClock.js";

/** Settings of {@link PlayWithAudio}. A field left undefined keeps its default. */
export interface IPlayWithAudioSettings {
    /** Seconds of the sound at which the clip begins. Default 0. */
    offsetS?: number;
}

/** A clip that follows a sound. */
export interface IAudioPlayback {
    /** The clip. */
    readonly group: AnimationGroup;
    /** Seconds since the clip's beginning that are shown. */
    readonly timeS: number;
    /** Whether the clip follows: until {@link dispose}, except after the sound's end and before its beginning. */
    readonly isFollowing: boolean;
    /** Lets go: the clip stops, and the sound goes on. */
    dispose(): void;
}

/**
 * Keeps a clip within a frame of a sound. The sound is yours: play, pause, seek, change its speed. At its end the clip
 * stops; it goes on if the sound does.
 * @param group a clip bound to an avatar; it is started, and its speed does not matter
 * @param audio what plays: a media element, or a buffer with the time at which it was started
 * @param settings where the clip begins
 * @returns the playback; it ends with the group
 * @throws FlexAvatarError `invalid-argument` if the group drives nothing
 */
export function PlayWithAudio(
    group: AnimationGroup,
    audio: AudioTimeline,
    settings: IPlayWithAudioSettings = {},
): IAudioPlayback {
    const [first] = group.targetedAnimations;
    if (!first) {
        throw new FlexAvatarError("invalid-argument", `The clip "${group.name}" drives nothing.`);
    }
    return new AudioPlayback(group, first.animation.framePerSecond, audio, settings.offsetS ?? 0);
}

class AudioPlayback implements IAudioPlayback {
    public timeS = 0;
    private readonly _scene: Scene;
    private readonly _observer: Observer<Scene>;
    private _isStarted = false;

    public constructor(
        public readonly group: AnimationGroup,
        private readonly _rate: number,
        private readonly _audio: AudioTimeline,
        private readonly _offsetS: number,
    ) {
        this._scene = group.getScene();
        this._observer = this._scene.onBeforeAnimationsObservable.add(() => this._follow());
        this._follow();
    }

    public get isFollowing(): boolean {
        return this._isStarted;
    }

    public dispose(): void {
        this._scene.onBeforeAnimationsObservable.remove(this._observer);
        this._end();
    }

    private _follow(): void {
        const { group } = this;
        if (!this._scene.animationGroups.includes(group)) {
            this._scene.onBeforeAnimationsObservable.remove(this._observer); // disposed
            return;
        }
        const time = AudioTime(this._audio) - this._offsetS;
        if (HasEnded(this._audio) || time < 0) {
            this._end();
            return;
        }
        if (!this._isStarted || !group.isStarted) {
            this._isStarted = true;
            group.start(false);
            group.pause();
        }
        const frame = Math.min(group.to, group.from + time * this._rate);
        this.timeS = (frame - group.from) / this._rate;
        group.goToFrame(frame, true);
    }

    private _end(): void {
        if (this._isStarted) {
            this._isStarted = false;
            this.group.stop();
        }
    }
}
