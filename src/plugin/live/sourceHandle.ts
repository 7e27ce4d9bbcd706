/** A source's place on an avatar: how strongly it counts, and its way in and out. */
import { FlexAvatarError } from "../../flame/error.js";
import { SharesOfMask, type FaceMask, type IMaskShares } from "./faceMask.js";
import { CreateFaceFrame, type IFaceFrame, type IFaceSource } from "./faceSource.js";

/** Settings of {@link FlexAvatar.addSource}. A field left undefined keeps its default. */
export interface ISourceSettings {
    /** How strongly the source counts, 0..1, default 1. */
    weight?: number;
    /** What it may move. Default: all that it says something about. */
    mask?: FaceMask;
    /** Sources of larger priority are mixed in later and win over earlier ones. Default 0; among equals the last added. */
    priority?: number;
    /**
     * Whether the source is added on top of the others instead of taking their place. Additive sources come after all
     * others. Default: what the source is made for; {@link LifeSource} is additive, others are not.
     */
    additive?: boolean;
    /** Seconds in which the source comes and goes where it begins or ends to say something. Default 0.2. */
    fadeS?: number;
}

/** What {@link FlexAvatar.addSource} returns. */
export interface ISourceHandle {
    /** What was added. */
    readonly source: IFaceSource;
    /** How strongly the source counts now, 0..1. Setting it ends a fade. */
    weight: number;
    /** Larger ones are mixed in later. */
    readonly priority: number;
    /** Whether it is added on top of the others. */
    readonly isAdditive: boolean;
    /** What to pass to `addSource` to have another source in this one's place. */
    readonly settings: Readonly<ISourceSettings>;
    /** Whether the source is on the avatar and asked in each frame: neither removed nor stopped. */
    readonly isActive: boolean;
    /** Whether it had something to say in the last frame. */
    readonly isSpeaking: boolean;
    /**
     * Milliseconds from the moment the last sound, picture or packet was taken to the moment it was mixed into the face;
     * NaN for sources without such.
     */
    readonly latencyMs: number;
    /**
     * When that sound, picture or packet was taken, in milliseconds of `performance.now()`: what has passed since then
     * when a frame is drawn is its whole latency. NaN for sources without such.
     */
    readonly sampledAtMs: number;
    /**
     * Takes the weight to another one, in the time of the scene's animations, evenly. Wakes a stopped source.
     * @param weight 0..1
     * @param seconds 0 is at once
     * @throws FlexAvatarError `invalid-argument`
     */
    fadeTo(weight: number, seconds: number): void;
    /**
     * Fades the source out and lets it rest; `fadeTo` wakes it.
     * @param seconds default 0.3
     */
    stop(seconds?: number): void;
    /** Takes the source off the avatar at once. It is not disposed: it is yours. */
    remove(): void;
}

/** The handle and what the mixer needs of it. */
export class MixedSource implements ISourceHandle {
    public readonly priority: number;
    public readonly isAdditive: boolean;
    public readonly shares: IMaskShares;
    public readonly frame: IFaceFrame = CreateFaceFrame();
    public isSpeaking = false;
    public latencyMs = NaN;
    public sampledAtMs = NaN;
    /** Set once it has failed: it is not asked any more. */
    public hasFailed = false;
    private readonly _fadeS: number;
    private _weight: number;
    private _target: number;
    /** Of the weight, per second. */
    private _speed = 0;
    private _isStopping = false;
    private _isRemoved = false;
    /** How far what it says has come, 0..1. */
    private _presence = 0;

    /** @throws FlexAvatarError `invalid-argument` */
    public constructor(
        public readonly source: IFaceSource,
        private readonly _settings: ISourceSettings,
        private readonly _onRemove: (mixed: MixedSource) => void,
    ) {
        const { weight = 1, mask, priority = 0, additive, fadeS = 0.2 } = _settings;
        Check("weight", weight, 1);
        Check("fadeS", fadeS, 60);
        if (!Number.isFinite(priority)) {
            throw new FlexAvatarError("invalid-argument", `priority is ${String(priority)}, wanted a number.`);
        }
        this._weight = this._target = weight;
        this.priority = priority;
        this.isAdditive = additive ?? source.isAdditive ?? false;
        this.shares = SharesOfMask(mask);
        this._fadeS = fadeS;
    }

    public get weight(): number {
        return this._weight;
    }

    public set weight(value: number) {
        this.fadeTo(value, 0);
    }

    public get isActive(): boolean {
        return !this._isRemoved && !this.hasFailed && !(this._isStopping && this._weight === 0);
    }

    public get settings(): Readonly<ISourceSettings> {
        return { ...this._settings, weight: this._target, additive: this.isAdditive };
    }

    /** By what the mixer multiplies all that it says: 0..1. */
    public get influence(): number {
        return this._weight * this._presence;
    }

    public fadeTo(weight: number, seconds: number): void {
        Check("weight", weight, 1);
        Check("seconds", seconds, Infinity);
        this._isStopping = false;
        this._target = weight;
        this._speed = seconds > 0 ? Math.abs(weight - this._weight) / seconds : 0;
        if (seconds === 0) {
            this._weight = weight;
        }
    }

    public stop(seconds = 0.3): void {
        this.fadeTo(0, seconds);
        this._isStopping = true;
    }

    public remove(): void {
        if (!this._isRemoved) {
            this._isRemoved = true;
            this._onRemove(this);
        }
    }

    /** Goes on by the seconds of a frame. Allocates nothing. */
    public advance(deltaS: number): void {
        this._weight = Approach(this._weight, this._target, this._speed * deltaS);
        const presence = this.isSpeaking ? 1 : 0;
        this._presence = this._fadeS > 0 ? Approach(this._presence, presence, deltaS / this._fadeS) : presence;
    }
}

/** `value`, moved towards `target` by at most `step`. */
function Approach(value: number, target: number, step: number): number {
    return value < target ? Math.min(target, value + step) : Math.max(target, value - step);
}

function Check(name: string, value: number, most: number): void {
    if (!(value >= 0 && value <= most && !Number.isNaN(value))) {
        throw new FlexAvatarError(
            "invalid-argument",
            `${name} is ${String(value)}, wanted ${most === Infinity ? "0 or more" : `0 to ${most}`}.`,
        );
    }
}
