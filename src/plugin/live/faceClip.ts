/** A recorded or read performance: frames of a face in time. It plays as a source, as a clip, and is written as GLB. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNames } from "../../flame/expression.js";
import type { FlexAvatar } from "../avatar/flexAvatar.js";
import { AudioTime, HasEnded, type AudioTimeline } from "./audioClock.js";
import { FaceAnimationGroup } from "./faceAnimation.js";
import type { IFaceClipData } from "./faceClipData.js";
import { FaceClipToJson, type IFaceClipJson } from "./faceClipJson.js";
import { WriteFaceGlb } from "./faceGlb.js";
import { FaceJointNames, type IFaceFrame, type IFaceHost, type IFaceSource, type ISavedSource } from "./faceSource.js";

const [WeightCount, TurnCount] = [ArkitNames.length, 4 * FaceJointNames.length];

/** Frames of a face in time; made by `ParseFaceClip` or a `FaceRecorder`. */
export class FaceClip {
    /** As the file or the recorder had it. */
    public readonly name: string;
    /** What it is made of; read only. */
    public readonly data: IFaceClipData;
    /** Frame of the last sample: the next one is near it. */
    private _near = 0;

    /** @internal Made by `ParseFaceClip` and `FaceRecorder`. */
    public constructor(data: IFaceClipData) {
        this.data = data;
        this.name = data.name;
    }

    /** Number of frames. */
    public get frameCount(): number {
        return this.data.times.length;
    }

    /** Seconds from the first frame to the last. */
    public get durationS(): number {
        const { times } = this.data;
        return times.length > 0 ? times[times.length - 1] - times[0] : 0;
    }

    /** Names of the file's columns that mean nothing here. */
    public get unknownColumns(): readonly string[] {
        return this.data.unknown;
    }

    /**
     * What share of the face's movement the 52 tracks do not make, root mean square over frames and vertices. Only for
     * sequences of FLAME, whose coefficients say more; 0 for files that have tracks.
     */
    public get residual(): number {
        return this.data.residual ?? 0;
    }

    /**
     * Makes a clip of Babylon's of it, with a key where a frame was.
     * @param avatar whom it drives; it disposes the group with itself
     * @param name default: the clip's and the avatar's
     * @returns the group
     * @throws FlexAvatarError `clip-empty` if the avatar has nothing that the clip moves
     */
    public toAnimationGroup(avatar: FlexAvatar, name = `${this.name} ${avatar.name}`): AnimationGroup {
        const targets = { name: avatar.name, expression: avatar.expression, joints: avatar.clipJoints };
        const group = FaceAnimationGroup(this.data, targets, avatar.getScene(), name);
        avatar._internals.adoptClip(group);
        ReportUnknownColumns(avatar._internals.faceMixer, this.name, this.unknownColumns);
        return group;
    }

    /**
     * Writes it as a glTF binary that other engines play: 52 morph targets with ARKit's names, and the nodes Head, Jaw,
     * LeftEye, RightEye and Chest. How far the torso is lifted is left out.
     * @returns the bytes of a `.glb` file
     */
    public toGlb(): Uint8Array<ArrayBuffer> {
        return WriteFaceGlb(this.data);
    }

    /**
     * Writes it as JSON that `ParseFaceClip` reads back, with nothing left out: times, weights by ARKit's names, turns of
     * joints as quaternions and how far the torso is lifted.
     */
    public toJson(): IFaceClipJson {
        return FaceClipToJson(this.data);
    }

    /**
     * The face at a time, between two frames evenly. Before the first and after the last frame it is theirs. Allocates
     * nothing.
     * @param timeS seconds since the first frame
     * @param frame receives it
     */
    public sampleToRef(timeS: number, frame: IFaceFrame): void {
        const { times, weights, says, turns, saysTurns, lift } = this.data;
        const last = times.length - 1;
        const time = Math.min(times[last], Math.max(times[0], times[0] + timeS));
        let at = this._near <= last && times[this._near] <= time ? this._near : 0;
        while (at < last - 1 && times[at + 1] <= time) {
            at++;
        }
        this._near = at;
        const next = Math.min(last, at + 1);
        const share = next > at ? Math.min(1, (time - times[at]) / (times[next] - times[at])) : 0;
        for (let index = 0; index < WeightCount; index++) {
            const from = weights[at * WeightCount + index];
            frame.weights[index] = from + share * (weights[next * WeightCount + index] - from);
            frame.says[index] = says[index];
        }
        for (let joint = 0; joint < FaceJointNames.length; joint++) {
            frame.saysTurns[joint] = saysTurns[joint];
            BlendTurns(turns, at * TurnCount + 4 * joint, next * TurnCount + 4 * joint, share, frame.turns, 4 * joint);
        }
        for (let axis = 0; axis < 3; axis++) {
            const from = lift[3 * at + axis];
            frame.lift[axis] = from + share * (lift[3 * next + axis] - from);
        }
    }
}

