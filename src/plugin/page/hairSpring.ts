/**
 * How long hair swings: a damped spring between the head and the hair that hangs from it, and one between the torso and
 * the hair that lies on it. Two joints turn; no Gaussian has a state. Motion of the head's joint, of the torso and of
 * any parent in the scene acts alike.
 */
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { SpringStep } from "../../flame/dampedSpring.js";
import { FlexAvatarError } from "../../flame/error.js";
import { HangingPoint } from "../../flame/hangingPage.js";
import { MultiplyRotations, NearestRotation, QuaternionOfRotation, RotationOfAxisAngle } from "../../flame/rotation.js";
import { FrameClock } from "../animation/frameClock.js";

/** Settings of {@link FlexAvatar.hairSpring}. */
export interface IHairSpringSettings {
    /**
     * Natural frequency in hertz, 0.2 to 10, default 1.6: how often a second hair would swing to and fro. Long or heavy
     * hair is slower, stiff hair faster.
     */
    frequency?: number;
    /**
     * Damping ratio, 0.05 to 4, default 0.35: below 1 hair let go swings to and fro until it rests, at 1 it returns
     * fastest, above it creeps.
     */
    dampingRatio?: number;
}

const Ranges = { frequency: [0.2, 10], dampingRatio: [0.05, 4] } as const;
const Defaults = Object.freeze({ frequency: 1.6, dampingRatio: 0.35 });

/** Meters, at the avatar's scale, that hair hangs down: the head moves by this where hair turns by a radian. Ours. */
const Length = 0.25;
/** Radians that hair never turns by; half of it is hardly held back. Ours: farther it would enter face and neck. */
const Limit = 0.5;
/** Share of its swing that hair has which lies on the torso. Ours. */
const LyingShare = 0.4;
/** Share of a turn of the head about the torso's vertical that drags such hair along, until it slides back. Ours. */
const DragShare = 0.6;
/** Seconds of a frame that are a pause: a hidden tab, a load. Hair is at rest after it. */
const Pause = 0.5;
/** Meters, at the avatar's scale, and radians in a frame that are a jump to another place. */
const [JumpMeters, JumpRadians] = [0.5, 1.2];
/** Radians, and radians a second, below which hair is at rest. */
const [StillRadians, StillSpeed] = [1e-4, 1e-3];

const TorsoTurn = new Float64Array(9); // scratch of update
const NeckTurn = new Float64Array(9); // scratch of update
const HeadTurn = new Float64Array(9); // scratch of update
const World = new Float64Array(12); // scratch of update: 3×4, the world from posed space
const Rest = new Float64Array(3); // scratch of update: a place in posed space
const Place = new Float64Array(3); // scratch of update: the same in the world
const Step = new Float64Array(4); // scratch of update
const Between = new Float64Array(9); // scratch of Follower
const Quaternion = new Float64Array(4); // scratch of Follower
const Moved = new Float64Array(3); // scratch of Follower

/** Of one avatar. */
export class HairSpring {
    /** All of them, with defaults. */
    public readonly settings: Readonly<Required<IHairSpringSettings>>;
    /** [3] axis-angle that hanging hair turns by in the head's canonical axes. */
    public readonly hanging = new Float64Array(3);
    /** [3] axis-angle that hair on the torso turns by in the torso's canonical axes. */
    public readonly lying = new Float64Array(3);
    private readonly _head = new Follower();
    private readonly _torso = new Follower();
    private readonly _hangingPoint: readonly number[];
    private _frameId = -1;
    private readonly _clock = new FrameClock();

    /**
     * @param settings frequency and damping
     * @param _joints [5,3] of the head at rest; borrowed
     * @throws FlexAvatarError `invalid-argument`
     */
    public constructor(
        settings: IHairSpringSettings,
        private readonly _joints: ArrayLike<number>,
    ) {
        CheckHairSpring(settings);
        const { frequency = Defaults.frequency, dampingRatio = Defaults.dampingRatio } = settings;
        this.settings = Object.freeze({ frequency, dampingRatio });
        this._hangingPoint = HangingPoint(_joints);
    }

