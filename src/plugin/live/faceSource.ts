/**
 * The contract between what drives a face and the mixer. A source says what it knows in each frame: some of ARKit's
 * weights, some turns of joints. The mixer blends all sources of an avatar with its clips and sliders.
 */
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { HeadModel } from "../../flame/headModel.js";
import { ArkitNames, type ArkitName } from "../../flame/expression.js";
import { NodeNames } from "../animation/avatarJoints.js";
import type { NodeName } from "../animation/jointNames.js";

/** Joints of a frame, in its order: `torso`, `neck`, `jaw`, `leftEye`, `rightEye`. */
export const FaceJointNames: readonly NodeName[] = NodeNames;

/**
 * What a source says. One frame belongs to each place where a source is on an avatar: made by the mixer at rest and
 * silent, filled by the source, and kept from frame to frame, so that what stays need not be written again.
 */
export interface IFaceFrame {
    /** [52] weights, 0..1, in the order of {@link ArkitNames}. */
    readonly weights: Float32Array;
    /**
     * [52] how much of its influence the source puts into each weight, 0..1. 0: it says nothing about it, and the face
     * keeps what others say. Between: less than sure.
     */
    readonly says: Float32Array;
    /**
     * [5·4] turns from rest, unit quaternions x, y, z, w, in the order of {@link FaceJointNames}, each about its joint in
     * the frame of its parent joint. Axes are canonical in scenes of either hand: +X the head's left, +Y up, +Z out of
     * the face, right-handed. The neck turns the head. Expressions turn jaw and eyes too (`jawOpen`, `eyeLook…`), and
     * both add up: say one of them.
     */
    readonly turns: Float32Array;
    /** [5] as `says`, of the turns. */
    readonly saysTurns: Float32Array;
    /** [3] how far the torso is moved from rest, in meters, canonical axes; it counts as far as the torso's turn is said. */
    readonly lift: Float32Array;
    /**
     * When the sound, the picture or the packet behind this frame was taken, milliseconds of `performance.now()`; NaN
     * where there is none such. For the handle's latency only.
     */
    sampledAtMs: number;
}

/** Where a source is put: what it may look at, and must not change. */
export interface IFaceHost {
    /** The avatar. Its nodes have the axes of the scene's hand. */
    readonly node: TransformNode;
    /** The user's nodes, inside those that clips and sources turn. */
    readonly joints: Readonly<Record<NodeName, TransformNode>>;
    /** What carries the neck: here a face at rest looks along +Z. Its origin is the avatar's. */
    readonly carrier: TransformNode;
    /** Where joints are and what expressions do to them. @internal */
    readonly head: HeadModel;
    /**
     * [52] what face was mixed in the last frame, clips and all sources together, 0..1 in the order of
     * {@link ArkitNames}.
     */
    readonly weights: Float32Array;
    /** Tells the user something once, through the component's `onNoticeObservable`. */
    notify(code: string, message: string): void;
}

/** What a source writes of itself; all of it JSON. */
export interface ISavedSource {
    /** "life", "look at", "stream", "clip", "voice", "camera", or the name of a source of your own. */
    readonly kind: string;
    /** What its constructor takes. */
    readonly settings: Readonly<Record<string, unknown>>;
}

/** Anything that drives a face while frames go by: a voice, a camera, a stream, idle life. */
export interface IFaceSource {
    /** For messages, and the default name of recordings. */
    readonly name: string;
    /** Whether it is made to be added on top of others, unless the settings say otherwise. Default false. */
    readonly isAdditive?: boolean;
    /**
     * Says what the face does now. Called once per drawn frame and avatar, not while the scene's animations are off.
     * Must not allocate and must not throw.
     * @param frame to be written; it still holds what was written in the last frame
     * @param timeS seconds of the avatar's own clock, which stands while the scene's animations are off
     * @param deltaS seconds since the last call, 0 in the first; never more than a quarter of a second
     * @returns false if there is nothing to say now: the mixer lets what was said last fade out, and in again later
     */
    readFrame(frame: IFaceFrame, timeS: number, deltaS: number): boolean;
    /**
     * Called when the source is put on an avatar, for each one.
     * @throws FlexAvatarError `invalid-argument` if it serves one avatar only and has one
     */
    attach?(host: IFaceHost): void;
    /** Called when it is taken off, or the avatar is disposed. */
    detach?(host: IFaceHost): void;
    /**
     * What scene files keep of it; null or no such function: nothing. A source of your own comes back as a
     * `SavedSource`.
     */
    save?(): ISavedSource | null;
    /** Frees what the source holds. Called by whoever made it; avatars borrow their sources. */
    dispose?(): void;
}

const IndexByName: ReadonlyMap<string, number> = new Map(ArkitNames.map((name, index) => [name, index]));

/** Index of an ARKit expression in `weights` and `says`. For tables made once, not for the frame. */
export function WeightIndex(name: ArkitName): number {
    return IndexByName.get(name)!;
}

/** Index of a joint in `saysTurns`; its quaternion begins at four times this in `turns`. */
export function JointIndex(name: NodeName): number {
    return FaceJointNames.indexOf(name);
}

/** A frame at rest in which nothing is said. */
export function CreateFaceFrame(): IFaceFrame {
    const turns = new Float32Array(4 * FaceJointNames.length);
    for (let at = 3; at < turns.length; at += 4) {
        turns[at] = 1;
    }
    return {
        weights: new Float32Array(ArkitNames.length),
        says: new Float32Array(ArkitNames.length),
        turns,
        saysTurns: new Float32Array(FaceJointNames.length),
        lift: new Float32Array(3),
        sampledAtMs: NaN,
    };
}
