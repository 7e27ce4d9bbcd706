/**
 * Mixes what sources say with what clips and sliders do, once per frame. The order is fixed: tracks and clip joints
 * first; then the sources that are not additive by priority, each a step from what is there towards what it says, by
 * weight · mask · says; then the additive ones; then weights are clamped to their tracks. Tracks and clip joints
 * themselves are only read, so nothing of a source stays behind when it goes.
 */
import "@babylonjs/core/Animations/animatable.js"; // without it no time goes by
import { Quaternion } from "@babylonjs/core/Maths/math.vector.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { Observable } from "@babylonjs/core/Misc/observable.js";
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNames } from "../../flame/expression.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { AvatarJoints } from "../animation/avatarJoints.js";
import type { ExpressionTracks } from "../animation/expressionTracks.js";
import { FrameClock } from "../animation/frameClock.js";
import { FaceJointNames, type IFaceFrame, type IFaceHost, type IFaceSource } from "./faceSource.js";
import { MixedSource, type ISourceHandle, type ISourceSettings } from "./sourceHandle.js";

/** What a mixer works on. */
export interface IMixed {
    /** The avatar's node. */
    readonly node: TransformNode;
    readonly head: HeadModel;
    readonly tracks: ExpressionTracks;
    readonly joints: AvatarJoints;
    notify(code: string, message: string): void;
}

/** Seconds of a frame at most: a hidden tab is a pause, not a leap. */
const LongestFrame = 0.25;

const Turn = new Quaternion(); // scratch of mixTurns: where a joint is
const Said = new Quaternion(); // scratch of mixTurns: what a source says
const Clip = new Quaternion(); // scratch of mixTurns: where the clip has it
const Rest = Quaternion.Identity(); // read only

/** Of one avatar. */
export class FaceMixer implements IFaceHost {
    /** See {@link IFaceHost}. */
    public readonly node: TransformNode;
    /** See {@link IFaceHost}. */
    public readonly joints: IFaceHost["joints"];
    /** See {@link IFaceHost}. */
    public readonly carrier: TransformNode;
    /** See {@link IFaceHost}. */
    public readonly head: HeadModel;
    /** See {@link IFaceHost}. */
    public readonly weights = new Float32Array(ArkitNames.length);
    /** Notified whenever a face is mixed: once per frame, or more often if it is asked for. */
    public readonly onMixedObservable = new Observable<FaceMixer>();
    /** Seconds of the avatar's clock. */
    public timeS = 0;
    private readonly _mixed: IMixed;
    private readonly _clock = new FrameClock();
    /** Index of each of ARKit's expressions in the head model, or −1. */
    private readonly _trackOf: Int16Array;
    /** In mixing order; another array whenever one comes or goes. */
    private _sources: readonly MixedSource[] = [];
    private readonly _values: Float32Array;
    /** Canonical x as seen from the avatar: 1, or −1 in a left-handed scene. */
    private readonly _side: number;
    private _frameId = -1;
    private _isFirst = true;
    /** Whether joints hold something that must be taken away when no source turns them. */
    private _turned = false;
    private _isDirty = false;

    public constructor(mixed: IMixed) {
        this._mixed = mixed;
        this.node = mixed.node;
        this.head = mixed.head;
        this.joints = mixed.joints.joints;
        this.carrier = mixed.joints.carrier;
        this._side = mixed.node.getScene().useRightHandedSystem ? 1 : -1;
        this._trackOf = Int16Array.from(ArkitNames, (name) => mixed.head.expressions.indexOf(name));
        this._values = new Float32Array(mixed.tracks.numTargets);
    }

    /** The sources, in mixing order. */
    public get handles(): readonly ISourceHandle[] {
        return this._sources;
    }

    /**
     * Puts a source on the avatar.
     * @throws FlexAvatarError `invalid-argument`
     */
    public add(source: IFaceSource, settings: ISourceSettings): ISourceHandle {
        if (typeof source?.readFrame !== "function") {
            throw new FlexAvatarError("invalid-argument", "addSource wants a source with a readFrame function.");
        }
        if (this._sources.some((other) => other.source === source)) {
            throw new FlexAvatarError(
                "invalid-argument",
                `The source "${source.name}" is on "${this.node.name}" already.`,
                { advice: "Remove it first, or change the weight of its handle." },
            );
        }
        const added = new MixedSource(source, settings, (removed) => this._remove(removed));
        source.attach?.(this);
        const rank = ({ isAdditive, priority }: MixedSource): number[] => [isAdditive ? 1 : 0, priority];
        // Stable, so among equals the last one stays last.
        this._sources = [...this._sources, added].sort((a, b) => {
            const [[additiveA, priorityA], [additiveB, priorityB]] = [rank(a), rank(b)];
            return additiveA - additiveB || priorityA - priorityB;
        });
        return added;
    }