    /**
     * Goes on to the scene's frame, by the time that its animations went on. Allocates nothing. Frames in which it was
     * not called (a hidden avatar), long ones (a hidden tab) and jumps end with hair at rest.
     * @param node whose axes are posed space
     * @param pose [15] of the head, expressions included
     * @returns whether hair is turned by another angle than before
     */
    public update(node: TransformNode, pose: ArrayLike<number>): boolean {
        const scene = node.getScene();
        const frameId = scene.getFrameId();
        if (frameId === this._frameId) {
            return false; // read again without a new frame: the motion counts in the next one
        }
        const seconds = this._clock.secondsOf(scene);
        const isNext = frameId === this._frameId + 1 && seconds <= Pause;
        this._frameId = frameId;
        SpringStep(this.settings.frequency, this.settings.dampingRatio, seconds, Step);

        const scale = WorldOf(node.computeWorldMatrix(true).m);
        if (!(scale > 0)) {
            this._frameId = -1; // scaled to nothing
            return false;
        }
        const { _joints: joints, _hangingPoint: point } = this;
        for (let row = 0; row < 3; row++) {
            for (let column = 0; column < 3; column++) {
                TorsoTurn[3 * row + column] = World[4 * row + column] / scale;
            }
            Rest[row] = joints[3 + row];
        }
        NearestRotation(TorsoTurn);
        this._torso.follow(TorsoTurn, PlaceInWorld(), scale, isNext, seconds);

        RotationOfAxisAngle(pose[3], pose[4], pose[5], NeckTurn);
        MultiplyRotations(TorsoTurn, NeckTurn, HeadTurn);
        for (let row = 0; row < 3; row++) {
            for (let axis = 0; axis < 3; axis++) {
                Rest[row] += NeckTurn[3 * row + axis] * (point[axis] - joints[3 + axis]);
            }
        }
        this._head.follow(HeadTurn, PlaceInWorld(), scale, isNext, seconds);
        const hangs = this._head.turnToRef(1, this.hanging);
        // What the head is ahead of its hair, that much it pulls at hair which lies below.
        const pull = -DragShare * this._head.lagAbout(TorsoTurn[1], TorsoTurn[4], TorsoTurn[7]);
        const lies = this._torso.turnToRef(LyingShare, this.lying, pull);
        return hangs || lies;
    }
}

/** Refuses settings out of range. @throws FlexAvatarError `invalid-argument` */
export function CheckHairSpring(settings: IHairSpringSettings): void {
    for (const name of ["frequency", "dampingRatio"] as const) {
        const value = settings[name];
        const [least, most] = Ranges[name];
        if (value !== undefined && !(value >= least && value <= most)) {
            throw new FlexAvatarError(
                "invalid-argument",
                `hairSpring.${name} is ${String(value)}, wanted ${least} to ${most}.`,
            );
        }
    }
}

/** Hair behind what it hangs from. World axes, right-handed. */
class Follower {
    /** [3] radians that hair is behind. */
    private readonly _lag = new Float64Array(3);
    /** [3] radians a second that hair itself turns by. */
    private readonly _speed = new Float64Array(3);
    private readonly _turn = new Float64Array(9);
    private readonly _place = new Float64Array(3);

    /**
     * Follows to another place, as if what it hangs from had moved there evenly.
     * @param turn [9] orientation
     * @param place [3] where hair hangs from
     * @param scale of the avatar
     * @param isNext whether a frame went by since the last call; otherwise hair comes to rest
     */
    public follow(turn: Float64Array, place: Float64Array, scale: number, isNext: boolean, seconds: number): void {
        const { _lag: lag, _speed: speed } = this;
        if (!isNext || !this._motionToRef(turn, place, scale)) {
            lag.fill(0);
            speed.fill(0);
        } else if (seconds > 0) {
            let isStill = true;
            for (let axis = 0; axis < 3; axis++) {
                const given = Moved[axis] / seconds;
                const behind = lag[axis];
                const relative = speed[axis] - given;
                lag[axis] = Step[0] * behind + Step[1] * relative;
                speed[axis] = Step[2] * behind + Step[3] * relative + given;
                isStill &&=
                    Moved[axis] === 0 && Math.abs(lag[axis]) < StillRadians && Math.abs(speed[axis]) < StillSpeed;
            }
            if (isStill) {
                lag.fill(0);
                speed.fill(0);
            }
        }
        this._turn.set(turn);
        this._place.set(place);
    }

