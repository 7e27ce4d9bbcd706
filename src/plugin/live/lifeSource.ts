/**
 * What a face does while it does nothing: it blinks, looks about a little, breathes, sways, and has a mood. All of it is
 * small and added on top. By a seed it repeats, at any frame rate.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNameOf, ArkitNames } from "../../flame/expression.js";
import { VrmExpressions, type WeightedExpressions } from "../animation/expressionTables.js";
import { QuaternionOfAngles } from "./columnValues.js";
import {
    JointIndex,
    WeightIndex,
    type IFaceFrame,
    type IFaceHost,
    type IFaceSource,
    type ISavedSource,
} from "./faceSource.js";
import { Gaze } from "./gaze.js";
import { Hash, SmoothNoise, SmoothStep } from "./noise.js";

/** A mood by its name, or as weights of expressions. */
export type Mood = "neutral" | "happy" | "sad" | "angry" | "relaxed" | "surprised" | WeightedExpressions;

/** Settings of a {@link LifeSource}. A field left undefined keeps its default. */
export interface ILifeSettings {
    /** Whole number; the same one makes the same life. Default: another one each time. */
    seed?: number;
    /** Blinks a minute, 0 to 60; false is none. Default 15. Large shifts of the gaze bring blinks of their own. */
    blink?: number | false;
    /** How far the gaze wanders, in degrees, 0 to 15; false is not at all. Default 2.5. */
    saccades?: number | false;
    /** Breaths a minute, 0 to 40; false is none. Default 14. It lifts the torso by some millimeters. */
    breathing?: number | false;
    /** How far the head sways, in degrees, 0 to 10; false is not at all. Default 1. */
    sway?: number | false;
    /** Default "neutral". */
    mood?: Mood;
}

/** Meters that a breath lifts the torso by, and radians that it bends it back. Ours. */
const [BreathLift, BreathBend] = [0.0025, 0.008];
/** Seconds in which lids close, stay closed, and open: those of people, who open more slowly. */
const [CloseS, ClosedS, OpenS] = [0.075, 0.03, 0.17];
const BlinkS = CloseS + ClosedS + OpenS;
/** Seconds from one blink to the next at least, twin blinks apart. */
const ShortestGapS = 0.6;
const TwinShare = 0.12;
const TwinGapS = 0.32;
/** Radians within a short time that are a shift of the gaze with a blink, and how often. */
const ShiftRadians = 0.22;
const ShiftShare = 0.6;
const SeenS = 0.08;
/** Seconds that the eyes take from one place to the next. */
const SaccadeS = 0.045;
/** How strong a mood by name is, how fast it comes, how much it comes and goes. Ours. */
const MoodStrength = 0.3;
const MoodS = 1.5;
const MoodWave = 0.25;
/** Curves of noise: the head's drift and tremble about three axes, breath, brows, mood; how often they change a second. */
const NoiseRates = [0.35, 0.35, 0.35, 1.1, 1.1, 1.1, 0.1, 0.5, 0.2];
const [Drift, Tremble, BreathNoise, BrowNoise, MoodNoise] = [0, 3, 6, 7, 8];
/** Of the sway: yaw, pitch, roll. */
const SwayShares = [1, 0.7, 0.6];
/** Channels of chance. */
const [BlinkChance, GazeChance, ShiftChance] = [16, 32, 48];
const Radians = Math.PI / 180;

const [Neck, Torso] = [JointIndex("neck"), JointIndex("torso")];
const Blinks = [WeightIndex("eyeBlinkLeft"), WeightIndex("eyeBlinkRight")];
const Squints = [WeightIndex("eyeSquintLeft"), WeightIndex("eyeSquintRight")];
const Brows = [WeightIndex("browInnerUp"), WeightIndex("browOuterUpLeft"), WeightIndex("browOuterUpRight")];

const Limits = { blink: 60, saccades: 15, breathing: 40, sway: 10 } as const;
const Defaults = { blink: 15, saccades: 2.5, breathing: 14, sway: 1 } as const;
let Made = 0;

/**
 * Idle life of one avatar.
 * @example avatar.addSource(new LifeSource({ seed: 7, mood: "happy" }));
 */
export class LifeSource implements IFaceSource {
    public readonly name = "life";
    /** It is added on top of what others say. */
    public readonly isAdditive = true;
    /** The seed in use. */
    public readonly seed: number;
    /** Blinks a minute. */
    public readonly blink: number;
    /** Degrees that the gaze wanders. */
    public readonly saccades: number;
    /** Breaths a minute. */
    public readonly breathing: number;
    /** Degrees that the head sways. */
    public readonly sway: number;
    private _mood: Mood = "neutral";
    private readonly _moodTarget = new Float32Array(ArkitNames.length);
    private readonly _moodNow = new Float32Array(ArkitNames.length);
    private _host: IFaceHost | null = null;
    private _gaze: Gaze | null = null;
    private readonly _noise: SmoothNoise;
    /** Scratch: yaw, pitch, roll. */
    private readonly _angles = new Float64Array(3);
    private _timeS = 0;
    /** Beginning of the blink under way or to come. */
    private _blinkAtS = 0;
    private _blinkCount = 0;
    private _isTwin = false;
    /** The look under way: from where, to where, since when, until when. */
    private readonly _look = { fromYaw: 0, fromPitch: 0, yaw: 0, pitch: 0, sinceS: 0, untilS: 0, count: 0 };
    private readonly _seen = { yaw: 0, pitch: 0, count: 0 };