    /**
     * Asks the sources, once per frame of the scene. Allocates nothing.
     * @returns whether {@link mixToRef} must be called for the face of this frame
     */
    public update(): boolean {
        const scene = this.node.getScene();
        const frameId = scene.getFrameId();
        if (frameId !== this._frameId) {
            this._frameId = frameId;
            const seconds = this._clock.secondsOf(scene);
            if (scene.animationsEnabled) {
                this._ask(this._isFirst || !(seconds > 0) ? 0 : Math.min(seconds, LongestFrame));
                this._isFirst = false;
            }
        }
        return this._sources.length > 0 || this._isDirty || this.onMixedObservable.hasObservers();
    }

    /**
     * Mixes tracks and sources, and turns the source joints. Allocates nothing.
     * @param expression [E] receives the clamped weights, in the order of the head model
     * @returns whether a weight is another one than before
     */
    public mixToRef(expression: Float32Array): boolean {
        this._isDirty = false;
        const { tracks } = this._mixed;
        const values = this._values;
        values.set(tracks.influences);
        for (let at = 0; at < this._sources.length; at++) {
            this._mixWeights(this._sources[at]);
        }
        let changed = false;
        for (let index = 0; index < values.length; index++) {
            const track = tracks.getTarget(index);
            const before = expression[index];
            expression[index] = Clamped(values[index], track.min, track.max);
            changed = expression[index] !== before || changed;
        }
        for (let index = 0; index < this.weights.length; index++) {
            const track = this._trackOf[index];
            this.weights[index] = track < 0 ? 0 : expression[track];
        }
        this._mixTurns();
        this.onMixedObservable.notifyObservers(this);
        return changed;
    }

    /**
     * The face of this frame, clips and sources together and without what the user turns: for recorders. Allocates
     * nothing.
     */
    public readFrameToRef(frame: IFaceFrame): void {
        frame.weights.set(this.weights);
        frame.says.fill(1);
        frame.saysTurns.fill(1);
        const { clipJoints, sourceJoints } = this._mixed.joints;
        for (let joint = 0; joint < FaceJointNames.length; joint++) {
            const name = FaceJointNames[joint];
            RotationOf(clipJoints[name]).multiplyToRef(RotationOf(sourceJoints[name]), Turn);
            const { x, y, z, w } = Turn;
            frame.turns[4 * joint] = x;
            frame.turns[4 * joint + 1] = this._side * y;
            frame.turns[4 * joint + 2] = this._side * z;
            frame.turns[4 * joint + 3] = w;
        }
        const clip = clipJoints.torso.position;
        const { x, y, z } = sourceJoints.torso.position;
        frame.lift[0] = this._side * (clip.x + x);
        frame.lift[1] = clip.y + y;
        frame.lift[2] = clip.z + z;
    }

    /** Takes all sources off. */
    public dispose(): void {
        for (const mixed of this._sources) {
            mixed.remove();
        }
        this.onMixedObservable.clear();
    }

    /** See {@link IFaceHost}. */
    public notify(code: string, message: string): void {
        this._mixed.notify(code, message);
    }

    private _ask(deltaS: number): void {
        this.timeS += deltaS;
        const sources = this._sources;
        for (let at = 0; at < sources.length; at++) {
            const mixed = sources[at];
            if (mixed.isActive) {
                try {
                    mixed.isSpeaking = mixed.source.readFrame(mixed.frame, this.timeS, deltaS);
                } catch (error) {
                    this._giveUp(mixed, error);
                }
                const { sampledAtMs } = mixed.frame;
                if (mixed.isSpeaking && sampledAtMs === sampledAtMs) {
                    mixed.sampledAtMs = sampledAtMs;
                    mixed.latencyMs = performance.now() - sampledAtMs;
                }
            }
            mixed.advance(deltaS);
        }
    }

