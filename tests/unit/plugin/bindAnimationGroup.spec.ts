// Clips of mesh characters on an avatar: names, doubles, joints and rest poses. NullEngine, no GPU.
import "@babylonjs/core/Animations/animatable";
import { Animation } from "@babylonjs/core/Animations/animation";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { MorphTarget } from "@babylonjs/core/Morph/morphTarget";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarError } from "../../../src/flame/error";
import { BindAnimationGroup, type IAnimationTargets } from "../../../src/plugin/animation/bindAnimationGroup";
import { ExpressionTracks } from "../../../src/plugin/expressionTracks";

function Weights(value: number): Animation {
    const animation = new Animation("weights", "influence", 60, Animation.ANIMATIONTYPE_FLOAT);
    animation.setKeys([
        { frame: 0, value: 0 },
        { frame: 60, value },
    ]);
    return animation;
}

function Turn(from: Quaternion, to: Quaternion): Animation {
    const animation = new Animation("turn", "rotationQuaternion", 60, Animation.ANIMATIONTYPE_QUATERNION);
    animation.setKeys([
        { frame: 0, value: from },
        { frame: 60, value: to },
    ]);
    return animation;
}

/** A turn in glTF's axes as a left-handed scene has it. */
function Mirrored({ x, y, z, w }: Quaternion): Quaternion {
    return new Quaternion(x, -y, -z, w);
}

function Angle(a: Quaternion, b: Quaternion): number {
    return 2 * Math.acos(Math.min(1, Math.abs(Quaternion.Dot(a, b))));
}