    /** @throws FlexAvatarError `invalid-argument` */
    public constructor(settings: ILifeSettings = {}) {
        const { seed = Math.floor(2147483647 * Hash(Date.now(), 0, ++Made)) } = settings;
        if (!Number.isInteger(seed)) {
            throw new FlexAvatarError("invalid-argument", `seed is ${String(seed)}, wanted a whole number.`);
        }
        this.seed = seed;
        this._noise = new SmoothNoise(seed, NoiseRates);
        this.blink = Setting("blink", settings.blink);
        this.saccades = Setting("saccades", settings.saccades);
        this.breathing = Setting("breathing", settings.breathing);
        this.sway = Setting("sway", settings.sway);
        this._blinkAtS = this._gapS();
        this.mood = settings.mood ?? "neutral";
    }

    /** The mood; another one comes within some seconds. */
    public get mood(): Mood {
        return this._mood;
    }

    public set mood(mood: Mood) {
        const isNamed = typeof mood === "string";
        const weights = isNamed && Object.hasOwn(VrmExpressions, mood) ? VrmExpressions[mood] : mood;
        if (typeof weights === "string") {
            throw new FlexAvatarError("invalid-argument", `There is no mood "${weights}".`, {
                advice: "Use neutral, happy, sad, angry, relaxed, surprised, or weights of ARKit's expressions.",
            });
        }
        const target = new Float32Array(ArkitNames.length);
        for (const [name, weight] of Object.entries(weights)) {
            const arkit = ArkitNameOf(name);
            if (!arkit || !(weight >= 0 && weight <= 1)) {
                throw new FlexAvatarError("invalid-argument", `A mood cannot have "${name}" of ${String(weight)}.`);
            }
            target[WeightIndex(arkit)] = isNamed ? MoodStrength * weight : weight;
        }
        this._mood = mood;
        this._moodTarget.set(target);
    }

    /** Blinks now. */
    public blinkNow(): void {
        if (!this._isBlinking()) {
            this._blinkAtS = this._timeS;
        }
    }

    /**
     * See {@link IFaceSource}.
     * @throws FlexAvatarError `invalid-argument` if it is on another avatar: each needs a life of its own
     */
    public attach(host: IFaceHost): void {
        if (this._host) {
            throw new FlexAvatarError("invalid-argument", "A LifeSource serves one avatar. Make another one.");
        }
        this._host = host;
        this._gaze = new Gaze(host.head);
    }

    /** See {@link IFaceSource}. */
    public detach(): void {
        this._host = null;
        this._gaze = null;
    }

    /** See {@link IFaceSource}. */
    public save(): ISavedSource {
        const { seed, blink, saccades, breathing, sway, mood } = this;
        return { kind: "life", settings: { seed, blink, saccades, breathing, sway, mood } };
    }

    /** See {@link IFaceSource}. */
    public readFrame(frame: IFaceFrame, _timeS: number, deltaS: number): boolean {
        this._timeS += deltaS;
        this._noise.read(this._timeS);
        this._writeMood(frame, deltaS);
        this._writeBlink(frame);
        this._writeBody(frame);
        this._writeGaze(frame, deltaS);
        return true;
    }

    private _writeMood(frame: IFaceFrame, deltaS: number): void {
        const share = 1 - Math.exp(-deltaS / MoodS);
        const wave = 1 + MoodWave * this._noise.values[MoodNoise];
        for (let index = 0; index < this._moodNow.length; index++) {
            this._moodNow[index] += share * (this._moodTarget[index] - this._moodNow[index]);
            frame.weights[index] = Math.min(1, wave * this._moodNow[index]);
            frame.says[index] = this._moodNow[index] > 1e-4 ? 1 : 0;
        }
    }

    private _writeBlink(frame: IFaceFrame): void {
        if (this.blink === 0 && !this._isBlinking()) {
            return;
        }
        while (this._timeS >= this._blinkAtS + BlinkS) {
            const isTwin = !this._isTwin && Hash(this.seed, BlinkChance + 1, this._blinkCount) < TwinShare;
            this._isTwin = isTwin;
            this._blinkCount++;
            this._blinkAtS += isTwin ? TwinGapS : BlinkS + this._gapS();
        }
        const since = this._timeS - this._blinkAtS;
        const closed =
            since < 0
                ? 0
                : since < CloseS + ClosedS
                  ? SmoothStep(since / CloseS)
                  : 1 - SmoothStep((since - CloseS - ClosedS) / OpenS);
        if (closed > 0) {
            for (let eye = 0; eye < 2; eye++) {
                frame.weights[Blinks[eye]] = closed;
                frame.says[Blinks[eye]] = 1;
                frame.weights[Squints[eye]] += 0.15 * closed;
                frame.says[Squints[eye]] = 1;
            }
        }
    }

