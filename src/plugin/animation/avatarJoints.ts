/**
 * The joints of an avatar as Babylon nodes. Each joint has three: an outer one that clips turn, in it one that sources
 * turn, and inside both the user's. All have the avatar's own axes, so they turn as the avatar does. Canonical space,
 * mirrored in left-handed scenes, begins where the pose is read.
 */
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { JointName, NodeName } from "./jointNames.js";

/** Joints of the pose with nodes, in its order after `global`. */
export const JointNames: readonly JointName[] = ["neck", "jaw", "leftEye", "rightEye"];
/** All nodes, parents first. The torso is none of the pose: it moves the whole person. */
export const NodeNames: readonly NodeName[] = ["torso", ...JointNames];

/**
 * Meters from the head model's first joint, at the base of the neck, down to the point about which the torso turns.
 * Ours: the middle of the chest.
 */
const ChestBelow = 0.18;

const Turn = new Quaternion(); // scratch of readPoseToRef
const Inner = new Quaternion(); // scratch of readPoseToRef
const AxisAngle = new Float32Array(3); // scratch of readPoseToRef

/** Nodes of one avatar. They are disposed with it. */
export class AvatarJoints {
    /** The user's nodes. Nothing but the user writes to them. */
    public readonly joints: Readonly<Record<NodeName, TransformNode>>;
    /** What clips turn. A joint's turn is this one's, then that of sources, then the user's. */
    public readonly clipJoints: Readonly<Record<NodeName, TransformNode>>;
    /** What sources turn, relative to clips. Written by the mixer; at rest without sources. */
    public readonly sourceJoints: Readonly<Record<NodeName, TransformNode>>;
    /** What a character turns the neck by, before both: canonical axes. Written by the attachment. */
    public readonly carried = Quaternion.Identity();
    /** Shows {@link carried} in the avatar's axes: what the neck hangs on. */
    public readonly carrier: TransformNode;
    /** Canonical x as seen from the avatar: 1, or −1 in a left-handed scene. */
    private readonly _side: number;

    /**
     * @param avatar the parent; its name begins the names of the nodes
     * @param head where the joints are
     */
    public constructor(avatar: TransformNode, head: HeadModel) {
        const scene = avatar.getScene();
        this._side = scene.useRightHandedSystem ? 1 : -1;
        // A node that turns about its joint without moving its parent's origin: children have their place in the
        // parent's space, where lookAt wants it.
        const turning = (name: string, parent: TransformNode, pivot: Vector3): TransformNode => {
            const node = new TransformNode(name, scene);
            node.parent = parent;
            node.setPivotPoint(pivot);
            node.rotationQuaternion = Quaternion.Identity();
            return node;
        };
        const place = (joint: number, parentJoint?: number): Vector3 => {
            const at = (axis: number) =>
                head.joints[3 * joint + axis] - (parentJoint === undefined ? 0 : head.joints[3 * parentJoint + axis]);
            return new Vector3(this._side * at(0), at(1), at(2));
        };
        const joints: Partial<Record<NodeName, TransformNode>> = {};
        const clipJoints: Partial<Record<NodeName, TransformNode>> = {};
        const sourceJoints: Partial<Record<NodeName, TransformNode>> = {};
        // The torso keeps the avatar's origin, so that all of the person hangs on it as on the avatar, and at rest
        // stands where it would without.
        const chest = place(0).subtractFromFloats(0, ChestBelow, 0);
        clipJoints.torso = turning(`${avatar.name}.torso.clip`, avatar, chest);
        sourceJoints.torso = turning(`${avatar.name}.torso.source`, clipJoints.torso, chest);
        joints.torso = turning(`${avatar.name}.torso`, sourceJoints.torso, chest);
        joints.torso.rotationQuaternion = null; // the user's may be turned by angles
        this.carrier = turning(`${avatar.name}.neck.carried`, joints.torso, place(1));
        JointNames.forEach((name, index) => {
            const at = name === "neck" ? place(1) : place(index + 1, 1);
            const clipJoint = turning(`${avatar.name}.${name}.clip`, joints.neck ?? this.carrier, at);
            const sourceJoint = turning(`${avatar.name}.${name}.source`, clipJoint, at);
            const joint = new TransformNode(`${avatar.name}.${name}`, scene);
            joint.parent = sourceJoint;
            joint.position.copyFrom(at);
            joints[name] = joint;
            sourceJoints[name] = sourceJoint;
            clipJoints[name] = clipJoint;
        });
        this.joints = joints as Record<NodeName, TransformNode>;
        this.clipJoints = clipJoints as Record<NodeName, TransformNode>;
        this.sourceJoints = sourceJoints as Record<NodeName, TransformNode>;
        for (const node of this.nodes) {
            node.doNotSerialize = true;
        }
    }