    /** Radians that hair is behind about a world axis of length 1, held back softly. */
    public lagAbout(x: number, y: number, z: number): number {
        const { _lag: lag } = this;
        return Limit * Math.tanh((x * lag[0] + y * lag[1] + z * lag[2]) / Limit);
    }

    /**
     * Its turn in the axes of what it hangs from, held back softly.
     * @param pull radians more about the vertical axis
     * @returns whether it is another one
     */
    public turnToRef(share: number, into: Float64Array, pull = 0): boolean {
        const { _lag: lag, _turn: turn } = this;
        const length = Length3(lag);
        const held = length > 0 ? (share * Limit * Math.tanh(length / Limit)) / length : 0;
        let changed = false;
        for (let axis = 0; axis < 3; axis++) {
            let angle = held * (turn[axis] * lag[0] + turn[3 + axis] * lag[1] + turn[6 + axis] * lag[2]);
            angle += axis === 1 ? pull : 0;
            changed ||= angle !== into[axis];
            into[axis] = angle;
        }
        return changed;
    }

    /**
     * What the last frame's motion turns hair by if hair stays where it is, reversed: the turn itself, and the way
     * against the length of the hair.
     * @returns false for a jump
     */
    private _motionToRef(turn: Float64Array, place: Float64Array, scale: number): boolean {
        Moved.fill(0);
        if (IsSame(turn, this._turn) && IsSame(place, this._place)) {
            return true;
        }
        for (let row = 0; row < 3; row++) {
            for (let column = 0; column < 3; column++) {
                let sum = 0;
                for (let axis = 0; axis < 3; axis++) {
                    sum += turn[3 * row + axis] * this._turn[3 * column + axis];
                }
                Between[3 * row + column] = sum;
            }
        }
        QuaternionOfRotation(Between, Quaternion);
        const sine = Length3(Quaternion);
        const angle = 2 * Math.atan2(sine, Math.abs(Quaternion[3]));
        const x = (place[0] - this._place[0]) / scale;
        const y = (place[1] - this._place[1]) / scale;
        const z = (place[2] - this._place[2]) / scale;
        if (angle > JumpRadians || Math.sqrt(x * x + y * y + z * z) > JumpMeters) {
            return false;
        }
        // The quaternion's axis, and the cross product of up, which is along the hair, and the way.
        const perSine = sine > 1e-12 ? (Quaternion[3] < 0 ? -angle : angle) / sine : 0;
        Moved[0] = perSine * Quaternion[0] - (turn[4] * z - turn[7] * y) / Length;
        Moved[1] = perSine * Quaternion[1] - (turn[7] * x - turn[1] * z) / Length;
        Moved[2] = perSine * Quaternion[2] - (turn[1] * y - turn[4] * x) / Length;
        return true;
    }
}

/**
 * Takes over a world matrix of Babylon's. A mirrored world has its x turned around, so that it is seen as right-handed
 * as posed space is.
 * @returns its scale
 */
function WorldOf(m: ArrayLike<number>): number {
    const determinant =
        m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) + m[2] * (m[4] * m[9] - m[5] * m[8]);
    for (let row = 0; row < 3; row++) {
        for (let column = 0; column < 4; column++) {
            World[4 * row + column] = row === 0 && determinant < 0 ? -m[4 * column + row] : m[4 * column + row];
        }
    }
    return Math.cbrt(Math.abs(determinant));
}

function PlaceInWorld(): Float64Array {
    for (let row = 0; row < 3; row++) {
        Place[row] =
            World[4 * row] * Rest[0] + World[4 * row + 1] * Rest[1] + World[4 * row + 2] * Rest[2] + World[4 * row + 3];
    }
    return Place;
}

/** As Math.hypot, which allocates. */
function Length3(v: ArrayLike<number>): number {
    return Math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

function IsSame(a: Float64Array, b: Float64Array): boolean {
    for (let i = 0; i < a.length; i++) {
        if (a[i] !== b[i]) {
            return false;
        }
    }
    return true;
}
