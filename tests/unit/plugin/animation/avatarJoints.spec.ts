// Joints as a Babylon user handles them: axes, lookAt, children, and clips beside them. NullEngine, no GPU.
import "@babylonjs/core/Animations/animatable";
import { Animation } from "@babylonjs/core/Animations/animation";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Space } from "@babylonjs/core/Maths/math.axis";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import type { HeadModel } from "../../../../src/flame/headModel";
import { JointMatrices, JointMatricesLength } from "../../../../src/flame/skinning";
import { AvatarJoints, JointNames } from "../../../../src/plugin/animation/avatarJoints";
import { BindAnimationGroup } from "../../../../src/plugin/animation/bindAnimationGroup";
import type { JointName } from "../../../../src/plugin/animation/jointNames";
import { ExpressionTracks } from "../../../../src/plugin/animation/expressionTracks";
import { RandomNumbers, TinyHead } from "../../../support/heads";

for (const rightHanded of [false, true]) {
    describe(`joints in a ${rightHanded ? "right" : "left"}-handed scene`, () => {
        const side = rightHanded ? 1 : -1;
        let engine: NullEngine;
        let scene: Scene;
        let head: HeadModel;
        let avatar: TransformNode;
        let joints: AvatarJoints;
        let pose: Float32Array;

        beforeEach(() => {
            engine = new NullEngine();
            scene = new Scene(engine);
            scene.useRightHandedSystem = rightHanded;
            scene.useConstantAnimationDeltaTime = true;
            new FreeCamera("camera", new Vector3(0, 0, -5), scene);
            head = TinyHead();
            avatar = new TransformNode("ada", scene);
            joints = new AvatarJoints(avatar, head);
            pose = new Float32Array(15);
        });
        afterEach(() => {
            scene.dispose();
            engine.dispose();
        });

        /** Where the head model, not a node, takes a canonical point that is tied to a joint: in the world. */
        const posed = (joint: JointName, point: Vector3): Vector3 => {
            joints.readPoseToRef(pose);
            const matrices = JointMatrices(pose, head.joints, new Float32Array(JointMatricesLength));
            const at = 12 * (JointNames.indexOf(joint) + 1);
            const [x, y, z] = [0, 4, 8].map(
                (row) =>
                    matrices[at + row] * point.x +
                    matrices[at + row + 1] * point.y +
                    matrices[at + row + 2] * point.z +
                    matrices[at + row + 3],
            );
            return Vector3.TransformCoordinates(new Vector3(side * x, y, z), avatar.computeWorldMatrix(true));
        };
        const restOf = (joint: JointName): Vector3 =>
            Vector3.FromArray(head.joints, 3 * (JointNames.indexOf(joint) + 1));
        /** Where a face or an eye looks, and from where. */
        const gaze = (joint: JointName): { from: Vector3; along: Vector3 } => {
            const from = posed(joint, restOf(joint));
            return {
                from,
                along: posed(joint, restOf(joint).add(new Vector3(0, 0, 1)))
                    .subtract(from)
                    .normalize(),
            };
        };
        const still = (): AnimationGroup => {
            const node = new TransformNode("Head", scene);
            const turn = new Animation("turn", "rotationQuaternion", 60, Animation.ANIMATIONTYPE_QUATERNION);
            const value = Quaternion.RotationYawPitchRoll(0.3, 0.1, -0.05);
            turn.setKeys([
                { frame: 0, value: Quaternion.Identity() },
                { frame: 1, value },
                { frame: 60, value },
            ]);
            const source = new AnimationGroup("turn", scene);
            source.addTargetedAnimation(turn, node);
            const targets = { name: "ada", expression: new ExpressionTracks(["jawOpen"]), joints: joints.clipJoints };
            return BindAnimationGroup(source, targets, scene);
        };

        it("bend the whole person about the chest, by hand and by a clip, and lift it", () => {
            const { torso, neck } = joints.joints;
            const chest = Vector3.FromArray(head.joints).multiplyByFloats(side, 1, 1).subtractFromFloats(0, 0.18, 0);
            const random = RandomNumbers(5);
            avatar.position.set(1, 2, 3);
            avatar.rotation.y = 0.4;
            const child = new TransformNode("pin", scene);
            child.parent = torso;
            child.position = new Vector3(0.1, 0.2, 0.3);
            const rest = [child, neck].map((node) => (node.computeWorldMatrix(true), node.absolutePosition.clone()));
            // At rest nothing is added to where the avatar stands, not even a rounding.
            expect(Array.from(torso.computeWorldMatrix(true).m)).toEqual(Array.from(avatar.computeWorldMatrix(true).m));
            for (let run = 0; run < 5; run++) {
                const any = (size: number) => new Vector3(size * random(), size * random(), size * random());
                const [byClip, byUser, lift] = [Quaternion.FromEulerVector(any(0.5)), any(0.5), any(0.05)];
                joints.clipJoints.torso.rotationQuaternion!.copyFrom(byClip);
                torso.rotation.copyFrom(byUser);
                torso.position.copyFrom(lift);
                pose.fill(0);
                joints.readPoseToRef(pose);
                expect(pose.every((value) => value === 0)).toBeTrue(); // it is no joint of the head
                const world = avatar.computeWorldMatrix(true);
                const turned = (point: Vector3, by: Quaternion) =>
                    point.subtract(chest).applyRotationQuaternion(by).add(chest);
                [child, neck].forEach((node, i) => {
                    node.computeWorldMatrix(true);
                    const local = Vector3.TransformCoordinates(rest[i], world.clone().invert());
                    const wanted = turned(turned(local, Quaternion.FromEulerVector(byUser)).add(lift), byClip);
                    expect(
                        Vector3.TransformCoordinates(wanted, world).subtract(node.absolutePosition).length(),
                    ).toBeLessThan(1e-5);
                });
            }
            joints.reset();
            [child, neck].forEach((node, i) => {
                node.computeWorldMatrix(true);
                expect(node.absolutePosition.subtract(rest[i]).length()).toBeLessThan(1e-5);
            });
        });

        it("stand and turn where the head model has them, whoever turns them", () => {
            const random = RandomNumbers(11);
            for (let run = 0; run < 20; run++) {
                const any = (size: number) => new Vector3(size * random(), size * random(), size * random());
                avatar.position = any(3);
                avatar.rotation = any(3);
                avatar.scaling.setAll(1 + 0.5 * random());
                joints.carried.copyFrom(Quaternion.FromEulerVector(any(0.6)));
                for (const name of JointNames) {
                    joints.clipJoints[name].rotationQuaternion!.copyFrom(Quaternion.FromEulerVector(any(0.6)));
                    if (run % 2) {
                        joints.joints[name].rotationQuaternion = Quaternion.FromEulerVector(any(0.6));
                    } else {
                        joints.joints[name].rotationQuaternion = null;
                        joints.joints[name].rotation = any(0.6);
                    }
                }
                for (const name of JointNames) {
                    const point = restOf(name).add(any(0.2));
                    const expected = posed(name, point);
                    const local = point.subtract(restOf(name)).multiplyByFloats(side, 1, 1);
                    // What a hat hung on the node does.
                    const child = new TransformNode("hat", scene);
                    child.parent = joints.joints[name];
                    child.position = local;
                    child.computeWorldMatrix(true);
                    expect(Vector3.Distance(child.getAbsolutePosition(), expected))
                        .withContext(`${name}, run ${run}`)
                        .toBeLessThan(1e-5);
                    child.dispose();
                }
            }
        });

        it("turn about the avatar's axes as the avatar does", () => {
            for (const axis of ["x", "y", "z"] as const) {
                avatar.rotation[axis] = 0.4;
                const turned = avatar.computeWorldMatrix(true).clone();
                avatar.rotation[axis] = 0;
                joints.joints.neck.rotation[axis] = 0.4;
                const [p, q] = [new Vector3(0.03, 0.2, 0.1), new Vector3(-0.02, 0.1, -0.3)];
                const moved = posed("neck", p).subtract(posed("neck", q));
                const wanted = Vector3.TransformNormal(p.subtract(q).multiplyByFloats(side, 1, 1), turned);
                expect(Vector3.Distance(moved, wanted)).withContext(axis).toBeLessThan(1e-6);
                joints.joints.neck.rotation[axis] = 0;
            }
        });

        for (const quaternion of [false, true]) {
            it(`look where lookAt tells them, ${quaternion ? "by quaternion" : "by angles"}`, () => {
                still().start(false).goToFrame(30);
                avatar.position.set(1, 2, -3);
                avatar.rotation.set(0.2, 2.2, 0.1);
                for (const name of ["neck", "leftEye", "rightEye"] as const) {
                    const joint = joints.joints[name];
                    joint.rotationQuaternion = quaternion ? Quaternion.Identity() : null;
                    const target = new Vector3(1.5, 2.4, -5);
                    scene.render();
                    joint.lookAt(target, 0, 0, 0, Space.WORLD);
                    const { from, along } = gaze(name);
                    expect(Vector3.Distance(along, target.subtract(from).normalize()))
                        .withContext(`${name}, world`)
                        .toBeLessThan(1e-5);
                }
                // Local: in the avatar's axes, as the neck's place is, while no clip turns it.
                joints.reset();
                const target = new Vector3(0.4, 0.1, 2);
                joints.joints.neck.lookAt(target);
                const { from, along } = gaze("neck");
                const inWorld = Vector3.TransformCoordinates(target, avatar.computeWorldMatrix(true));
                expect(Vector3.Distance(along, inWorld.subtract(from).normalize()))
                    .withContext("neck, local")
                    .toBeLessThan(1e-5);
                const nearby = new Vector3(-0.3, 0.3, 1);
                joints.joints.leftEye.lookAt(nearby);
                const eye = gaze("leftEye");
                const fromNeck = Vector3.TransformCoordinates(nearby, joints.joints.neck.computeWorldMatrix(true));
                expect(Vector3.Distance(eye.along, fromNeck.subtract(eye.from).normalize()))
                    .withContext("eye, local")
                    .toBeLessThan(1e-5);
            });
        }

        it("are the user's before, during and after a clip, and multiply with it", () => {
            const { neck } = joints.joints;
            const angleTo = (wanted: Quaternion): number => {
                const { along } = gaze("neck");
                const direction = new Vector3(0, 0, 1).applyRotationQuaternion(wanted);
                return Math.acos(Math.min(1, Vector3.Dot(along, direction)));
            };
            neck.rotation.y = 0.5;
            const group = still();
            expect(neck.rotationQuaternion).toBeNull();
            expect(angleTo(neck.rotation.toQuaternion())).withContext("bound").toBeLessThan(1e-3);
            group.start(true);
            group.goToFrame(30);
            const clip = joints.clipJoints.neck.rotationQuaternion!.clone();
            expect(2 * Math.acos(clip.w)).toBeGreaterThan(0.2);
            expect(angleTo(clip.multiply(neck.rotation.toQuaternion())))
                .withContext("playing")
                .toBeLessThan(1e-3);
            neck.rotation.set(-0.2, 0.1, 0);
            scene.render();
            expect(neck.rotation.asArray()).toEqual([-0.2, 0.1, 0]);
            expect(angleTo(clip.multiply(neck.rotation.toQuaternion())))
                .withContext("turned while playing")
                .toBeLessThan(1e-3);
            group.dispose();
            neck.rotation.y = 0.9;
            expect(angleTo(clip.multiply(neck.rotation.toQuaternion())))
                .withContext("after it")
                .toBeLessThan(1e-3);
            joints.reset();
            expect(angleTo(Quaternion.Identity())).withContext("at rest").toBeLessThan(1e-6);
        });

        it("blend a clip in while the user writes angles", () => {
            const group = still();
            group.enableBlending = true;
            group.blendingSpeed = 0.1;
            joints.joints.neck.rotation = new Vector3(0, 0.2, 0);
            group.start(true);
            const angles: number[] = [];
            for (let frame = 0; frame < 30; frame++) {
                scene.render();
                angles.push(2 * Math.acos(Math.min(1, joints.clipJoints.neck.rotationQuaternion!.w)));
            }
            expect(angles[3]).toBeGreaterThan(0);
            expect(angles[3]).toBeLessThan(0.6 * angles[29]);
            expect(joints.joints.neck.rotation.asArray()).toEqual([0, 0.2, 0]);
        });
    });
}
