// The pose of an avatar: who writes it, in which order it is read, and what is told of it. NullEngine, no GPU.
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Quaternion } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import { EffectivePose } from "../../../../src/flame/expression";
import { HangingPose } from "../../../../src/flame/hangingPage";
import type { HeadModel } from "../../../../src/flame/headModel";
import { AvatarPose } from "../../../../src/plugin/avatar/avatarPose";
import { TinyHead } from "../../../support/heads";

describe("the pose of an avatar", () => {
    let engine: NullEngine;
    let scene: Scene;
    let head: HeadModel;
    let pose: AvatarPose;

    beforeEach(() => {
        engine = new NullEngine();
        scene = new Scene(engine);
        scene.useRightHandedSystem = true;
        head = TinyHead();
        pose = new AvatarPose(new TransformNode("ada", scene), head, null);
        pose.read(false);
    });
    afterEach(() => {
        pose.dispose();
        scene.dispose();
        engine.dispose();
    });

    const told = (): boolean[] => [pose.headMoved, pose.pageMoved];

    it("tells of a move once: of a track, of a user's node, of a clip's, of the body's turn", () => {
        for (const write of [
            () => (pose.expression.getTarget(0).influence = 0.5),
            () => (pose.joints.joints.neck.rotation.x = 0.2),
            () => pose.joints.clipJoints.jaw.rotationQuaternion!.copyFrom(Quaternion.FromEulerAngles(0.1, 0, 0)),
            () => pose.joints.carried.copyFrom(Quaternion.FromEulerAngles(0, 0.1, 0)),
        ]) {
            pose.read(false);
            const { revision } = pose;
            expect(told()).toEqual([false, false]);
            write();
            pose.read(false);
            expect(told()).toEqual([true, true]);
            expect(pose.revision).toBe(revision + 1);
        }
    });

    it("clamps tracks, and multiplies the body's turn, the clip's and the user's in this order", () => {
        pose.expression.getTarget(0).influence = 3;
        const [body, clip, own] = [
            Quaternion.FromEulerAngles(0.3, 0, 0),
            Quaternion.FromEulerAngles(0, 0.4, 0),
            Quaternion.FromEulerAngles(0, 0, 0.5),
        ];
        pose.joints.carried.copyFrom(body);
        pose.joints.clipJoints.neck.rotationQuaternion = clip.clone();
        pose.joints.joints.neck.rotationQuaternion = own.clone();
        pose.read(false);
        expect(pose.head.expression[0]).toBe(1);
        const all = body.multiply(clip).multiply(own);
        const angle = 2 * Math.acos(all.w);
        [all.x, all.y, all.z].forEach((value, axis) =>
            expect(pose.head.pose[3 + axis]).toBeCloseTo((angle * value) / Math.sin(angle / 2), 5),
        );
    });

    it("gives the page the head's joints with what expressions do to them", () => {
        pose.expression.getTarget(0).influence = 0.8;
        pose.joints.joints.neck.rotation.y = 0.3;
        pose.read(true);
        const joints = EffectivePose(head, pose.head, new Float32Array(15));
        expect(pose.page.pose).toEqual(HangingPose(joints, [0, 0, 0], [0, 0, 0], new Float32Array(15)));
        expect(pose.page.expression.length).toBe(0);
    });

    it("finds everything moved after it was told to forget, and keeps its arrays", () => {
        const before = [pose.head.expression, pose.head.pose, pose.page.pose];
        pose.forget();
        pose.read(false);
        expect(told()).toEqual([true, true]);
        [pose.head.expression, pose.head.pose, pose.page.pose].forEach((array, i) => expect(array).toBe(before[i]));
    });
});