/** Settings of a {@link ClipSource}. A field left undefined keeps its default. */
export interface IClipSourceSettings {
    /** Whether it begins anew at its end. Default false: then it ends, and the source is silent. */
    loop?: boolean;
    /** Speed, default 1. */
    speedRatio?: number;
    /** A sound that it follows, with its pauses, seeks and speed, instead of the scene's time. Default none. */
    audio?: AudioTimeline | null;
}

/** Plays a {@link FaceClip} as a source. It begins when it is first mixed in. */
export class ClipSource implements IFaceSource {
    public readonly name: string;
    /** Seconds since the beginning of the clip; set it to seek. */
    public timeS = 0;
    /** Whether it goes on. */
    public isPlaying = true;
    /** Whether it begins anew at its end. */
    public loop: boolean;
    /** Speed, 1 as recorded. */
    public speedRatio: number;
    /** The sound that it follows, or null. */
    public audio: AudioTimeline | null;
    private _isAttached = false;

    public constructor(
        /** What is played. */
        public readonly clip: FaceClip,
        { loop = false, speedRatio = 1, audio = null }: IClipSourceSettings = {},
    ) {
        this.name = clip.name;
        this.loop = loop;
        this.speedRatio = speedRatio;
        this.audio = audio;
    }

    /** See {@link IFaceSource}. It begins anew; a sound is the page's own. */
    public save(): ISavedSource {
        const { clip, loop, speedRatio } = this;
        return { kind: "clip", settings: { clip: clip.toJson(), loop, speedRatio } };
    }

    /**
     * See {@link IFaceSource}.
     * @throws FlexAvatarError `invalid-argument` if it is on another avatar: both would move its time
     */
    public attach(host: IFaceHost): void {
        if (this._isAttached) {
            throw new FlexAvatarError(
                "invalid-argument",
                "A ClipSource serves one avatar. Make another one of the clip.",
            );
        }
        this._isAttached = true;
        ReportUnknownColumns(host, this.name, this.clip.unknownColumns);
    }

    /** See {@link IFaceSource}. */
    public detach(): void {
        this._isAttached = false;
    }

    /** See {@link IFaceSource}. */
    public readFrame(frame: IFaceFrame, _timeS: number, deltaS: number): boolean {
        if (this.audio) {
            this.timeS = AudioTime(this.audio);
            if (HasEnded(this.audio)) {
                return false;
            }
        } else if (this.isPlaying) {
            this.timeS += deltaS * this.speedRatio;
        }
        const { durationS } = this.clip;
        if (this.loop && durationS > 0) {
            this.timeS -= durationS * Math.floor(this.timeS / durationS);
        } else if (this.timeS > durationS) {
            return false;
        }
        this.clip.sampleToRef(this.timeS, frame);
        return true;
    }
}

/** Tells once which columns of a file or stream were not used. */
export function ReportUnknownColumns(
    host: Pick<IFaceHost, "node" | "notify">,
    name: string,
    unknown: readonly string[],
): void {
    if (unknown.length > 0) {
        const more = unknown.length > 20 ? ` and ${unknown.length - 20} more` : "";
        host.notify(
            "columns-unknown",
            `"${host.node.name}" has nothing for ${unknown.slice(0, 20).join(", ")}${more} of "${name}".`,
        );
    }
}

/** Normalised linear blend by the shorter way; frames are near each other. */
function BlendTurns(
    turns: Float32Array,
    from: number,
    to: number,
    share: number,
    into: Float32Array,
    at: number,
): void {
    let dot = 0;
    for (let part = 0; part < 4; part++) {
        dot += turns[from + part] * turns[to + part];
    }
    const sign = dot < 0 ? -1 : 1;
    let square = 0;
    for (let part = 0; part < 4; part++) {
        const value = (1 - share) * turns[from + part] + sign * share * turns[to + part];
        into[at + part] = value;
        square += value * value;
    }
    const scale = 1 / Math.sqrt(square);
    for (let part = 0; part < 4; part++) {
        into[at + part] *= scale;
    }
}