    private _writeBody(frame: IFaceFrame): void {
        const { sway, breathing, _timeS: time, _angles: angles } = this;
        const noise = this._noise.values;
        const phase = (time * breathing) / 60 + 0.12 * noise[BreathNoise];
        const breath = breathing > 0 ? BreathOf(phase - Math.floor(phase)) : 0;
        for (let axis = 0; axis < 3; axis++) {
            // A slow drift with a faster tremble on it.
            const turn = 0.8 * noise[Drift + axis] + 0.2 * noise[Tremble + axis];
            angles[axis] = sway * Radians * SwayShares[axis] * turn;
        }
        angles[1] += 0.5 * BreathBend * breath;
        QuaternionOfAngles(angles, 0, frame.turns, 4 * Neck);
        angles.fill(0);
        angles[1] = -BreathBend * breath;
        QuaternionOfAngles(angles, 0, frame.turns, 4 * Torso);
        frame.lift[1] = BreathLift * breath;
        frame.saysTurns[Neck] = 1;
        frame.saysTurns[Torso] = 1;
        const lift = 0.03 * Math.min(1, sway) * Math.max(0, noise[BrowNoise]);
        for (let brow = 0; brow < Brows.length; brow++) {
            frame.weights[Brows[brow]] += lift;
            frame.says[Brows[brow]] = 1;
        }
    }

    private _writeGaze(frame: IFaceFrame, deltaS: number): void {
        const gaze = this._gaze;
        if (!gaze || this.saccades === 0) {
            return;
        }
        const look = this._look;
        while (this._timeS >= look.untilS) {
            look.fromYaw = look.yaw;
            look.fromPitch = look.pitch;
            look.count++;
            // Most looks stay near; some go farther.
            const far = this.saccades * Radians * (this._gazeChance(0) < 0.15 ? 2 : 1);
            look.yaw = far * (2 * this._gazeChance(1) - 1);
            look.pitch = 0.5 * far * (2 * this._gazeChance(2) - 1);
            look.sinceS = look.untilS;
            look.untilS += 0.25 + 1.6 * this._gazeChance(3) ** 2 + 0.4 * this._gazeChance(4);
        }
        const share = SmoothStep((this._timeS - look.sinceS) / SaccadeS);
        this._angles[0] = look.fromYaw + share * (look.yaw - look.fromYaw);
        this._angles[1] = look.fromPitch + share * (look.pitch - look.fromPitch);
        gaze.write(frame, 0, this._angles);
        gaze.write(frame, 1, this._angles);
        this._watchShifts(gaze, deltaS);
    }

    private _gazeChance(channel: number): number {
        return Hash(this.seed, GazeChance + channel, this._look.count);
    }

    /** Blinks where the gaze that all sources make together has jumped. */
    private _watchShifts(gaze: Gaze, deltaS: number): void {
        const { weights } = this._host!;
        const seen = this._seen;
        gaze.readToRef(weights, this._angles);
        const yaw = this._angles[0];
        const pitch = this._angles[1];
        if ((yaw - seen.yaw) ** 2 + (pitch - seen.pitch) ** 2 > ShiftRadians ** 2) {
            seen.yaw = yaw;
            seen.pitch = pitch;
            if (this.blink > 0 && Hash(this.seed, ShiftChance, seen.count++) < ShiftShare) {
                this.blinkNow();
            }
        }
        // What was seen follows soon, so that only jumps count.
        const share = 1 - Math.exp(-deltaS / SeenS);
        seen.yaw += share * (yaw - seen.yaw);
        seen.pitch += share * (pitch - seen.pitch);
    }

    private _isBlinking(): boolean {
        return this._timeS >= this._blinkAtS && this._timeS < this._blinkAtS + BlinkS;
    }

    /** Seconds to the next blink: a rest that all keep, and a wait of chance. */
    private _gapS(): number {
        if (this.blink === 0) {
            return Infinity;
        }
        const wait = Math.max(0, 60 / this.blink - ShortestGapS - BlinkS);
        return ShortestGapS - wait * Math.log(1 - 0.98 * Hash(this.seed, BlinkChance, this._blinkCount));
    }
}

/** Of one breath, by its phase 0..1: in, out, rest. */
function BreathOf(phase: number): number {
    return phase < 0.4 ? SmoothStep(phase / 0.4) : 1 - SmoothStep((phase - 0.4) / 0.5);
}

function Setting(name: keyof typeof Limits, value: number | false | undefined): number {
    const given = value === undefined ? Defaults[name] : value === false ? 0 : value;
    if (!(given >= 0 && given <= Limits[name])) {
        throw new FlexAvatarError("invalid-argument", `${name} is ${String(value)}, wanted 0 to ${Limits[name]}.`);
    }
    return given;
}