    /** All nodes, parents first. */
    public get nodes(): TransformNode[] {
        const [torso, ...others] = NodeNames.map((name) => [
            this.clipJoints[name],
            this.sourceJoints[name],
            this.joints[name],
        ]);
        return [...torso, this.carrier, ...others.flat()];
    }

    /** Puts all joints to rest, the user's and the clips'. */
    public reset(): void {
        for (const { position, scaling } of [this.joints.torso, this.clipJoints.torso]) {
            position.setAll(0);
            scaling.setAll(1);
        }
        for (const name of NodeNames) {
            const { rotation, rotationQuaternion } = this.joints[name];
            rotationQuaternion?.set(0, 0, 0, 1);
            rotation.setAll(0);
            RotationOf(this.clipJoints[name]).set(0, 0, 0, 1);
        }
    }

    /**
     * Reads the joints as the head model wants them. Allocates nothing.
     * @param pose [15] receives the axis-angles of neck, jaw and eyes, in canonical axes
     * @returns whether one is another than before
     */
    public readPoseToRef(pose: Float32Array): boolean {
        let changed = false;
        const { x, y, z, w } = this.carried;
        RotationOf(this.carrier).set(x, this._side * y, this._side * z, w);
        for (let index = 0; index < JointNames.length; index++) {
            const name = JointNames[index];
            Turn.copyFrom(RotationOf(this.clipJoints[name]));
            if (name === "neck") {
                RotationOf(this.carrier).multiplyToRef(Turn, Turn);
            }
            Turn.multiplyToRef(RotationOf(this.sourceJoints[name]), Turn);
            const { rotationQuaternion, rotation } = this.joints[name];
            if (rotationQuaternion) {
                Turn.multiplyToRef(rotationQuaternion, Turn);
            } else {
                Quaternion.FromEulerVectorToRef(rotation, Inner);
                Turn.multiplyToRef(Inner, Turn);
            }
            // Axis-angle by the shorter way round. A mirrored axis keeps its x and changes the sign of the rest.
            const length = Math.sqrt(Turn.x * Turn.x + Turn.y * Turn.y + Turn.z * Turn.z); // Math.hypot allocates
            const angle = 2 * Math.atan2(Turn.w < 0 ? -length : length, Math.abs(Turn.w));
            const scale = length > 1e-9 ? angle / length : 0;
            AxisAngle[0] = scale * Turn.x;
            AxisAngle[1] = this._side * scale * Turn.y;
            AxisAngle[2] = this._side * scale * Turn.z;
            for (let axis = 0; axis < 3; axis++) {
                const at = 3 + 3 * index + axis;
                changed = pose[at] !== AxisAngle[axis] || changed;
                pose[at] = AxisAngle[axis];
            }
        }
        return changed;
    }
}

/** The quaternion of a node that must have one; setting `rotation` takes it away. */
function RotationOf(node: TransformNode): Quaternion {
    return (node.rotationQuaternion ??= node.rotation.toQuaternion());
}