describe("bindAnimationGroup", () => {
    let engine: NullEngine;
    let scene: Scene;
    let targets: IAnimationTargets;

    beforeEach(() => {
        engine = new NullEngine();
        scene = new Scene(engine);
        new FreeCamera("camera", new Vector3(0, 0, -5), scene);
        const joint = (name: string) => new TransformNode(name, scene);
        targets = {
            name: "ada",
            expression: new ExpressionTracks(["jawOpen", "mouthSmileLeft", "eyeBlinkRight"]),
            joints: { neck: joint("j neck"), jaw: joint("j jaw"), leftEye: joint("j eyeL"), rightEye: joint("j eyeR") },
        };
    });
    afterEach(() => {
        scene.dispose();
        engine.dispose();
    });

    /** A glTF file's nodes hang under the loader's root, which mirrors them in a left-handed scene. */
    function GltfRoot(): TransformNode {
        const root = new TransformNode("__root__", scene);
        root.rotationQuaternion = new Quaternion(0, 1, 0, 0);
        root.scaling.z = -1;
        return root;
    }

    it("maps weights by name, once per track, and reports each unknown name once", () => {
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Weights(0.5), new MorphTarget("JawOpen", 0, scene));
        source.addTargetedAnimation(Weights(0.9), new MorphTarget("JawOpen", 0, scene)); // the teeth's copy of the same track
        source.addTargetedAnimation(Weights(1), new MorphTarget("face.mouthSmile_L", 0, scene));
        source.addTargetedAnimation(Weights(1), new MorphTarget("ears_wiggle", 0, scene));
        source.addTargetedAnimation(Weights(1), new MorphTarget("ears_wiggle", 0, scene));
        const missing: string[] = [];
        const group = BindAnimationGroup(source, targets, scene, { onMissing: (name) => missing.push(name) });
        expect(missing).toEqual(["ears_wiggle"]);
        expect(group.targetedAnimations.map(({ target }) => target.name)).toEqual(["jawOpen", "mouthSmileLeft"]);
        group.start(true);
        group.goToFrame(60);
        expect(targets.expression.getTrack("jawOpen").influence).toBeCloseTo(0.5, 5);
        expect(source.targetedAnimations.length).toBe(5);
        expect(source.targetedAnimations[0].target.influence).toBe(0);
    });

    it("lets aliases win and null drop a track", () => {
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Weights(1), new MorphTarget("AA", 0, scene));
        source.addTargetedAnimation(Weights(1), new MorphTarget("mouthSmileLeft", 0, scene));
        const group = BindAnimationGroup(source, targets, scene, { aliases: { AA: "jawOpen", mouthSmileLeft: null } });
        expect(group.targetedAnimations.map(({ target }) => target.name)).toEqual(["jawOpen"]);
    });

    it("throws clip-empty when nothing fits", () => {
        const source = new AnimationGroup("walk", scene);
        source.addTargetedAnimation(Weights(1), new MorphTarget("biceps", 0, scene));
        expect(() => BindAnimationGroup(source, targets, scene)).toThrowMatching(
            (error) => error instanceof FlexAvatarError && error.code === "clip-empty" && /biceps/.test(error.message),
        );
        expect(scene.animationGroups).toEqual([source]);
    });

    it("takes a glTF head turn as it looks when the node rests straight", () => {
        const node = new TransformNode("Head", scene);
        node.parent = GltfRoot();
        const turn = Quaternion.RotationAxis(new Vector3(0, 1, 0), 0.4);
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Turn(Quaternion.Identity(), turn), node);
        BindAnimationGroup(source, targets, scene).start(true).goToFrame(60);
        expect(Angle(targets.joints.neck.rotationQuaternion!, Mirrored(turn))).toBeLessThan(1e-3);
    });

    it("takes out the rest pose and the parent's axes", () => {
        const armature = new TransformNode("Armature", scene);
        armature.parent = GltfRoot();
        armature.rotationQuaternion = Quaternion.RotationAxis(Vector3.Right(), Math.PI / 2); // a z-up rig
        const node = new TransformNode("mixamorig:Jaw", scene);
        node.parent = armature;
        const rest = Quaternion.RotationAxis(new Vector3(1, 2, 3).normalize(), 0.7);
        node.rotationQuaternion = rest.clone();
        // The wanted turn about canonical +X, written in the rig's own terms: parent⁻¹ · turn · parent · rest.
        const turn = Quaternion.RotationAxis(Vector3.Right(), 0.3);
        const parent = armature.rotationQuaternion;
        const key = Quaternion.Inverse(parent).multiply(turn).multiply(parent).multiply(rest);
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Turn(rest, key), node);
        const group = BindAnimationGroup(source, targets, scene).start(true);
        group.goToFrame(0);
        expect(Angle(targets.joints.jaw.rotationQuaternion!, Quaternion.Identity())).toBeLessThan(1e-3);
        group.goToFrame(60);
        expect(Angle(targets.joints.jaw.rotationQuaternion!, Mirrored(turn))).toBeLessThan(1e-3);
    });

    it("multiplies neck and head, parent first", () => {
        const root = GltfRoot();
        const neck = new TransformNode("Neck", scene);
        neck.parent = root;
        const head = new TransformNode("Head", scene);
        head.parent = neck;
        const yaw = Quaternion.RotationAxis(Vector3.Up(), 0.5);
        const pitch = Quaternion.RotationAxis(Vector3.Right(), 0.3);
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Turn(Quaternion.Identity(), pitch), head);
        source.addTargetedAnimation(Turn(Quaternion.Identity(), yaw), neck);
        BindAnimationGroup(source, targets, scene).start(true).goToFrame(60);
        expect(Angle(targets.joints.neck.rotationQuaternion!, Mirrored(yaw.multiply(pitch)))).toBeLessThan(1e-3);
    });

    it("uses the rest pose of a node whose clip already plays", () => {
        const node = new TransformNode("Head", scene);
        node.parent = GltfRoot();
        node.rotationQuaternion = Quaternion.Identity();
        const turn = Quaternion.RotationAxis(Vector3.Up(), 0.4);
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Turn(turn, turn), node);
        source.start(true);
        scene.render();
        scene.render();
        expect(Angle(node.rotationQuaternion, turn)).toBeLessThan(1e-3);
        BindAnimationGroup(source, targets, scene).start(true).goToFrame(30);
        expect(Angle(targets.joints.neck.rotationQuaternion!, Mirrored(turn))).toBeLessThan(1e-3);
    });

    it("plays on a joint whose quaternion was taken away after the binding", () => {
        const node = new TransformNode("Head", scene);
        node.parent = GltfRoot();
        const turn = Quaternion.RotationAxis(Vector3.Up(), 0.4);
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Turn(turn, turn), node);
        node.rotationQuaternion = Quaternion.Identity();
        const group = BindAnimationGroup(source, targets, scene);
        targets.joints.neck.rotationQuaternion = null;
        targets.joints.neck.rotation.setAll(0);
        group.start(true).goToFrame(30);
        expect(Angle(targets.joints.neck.rotationQuaternion!, Mirrored(turn))).toBeLessThan(1e-3);
    });

    it("keeps the length of the source clip", () => {
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Weights(1), new MorphTarget("jawOpen", 0, scene));
        const long = Weights(1);
        long.setKeys([
            { frame: 0, value: 0 },
            { frame: 300, value: 0 },
        ]);
        source.addTargetedAnimation(long, new MorphTarget("unknown", 0, scene));
        const group = BindAnimationGroup(source, targets, scene);
        expect([group.from, group.to]).toEqual([0, 300]);
    });
});
