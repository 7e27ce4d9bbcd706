/** Records a face as it is mixed: what clips, sliders and sources make together, or what one source says. */
import type { Observer } from "@babylonjs/core/Misc/observable.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { FlexAvatar } from "../avatar/flexAvatar.js";
import { FaceClip } from "./faceClip.js";
import type { FaceMixer } from "./faceMixer.js";
import { CreateFaceFrame } from "./faceSource.js";
import type { ISourceHandle, MixedSource } from "./sourceHandle.js";

/** Settings of a {@link FaceRecorder}. A field left undefined keeps its default. */
export interface IRecorderSettings {
    /** Name of the clip. Default: that of the avatar, or of the source. */
    name?: string;
    /**
     * Record what this source says, at full weight, instead of the whole face. Default: the whole face, without what
     * you turn yourself (`avatar.neck` and its like), which stays yours when the clip plays.
     */
    handle?: ISourceHandle;
}

/**
 * Records one frame per drawn frame, in the time of the scene's animations.
 * @example
 * const recorder = new FaceRecorder(avatar);
 * recorder.start();
 * // some seconds later
 * const clip = recorder.stop();
 * clip.toAnimationGroup(avatar).start();
 */
export class FaceRecorder {
    private readonly _mixer: FaceMixer;
    private readonly _name: string;
    private readonly _source: MixedSource | null;
    private readonly _frame = CreateFaceFrame();
    private _observer: Observer<FaceMixer> | null = null;
    private _times: number[] = [];
    private _weights: number[] = [];
    private _turns: number[] = [];
    private _lift: number[] = [];
    private readonly _says = new Uint8Array(this._frame.says.length);
    private readonly _saysTurns = new Uint8Array(this._frame.saysTurns.length);

    /**
     * @param avatar whose face is recorded
     * @param settings name, or one source of it
     * @throws FlexAvatarError `invalid-argument` if the handle is not of this avatar, `disposed`
     */
    public constructor(avatar: FlexAvatar, { name, handle }: IRecorderSettings = {}) {
        this._mixer = avatar._internals.faceMixer;
        if (handle && !this._mixer.handles.includes(handle)) {
            throw new FlexAvatarError("invalid-argument", `The source to record is not on "${avatar.name}".`);
        }
        this._source = (handle as MixedSource | undefined) ?? null;
        this._name = name ?? handle?.source.name ?? avatar.name;
    }

    /** Whether it records. */
    public get isRecording(): boolean {
        return this._observer !== null;
    }

    /** Seconds recorded so far. */
    public get durationS(): number {
        return this._times.length > 0 ? this._times[this._times.length - 1] - this._times[0] : 0;
    }

    /** Begins anew. */
    public start(): void {
        this._mixer.onMixedObservable.remove(this._observer);
        [this._times, this._weights, this._turns, this._lift] = [[], [], [], []];
        this._says.fill(0);
        this._saysTurns.fill(0);
        this._observer = this._mixer.onMixedObservable.add(() => this._record());
    }

    /**
     * Ends.
     * @returns what was recorded
     * @throws FlexAvatarError `clip-empty` if no frame was drawn meanwhile
     */
    public stop(): FaceClip {
        this._mixer.onMixedObservable.remove(this._observer);
        this._observer = null;
        if (this._times.length === 0) {
            throw new FlexAvatarError("clip-empty", `Nothing of "${this._name}" was recorded: no frame was drawn.`);
        }
        return new FaceClip({
            name: this._name,
            times: Float64Array.from(this._times, (time) => time - this._times[0]),
            weights: Float32Array.from(this._weights),
            says: this._says.slice(),
            turns: Float32Array.from(this._turns),
            saysTurns: this._saysTurns.slice(),
            lift: Float32Array.from(this._lift),
            unknown: [],
        });
    }

    private _record(): void {
        const time = this._mixer.timeS;
        if (this._times.length > 0 && time <= this._times[this._times.length - 1]) {
            return; // mixed again in the same frame, or the scene stands
        }
        let frame = this._frame;
        if (this._source) {
            frame = this._source.frame;
        } else {
            this._mixer.readFrameToRef(frame);
        }
        this._times.push(time);
        for (let index = 0; index < frame.weights.length; index++) {
            this._weights.push(frame.says[index] > 0 ? frame.weights[index] : 0);
            this._says[index] ||= frame.says[index] > 0 ? 1 : 0;
        }
        for (let joint = 0; joint < frame.saysTurns.length; joint++) {
            const isSaid = frame.saysTurns[joint] > 0;
            for (let part = 0; part < 4; part++) {
                this._turns.push(isSaid ? frame.turns[4 * joint + part] : part === 3 ? 1 : 0);
            }
            this._saysTurns[joint] ||= isSaid ? 1 : 0;
        }
        this._lift.push(frame.lift[0], frame.lift[1], frame.lift[2]);
    }
}
