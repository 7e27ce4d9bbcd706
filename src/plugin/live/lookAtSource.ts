/**
 * Looks at something: the eyes jump there first, then the head follows and the eyes go back in their sockets. Each eye
 * has its own line of sight. Beyond what neck and eyes can do the face looks as far as it can, and gives up behind.
 */
import { Matrix, Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { Node } from "@babylonjs/core/node.js";
import { FlexAvatarError } from "../../flame/error.js";
import { QuaternionOfAngles } from "./columnValues.js";
import { JointIndex, type IFaceFrame, type IFaceHost, type IFaceSource, type ISavedSource } from "./faceSource.js";
import { Gaze } from "./gaze.js";
import { SmoothStep } from "./noise.js";

/**
 * What can be looked at: a place in the world, something that has one (a node, a mesh, a camera), the scene's active
 * camera, or a function that writes the place into the vector it is given.
 */
export type LookTarget = Vector3 | IHasGlobalPosition | IHasAbsolutePosition | "camera" | LookPlace;

/** A camera. */
export interface IHasGlobalPosition {
    /** Its place in the world. */
    readonly globalPosition: Vector3;
}

/** A node or a mesh. */
export interface IHasAbsolutePosition {
    /** Its place in the world. */
    getAbsolutePosition(): Vector3;
}

/** Writes a place in the world; returns false if there is nothing to look at now. */
export type LookPlace = (place: Vector3) => boolean | void;

/** Settings of a {@link LookAtSource}. A field left undefined keeps its default. */
export interface ILookAtSettings {
    /** How much of the turn the head takes, 0 (eyes only) to 1, default 0.7; it starts beyond some degrees. */
    head?: number;
    /** Degrees that the head turns to either side at most, default 55. */
    headYawLimit?: number;
    /** Degrees that the head bends up or down at most, default 30. */
    headPitchLimit?: number;
    /** Degrees that the eyes turn at most, default 30. */
    eyeLimit?: number;
    /** Whether each eye has its own line of sight, so that near things make them squint. Default true. */
    vergence?: boolean;
    /** Seconds in which the head comes, default 0.35. */
    headS?: number;
}

const Ranges = {
    head: [0, 1, 0.7],
    headYawLimit: [0, 90, 55],
    headPitchLimit: [0, 60, 30],
    eyeLimit: [0, 45, 30],
    headS: [0.02, 5, 0.35],
} as const;
const Radians = Math.PI / 180;
/** Radians that the eyes do without the head. */
const EyesAlone = 8 * Radians;
/** Radians from straight ahead where it begins to give up, and where it has. */
const [LoseFrom, LoseTo] = [105 * Radians, 140 * Radians];
/** Time constant of the eyes' jump, in seconds, and of the head's beginning. */
const [JumpS, HeadDelayS] = [0.022, 0.09];

const Target = new Vector3(); // scratch of readFrame: in the carrier's axes, as if canonical
const World = new Vector3(); // scratch of readFrame: the same in the world
const InHead = new Vector3(); // scratch of readFrame: from the neck's joint, in the head's axes
const FromWorld = new Matrix(); // scratch of readFrame
const Turn = new Quaternion(); // scratch of TurnBack
const Angles = new Float64Array(3); // scratch of readFrame: yaw, pitch, roll
const Neck = JointIndex("neck");

/**
 * Looks at a target.
 * @example const look = avatar.addSource(new LookAtSource("camera"));
 */
export class LookAtSource implements IFaceSource {
    public readonly name = "look at";
    /** What is looked at; null lets go. It may be another one at any time. */
    public target: LookTarget | null;
    private readonly _settings: Readonly<Record<keyof typeof Ranges, number>>;
    private readonly _vergence: boolean;
    private _host: IFaceHost | null = null;
    private _gaze: Gaze | null = null;
    /** Where the eyes look, in the carrier's axes: it jumps. */
    private readonly _look = { yaw: 0, pitch: 0 };
    /** Where the head is to go, late; where it is; and its speed. */
    private readonly _head = { toYaw: 0, toPitch: 0, yaw: 0, pitch: 0, yawSpeed: 0, pitchSpeed: 0 };
    private readonly _eyes = new Float32Array(6);
    /** What it turns the neck to, now and in the frame before. */
    private readonly _neck = Float32Array.of(0, 0, 0, 1);
    private readonly _before = Float32Array.of(0, 0, 0, 1);

    /**
     * @param target what to look at
     * @param settings limits and speeds
     * @throws FlexAvatarError `invalid-argument`
     */
    public constructor(target: LookTarget, settings: ILookAtSettings = {}) {
        this.target = target;
        const used: Partial<Record<keyof typeof Ranges, number>> = {};
        for (const name of Object.keys(Ranges) as (keyof typeof Ranges)[]) {
            const [least, most, usual] = Ranges[name];
            const value = settings[name] ?? usual;
            if (!(value >= least && value <= most)) {
                throw new FlexAvatarError(
                    "invalid-argument",
                    `${name} is ${String(value)}, wanted ${least} to ${most}.`,
                );
            }
            used[name] = value;
        }
        this._settings = used as Record<keyof typeof Ranges, number>;
        this._vergence = settings.vergence ?? true;
    }

    /**
     * See {@link IFaceSource}.
     * @throws FlexAvatarError `invalid-argument` if it is on another avatar
     */
    public attach(host: IFaceHost): void {
        if (this._host) {
            throw new FlexAvatarError("invalid-argument", "A LookAtSource serves one avatar. Make another one.");
        }
        this._host = host;
        this._gaze = new Gaze(host.head);
        this._eyes.set(host.head.joints.subarray(9, 15));
    }

    /** See {@link IFaceSource}. */
    public detach(): void {
        this._host = null;
        this._gaze = null;
    }

    /** See {@link IFaceSource}. A place, the camera, or a node by its id; a function is the page's own. */
    public save(): ISavedSource {
        const { target } = this;
        let kept: unknown = target === "camera" ? target : null;
        if (target instanceof Vector3) {
            kept = target.asArray();
        } else if (target instanceof Node) {
            kept = { id: target.id };
        }
        return { kind: "look at", settings: { ...this._settings, vergence: this._vergence, target: kept } };
    }

    /** See {@link IFaceSource}. */
    public readFrame(frame: IFaceFrame, _timeS: number, deltaS: number): boolean {
        const host = this._host;
        if (!host || !this._findTarget(host)) {
            return false;
        }
        const eyes = this._eyes;
        const x = Target.x - (eyes[0] + eyes[3]) / 2;
        const y = Target.y - (eyes[1] + eyes[4]) / 2;
        const z = Target.z - (eyes[2] + eyes[5]) / 2;
        const yaw = Math.atan2(x, z);
        const pitch = -Math.atan2(y, Math.sqrt(x * x + z * z));
        const kept = 1 - SmoothStep((Math.abs(yaw) - LoseFrom) / (LoseTo - LoseFrom));
        const share = 1 - Math.exp(-deltaS / JumpS);
        this._look.yaw += share * (kept * yaw - this._look.yaw);
        this._look.pitch += share * (kept * pitch - this._look.pitch);
        this._turnHead(deltaS);
        this._before.set(this._neck);
        Angles[0] = this._head.yaw;
        Angles[1] = this._head.pitch;
        Angles[2] = 0;
        QuaternionOfAngles(Angles, 0, this._neck, 0);
        for (let part = 0; part < 4; part++) {
            frame.turns[4 * Neck + part] = this._neck[part];
        }
        frame.saysTurns[Neck] = this._settings.head > 0 ? 1 : 0;
        this._turnEyes(frame, host, this._look.yaw - yaw, this._look.pitch - pitch);
        return true;
    }

    /** Takes the head towards where the eyes look, late and softly. */
    private _turnHead(deltaS: number): void {
        const { head: share, headYawLimit, headPitchLimit, headS } = this._settings;
        const { _head: head, _look: look } = this;
        const late = 1 - Math.exp(-deltaS / HeadDelayS);
        head.toYaw += late * (PartOfHead(look.yaw, share, headYawLimit * Radians) - head.toYaw);
        head.toPitch += late * (PartOfHead(look.pitch, share, headPitchLimit * Radians) - head.toPitch);
        // A spring without overshoot, exact for any step.
        const speed = 4 / headS;
        const decay = Math.exp(-speed * deltaS);
        const yaw = head.yaw - head.toYaw;
        const yawStep = (head.yawSpeed + speed * yaw) * deltaS;
        head.yaw = head.toYaw + (yaw + yawStep) * decay;
        head.yawSpeed = (head.yawSpeed - speed * yawStep) * decay;
        const pitch = head.pitch - head.toPitch;
        const pitchStep = (head.pitchSpeed + speed * pitch) * deltaS;
        head.pitch = head.toPitch + (pitch + pitchStep) * decay;
        head.pitchSpeed = (head.pitchSpeed - speed * pitchStep) * decay;
    }

    /**
     * Turns the eyes to the target from where the head is, whoever has turned it.
     * @param awayYaw how far the eyes are still from the target on their jump, radians
     * @param awayPitch the same, down
     */
    private _turnEyes(frame: IFaceFrame, host: IFaceHost, awayYaw: number, awayPitch: number): void {
        const { head, joints, node } = host;
        const side = node.getScene().useRightHandedSystem ? 1 : -1;
        joints.neck.computeWorldMatrix(true).invertToRef(FromWorld);
        Vector3.TransformCoordinatesToRef(World, FromWorld, InHead);
        // The head as it was drawn, turned on by what this source turns it in this frame.
        InHead.x *= side;
        TurnBack(this._neck, this._before, InHead);
        const limit = this._settings.eyeLimit * Radians;
        for (let eye = 0; eye < 2; eye++) {
            const at = 3 * eye;
            const between = this._vergence ? 0 : 1;
            const other = 3 - at;
            const eyes = this._eyes;
            const x = InHead.x + head.joints[3] - Middle(eyes[at], eyes[other], between);
            const y = InHead.y + head.joints[4] - Middle(eyes[at + 1], eyes[other + 1], between);
            const z = InHead.z + head.joints[5] - Middle(eyes[at + 2], eyes[other + 2], between);
            // About one axis across the line of sight.
            const across = Math.sqrt(x * x + y * y);
            const angle = Math.atan2(across, z);
            const scale = across > 1e-9 ? angle / across : 0;
            let yaw = scale * x + awayYaw;
            let pitch = -scale * y + awayPitch;
            const most = Math.sqrt(yaw * yaw + pitch * pitch);
            if (most > limit) {
                yaw *= limit / most;
                pitch *= limit / most;
            }
            Angles[0] = yaw;
            Angles[1] = pitch;
            this._gaze!.write(frame, eye, Angles);
        }
    }

    /** Puts the target into the carrier's canonical axes, in `Target`. @returns whether there is one */
    private _findTarget(host: IFaceHost): boolean {
        const { target } = this;
        const scene = host.node.getScene();
        if (target === null) {
            return false;
        } else if (target === "camera") {
            const camera = scene.activeCamera;
            if (!camera) {
                return false;
            }
            Target.copyFrom(camera.globalPosition);
        } else if (typeof target === "function") {
            if (target(Target) === false) {
                return false;
            }
        } else if (target instanceof Vector3) {
            Target.copyFrom(target);
        } else if ("globalPosition" in target) {
            Target.copyFrom(target.globalPosition);
        } else {
            Target.copyFrom(target.getAbsolutePosition());
        }
        World.copyFrom(Target);
        host.carrier.computeWorldMatrix(true).invertToRef(FromWorld);
        Vector3.TransformCoordinatesToRef(Target, FromWorld, Target);
        Target.x *= scene.useRightHandedSystem ? 1 : -1;
        return Number.isFinite(Target.x + Target.y + Target.z);
    }
}

/** What the head takes of an angle: nothing of a small one, a share of the rest. */
function PartOfHead(angle: number, share: number, limit: number): number {
    const rest = Math.max(0, Math.abs(angle) - EyesAlone) * share;
    return Math.sign(angle) * Math.min(limit, rest);
}

function Middle(own: number, other: number, share: number): number {
    return own + (share / 2) * (other - own);
}

/** Turns a vector by the inverse of one turn and by another: `after⁻¹ · before`. */
function TurnBack(after: Float32Array, before: Float32Array, vector: Vector3): void {
    Turn.set(before[0], before[1], before[2], before[3]);
    vector.rotateByQuaternionToRef(Turn, vector);
    Turn.set(-after[0], -after[1], -after[2], after[3]);
    vector.rotateByQuaternionToRef(Turn, vector);
}