    /** The avatar goes on without it. */
    private _giveUp(mixed: MixedSource, error: unknown): void {
        mixed.isSpeaking = false;
        mixed.hasFailed = true;
        this.notify(
            "source-failed",
            `The source "${mixed.source.name}" of "${this.node.name}" failed and is not asked any more. ${String(error)}`,
        );
    }

    private _remove(removed: MixedSource): void {
        this._sources = this._sources.filter((other) => other !== removed);
        this._isDirty = true;
        removed.source.detach?.(this);
    }

    private _mixWeights({ influence, isAdditive, frame, shares }: MixedSource): void {
        if (influence === 0) {
            return;
        }
        for (let index = 0; index < ArkitNames.length; index++) {
            const track = this._trackOf[index];
            const share = influence * shares.weights[index] * frame.says[index];
            const said = frame.weights[index];
            if (track >= 0 && share > 0 && said === said) {
                const value = this._values[track];
                this._values[track] = isAdditive ? value + share * said : value + share * (said - value);
            }
        }
    }

    private _mixTurns(): void {
        const { clipJoints, sourceJoints } = this._mixed.joints;
        const sources = this._sources;
        const wasTurned = this._turned;
        this._turned = false;
        for (let joint = 0; joint < FaceJointNames.length; joint++) {
            const name = FaceJointNames[joint];
            let isTurned = false;
            for (let at = 0; at < sources.length; at++) {
                const share = ShareOfTurn(sources[at], joint);
                if (share > 0) {
                    if (!isTurned) {
                        isTurned = true;
                        Clip.copyFrom(RotationOf(clipJoints[name]));
                        Turn.copyFrom(Clip);
                    }
                    this._mixTurn(sources[at], joint, share);
                }
            }
            if (isTurned) {
                this._turned = true;
                Clip.invertInPlace().multiplyToRef(Turn, RotationOf(sourceJoints[name]));
            } else if (wasTurned) {
                RotationOf(sourceJoints[name]).set(0, 0, 0, 1);
            }
        }
        if (this._turned || wasTurned) {
            this._lift();
        }
    }

    /** Takes `Turn` towards what a source says. */
    private _mixTurn({ frame: { turns }, isAdditive }: MixedSource, joint: number, share: number): void {
        const at = 4 * joint;
        Said.set(turns[at], this._side * turns[at + 1], this._side * turns[at + 2], turns[at + 3]);
        if (isAdditive) {
            Quaternion.SlerpToRef(Rest, Said, share, Said);
            Turn.multiplyToRef(Said, Turn);
        } else {
            Quaternion.SlerpToRef(Turn, Said, share, Turn);
        }
    }

    /** The torso's place, from the clip's as its turn is. */
    private _lift(): void {
        const { position } = this._mixed.joints.sourceJoints.torso;
        const clip = this._mixed.joints.clipJoints.torso.position;
        let { x, y, z } = clip;
        for (let at = 0; at < this._sources.length; at++) {
            const { frame, isAdditive } = this._sources[at];
            const share = ShareOfTurn(this._sources[at], 0);
            if (share > 0) {
                const kept = isAdditive ? 1 : 1 - share;
                x = kept * x + share * this._side * frame.lift[0];
                y = kept * y + share * frame.lift[1];
                z = kept * z + share * frame.lift[2];
            }
        }
        position.set(x - clip.x, y - clip.y, z - clip.z);
    }
}

/** How much of a joint's turn a source takes, 0..1; 0 where it says what is no turn. */
function ShareOfTurn({ influence, frame, shares }: MixedSource, joint: number): number {
    const at = 4 * joint;
    const { turns } = frame;
    const length = turns[at] ** 2 + turns[at + 1] ** 2 + turns[at + 2] ** 2 + turns[at + 3] ** 2;
    return length > 0.5 && length < 2 ? influence * shares.turns[joint] * frame.saysTurns[joint] : 0;
}

/** What is no number is at rest. */
function Clamped(value: number, min: number, max: number): number {
    return value >= min ? Math.min(value, max) : value < min ? min : 0;
}

/** The quaternion of a node that must have one; setting `rotation` takes it away. */
function RotationOf(node: TransformNode): Quaternion {
    return (node.rotationQuaternion ??= node.rotation.toQuaternion());
}
