// Clips of mesh characters on an avatar: names, doubles, joints and rest poses. NullEngine, no GPU.
import "@babylonjs/core/Animations/animatable";
import { Animation } from "@babylonjs/core/Animations/animation";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Matrix, Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { MorphTarget } from "@babylonjs/core/Morph/morphTarget";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarError } from "../../../../src/flame/error";
import {
    BindAnimationGroup,
    type IAnimationTargets,
    type IClipReport,
} from "../../../../src/plugin/animation/bindAnimationGroup";
import { AnimationGroupMask, AnimationGroupMaskMode } from "@babylonjs/core/Animations/animationGroupMask";
import { Bone } from "@babylonjs/core/Bones/bone";
import { Skeleton } from "@babylonjs/core/Bones/skeleton";
import { ExpressionTracks } from "../../../../src/plugin/animation/expressionTracks";

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
            expression: new ExpressionTracks(
                ["jawOpen", "mouthSmileLeft", "eyeBlinkRight", "mouthFunnel", "browInnerUp"],
                "ada",
                scene,
            ),
            joints: { neck: joint("j neck"), jaw: joint("j jaw"), leftEye: joint("j eyeL"), rightEye: joint("j eyeR") },
        };
        for (const node of Object.values(targets.joints)) {
            node.rotationQuaternion = Quaternion.Identity();
        }
        scene.useConstantAnimationDeltaTime = true;
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
        expect(targets.expression.getTrack("jawOpen").influence).toBeCloseTo(0.9, 5); // what moves most
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

    it("says what it wants in the place of a clip that a file does not have", () => {
        const [none] = new Array<AnimationGroup>();
        expect(() => BindAnimationGroup(none, targets, scene)).toThrowMatching(
            ({ code, message }) => code === "invalid-argument" && /got undefined/.test(message),
        );
    });

    it("turns the torso by all of a spine, where it is asked to and there is one", () => {
        const root = GltfRoot();
        const chain = ["Hips", "Spine", "Spine1", "Head"].map((name) => new TransformNode(name, scene));
        chain.forEach((node, i) => (node.parent = i === 0 ? root : chain[i - 1]));
        const turns = [0.5, 0.2, 0.3, 0.1].map((angle) => Quaternion.RotationAxis(new Vector3(0, 1, 0), angle));
        const source = new AnimationGroup("walk", scene);
        chain.forEach((node, i) => source.addTargetedAnimation(Turn(Quaternion.Identity(), turns[i]), node));
        const torso = new TransformNode("j torso", scene);
        torso.rotationQuaternion = Quaternion.Identity();
        const withTorso = { ...targets, joints: { ...targets.joints, torso } };
        const reports: IClipReport[] = [];
        const bind = (settings: object, to: IAnimationTargets = withTorso): string[] => {
            const group = BindAnimationGroup(source, to, scene, settings, (report) => reports.push(report));
            group.start(true).goToFrame(60);
            const names = group.targetedAnimations.map(({ target }) => target.name);
            group.dispose();
            return names;
        };
        expect(bind({ torso: true })).toEqual(["j torso", "j neck"]);
        expect(
            Angle(torso.rotationQuaternion, Mirrored(Quaternion.RotationAxis(new Vector3(0, 1, 0), 0.5))),
        ).toBeLessThan(1e-3);
        expect(Angle(targets.joints.neck.rotationQuaternion!, Mirrored(turns[3]))).toBeLessThan(1e-3);
        expect(bind({})).toEqual(["j neck"]);
        expect(bind({ torso: true }, targets)).toEqual(["j neck"]);
        expect(bind({ aliases: { Hips: "torso" } })).toEqual(["j torso", "j neck"]);
        expect(bind({ torso: true, aliases: { Spine1: null } })).toEqual(["j torso", "j neck"]);
        expect(reports.map(({ bodyBones }) => bodyBones)).toEqual([1, 3, 3, 2, 1]);
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

    /** Binds a clip of morph weights (name, values of its keys at 0, 30 and 60) and hands out what was reported. */
    function BindWeights(
        morphs: readonly (readonly [string, readonly number[]])[],
        settings = {},
    ): { group: AnimationGroup; report: IClipReport } {
        const source = new AnimationGroup("clip", scene);
        for (const [name, values] of morphs) {
            const animation = new Animation(name, "influence", 60, Animation.ANIMATIONTYPE_FLOAT);
            animation.setKeys(values.map((value, index) => ({ frame: 30 * index, value })));
            source.addTargetedAnimation(animation, new MorphTarget(name, 0, scene));
        }
        let report: IClipReport | null = null;
        const group = BindAnimationGroup(source, targets, scene, settings, (given) => (report = given));
        return { group, report: report! };
    }
    const influence = (name: string): number => targets.expression.getTrack(name).influence;

    it("takes the mesh whose morph moves, wherever the still ones stand, and says so once", () => {
        for (const order of [
            [0, 1, 2],
            [1, 0, 2],
            [2, 1, 0],
        ]) {
            const meshes = [
                ["jawOpen", [0, 0, 0]],
                ["Wolf3D_Head.jawOpen", [0, 0.4, 0.8]],
                ["Wolf3D_Teeth.jawOpen", [0.9, 0.9, 0.9]],
            ] as const;
            const { group, report } = BindWeights(order.map((mesh) => meshes[mesh]));
            group.start(true).goToFrame(60);
            expect(influence("jawOpen")).toBeCloseTo(0.8, 5);
            expect(report.doubles.length).toBeGreaterThan(0);
            expect(report.missing).toEqual([]);
        }
        expect(
            BindWeights([
                ["jawOpen", [0, 1]],
                ["jawOpen", [0, 1]],
            ]).report.doubles,
        )
            .withContext("the same keys")
            .toEqual([]);
        BindWeights([
            ["jawOpen", [0.1, 0.1]],
            ["jawOpen", [0.4, 0.4]],
        ])
            .group.start(true)
            .goToFrame(10);
        expect(influence("jawOpen")).withContext("none moves: the largest").toBeCloseTo(0.4, 5);
    });

    it("scales percentages and leaves overdriven weights alone", () => {
        const { group, report } = BindWeights([
            ["jawOpen", [0, 35, 70]],
            ["mouthSmileLeft", [0, 0.6, 1.2]],
        ]);
        expect(report.weightScale).toBe(0.01);
        group.start(true).goToFrame(60);
        expect([influence("jawOpen"), influence("mouthSmileLeft")].map((value) => Math.round(1e4 * value))).toEqual([
            7000, 120,
        ]);
        expect(
            BindWeights([
                ["jawOpen", [0, 8, 4]],
                ["mouthSmileLeft", [0, 2, 5]],
            ]).report.weightScale,
        )
            .withContext("a faint one")
            .toBe(0.01);
        for (const morphs of [
            [["jawOpen", [0, 1.6]]],
            [
                ["jawOpen", [0, -1, 2.5]],
                ["mouthSmileLeft", [0, 0.4]],
            ],
            [
                ["jawOpen", [0, 3.5]],
                ["mouthSmileLeft", [0, 0.4]],
                ["eyeBlinkRight", [0, 1]],
            ],
        ] as const) {
            expect(BindWeights(morphs).report.weightScale).withContext(JSON.stringify(morphs)).toBe(1);
        }
        const forced = BindWeights([["jawOpen", [0, 40]]], { weightScale: 0.02 });
        forced.group.start(true).goToFrame(30);
        expect(influence("jawOpen")).toBeCloseTo(0.8, 5);
    });

    it("adds what several morphs mean, at every time, whatever their rates and curves", () => {
        const source = new AnimationGroup("speech", scene);
        const add = (name: string, rate: number, keys: Parameters<Animation["setKeys"]>[0]) => {
            const animation = new Animation(name, "influence", rate, Animation.ANIMATIONTYPE_FLOAT);
            animation.setKeys(keys);
            source.addTargetedAnimation(animation, new MorphTarget(name, 0, scene));
            return animation;
        };
        const jaw = add("jawOpen", 60, [
            { frame: 0, value: 0 },
            { frame: 50, value: 0.3 },
            { frame: 60, value: 0.1 },
        ]);
        const aa = add("viseme_aa", 30, [
            { frame: 0, value: 0 },
            { frame: 11, value: 1 },
            { frame: 30, value: 0.2 },
        ]);
        const o = add("Wolf3D_Head.viseme_O", 60, [
            { frame: 10, value: 0, outTangent: 0.2 },
            { frame: 40, value: 0.5, inTangent: -0.05 },
        ]);
        const ou = add("ou", 60, [
            { frame: 0, value: 0.5, interpolation: 1 },
            { frame: 20, value: 0, interpolation: 1 },
            { frame: 60, value: 1 },
        ]);
        const group = BindAnimationGroup(source, targets, scene);
        const bound = group.targetedAnimations.find(({ target }) => target.name === "jawOpen")!.animation;
        const funnel = group.targetedAnimations.find(({ target }) => target.name === "mouthFunnel")!.animation;
        let worst = 0;
        for (let frame = 0; frame <= 60; frame += 0.25) {
            const at = (animation: Animation) => animation.evaluate((frame * animation.framePerSecond) / 60) as number;
            const held = frame < 10 ? 0 : at(o);
            const wanted = at(jaw) + 0.55 * at(aa) + 0.38 * held + 0.16 * at(ou);
            if (![19.75, 59.75].includes(frame)) {
                worst = Math.max(
                    worst,
                    Math.abs((bound.evaluate(frame) as number) - wanted),
                    Math.abs((funnel.evaluate(frame) as number) - 0.55 * held - 0.3 * at(ou)),
                );
            }
        }
        expect(worst).toBeLessThan(4e-3);
        expect(Math.max(...bound.getKeys().map(({ value }) => value as number))).toBeGreaterThan(0.6);
    });

    it("has a key wherever one of several rates has one", () => {
        const source = new AnimationGroup("clip", scene);
        const add = (name: string, rate: number, peak: number) => {
            const animation = new Animation(name, "influence", rate, Animation.ANIMATIONTYPE_FLOAT);
            animation.setKeys([
                { frame: 0, value: 0 },
                { frame: peak, value: 1 },
                { frame: rate, value: 0 },
            ]);
            source.addTargetedAnimation(animation, new MorphTarget(name, 0, scene));
        };
        add("jawOpen", 60, 40);
        add("viseme_aa", 30, 11);
        const [{ animation }] = BindAnimationGroup(source, targets, scene).targetedAnimations;
        expect(animation.getKeys().map(({ frame }) => frame)).toEqual([0, 22, 40, 60]);
        expect(animation.evaluate(22)).toBeCloseTo(22 / 40 + 0.55, 5);
        expect(animation.evaluate(40)).toBeCloseTo(1 + 0.55 * (20 / 38), 5);
    });

    it("scales a curve with its tangents when one morph means one expression in part", () => {
        const source = new AnimationGroup("clip", scene);
        const animation = new Animation("clip", "influence", 60, Animation.ANIMATIONTYPE_FLOAT);
        animation.setKeys([
            { frame: 0, value: 0, outTangent: 0.05 },
            { frame: 60, value: 1, inTangent: -0.04 },
        ]);
        source.addTargetedAnimation(animation, new MorphTarget("browInnerUp_L", 0, scene));
        const bound = BindAnimationGroup(source, targets, scene).targetedAnimations[0].animation;
        for (const frame of [0, 10, 25, 40, 60]) {
            expect(bound.evaluate(frame)).toBeCloseTo(0.5 * (animation.evaluate(frame) as number), 6);
        }
    });

    it("takes weighted lists as aliases", () => {
        const { group } = BindWeights([["AA", [0, 1]]], { aliases: { AA: { jawOpen: 0.6, mouthFunnel: 0.25 } } });
        group.start(true).goToFrame(30);
        expect([influence("jawOpen"), influence("mouthFunnel")].map((value) => Math.round(100 * value))).toEqual([
            60, 25,
        ]);
        expect(() => BindWeights([["AA", [0, 1]]], { aliases: { AA: { wink: 1 } } })).toThrowMatching(
            (error) => error.code === "invalid-argument",
        );
    });

    it("names morphs and nodes that move and cannot be used, and counts the body's bones", () => {
        const source = new AnimationGroup("clip", scene);
        const vector = (property: string, to: Vector3) => {
            const animation = new Animation(property, property, 60, Animation.ANIMATIONTYPE_VECTOR3);
            animation.setKeys([
                { frame: 0, value: Vector3.Zero() },
                { frame: 60, value: to },
            ]);
            return animation;
        };
        const yaw = Quaternion.RotationAxis(Vector3.Up(), 0.5);
        const node = (name: string) => new TransformNode(name, scene);
        source.addTargetedAnimation(Weights(1), new MorphTarget("ears_wiggle", 0, scene));
        source.addTargetedAnimation(Weights(1), new MorphTarget("jawOpen", 0, scene));
        source.addTargetedAnimation(vector("position", Vector3.Up()), node("Head"));
        source.addTargetedAnimation(vector("scaling", Vector3.Zero()), node("Neck")); // stands still
        source.addTargetedAnimation(Turn(Quaternion.Identity(), yaw), node("ponytail_03"));
        source.addTargetedAnimation(Turn(yaw, yaw), node("earring"));
        source.addTargetedAnimation(Turn(Quaternion.Identity(), yaw), node("mixamorig:LeftArm"));
        source.addTargetedAnimation(vector("position", Vector3.Up()), node("mixamorig:Hips"));
        source.addTargetedAnimation(Turn(Quaternion.Identity(), yaw), node("mixamorig:Hips"));
        const named: string[] = [];
        let report: IClipReport | null = null;
        BindAnimationGroup(
            source,
            targets,
            scene,
            { onMissing: (name) => named.push(name) },
            (given) => (report = given),
        );
        expect(named).toEqual(["ears_wiggle", "Head.position", "ponytail_03"]);
        expect(report!.missing).toEqual(named);
        expect(report!.bodyBones).toBe(2);
    });

    it("drops a viseme of silence without a word, and throws if that is all", () => {
        expect(
            BindWeights([
                ["viseme_sil", [0, 1]],
                ["viseme_aa", [0, 1]],
            ]).report.missing,
        ).toEqual([]);
        expect(() => BindWeights([["viseme_sil", [0, 1]]])).toThrowMatching((error) => error.code === "clip-empty");
    });

    it("follows angles, whole or one by one, along their way and not across it", () => {
        const angles = (property: string, values: readonly unknown[], type: number) => {
            const animation = new Animation(property, property, 60, type);
            animation.setKeys(values.map((value, index) => ({ frame: 60 * index, value })));
            return animation;
        };
        const whole = new AnimationGroup("whole", scene);
        const head = new TransformNode("Head", scene);
        head.parent = GltfRoot();
        whole.addTargetedAnimation(
            angles("rotation", [new Vector3(0, -1.9, 0), new Vector3(0.3, 1.9, 0)], Animation.ANIMATIONTYPE_VECTOR3),
            head,
        );
        const neck = targets.joints.neck;
        const group = BindAnimationGroup(whole, targets, scene).start(true);
        for (const [frame, x, y] of [
            [0, 0, -1.9],
            [30, 0.15, 0],
            [45, 0.225, 0.95],
        ]) {
            group.goToFrame(frame);
            expect(Angle(neck.rotationQuaternion!, Mirrored(Quaternion.FromEulerAngles(x, y, 0))))
                .withContext(`frame ${frame}`)
                .toBeLessThan(2e-3);
        }
        group.dispose();
        const single = new AnimationGroup("single", scene);
        const jaw = new TransformNode("jaw_01", scene);
        jaw.parent = GltfRoot();
        jaw.rotation.set(0.1, 0, 0.2);
        single.addTargetedAnimation(angles("rotation.x", [0.1, 0.5], Animation.ANIMATIONTYPE_FLOAT), jaw);
        single.addTargetedAnimation(angles("rotation.y", [0, 0.2], Animation.ANIMATIONTYPE_FLOAT), jaw);
        const bound = BindAnimationGroup(single, targets, scene).start(true);
        bound.goToFrame(0);
        expect(Angle(targets.joints.jaw.rotationQuaternion!, Quaternion.Identity())).toBeLessThan(1e-3);
        bound.goToFrame(60);
        const wanted = Quaternion.FromEulerAngles(0.5, 0.2, 0.2).multiply(
            Quaternion.Inverse(Quaternion.FromEulerAngles(0.1, 0, 0.2)),
        );
        expect(Angle(targets.joints.jaw.rotationQuaternion!, Mirrored(wanted))).toBeLessThan(1e-3);
    });

    it("takes one head of several in a clip, the one with its neck", () => {
        const root = GltfRoot();
        const node = (name: string, parent: TransformNode) => {
            const made = new TransformNode(name, scene);
            made.parent = parent;
            return made;
        };
        const yaw = Quaternion.RotationAxis(Vector3.Up(), 0.3);
        const source = new AnimationGroup("clip", scene);
        const neck = node("DEF-neck", root);
        source.addTargetedAnimation(
            Turn(Quaternion.Identity(), Quaternion.RotationAxis(Vector3.Up(), 0.9)),
            node("ORG-head", root),
        );
        source.addTargetedAnimation(Turn(Quaternion.Identity(), yaw), node("DEF-head", neck));
        source.addTargetedAnimation(Turn(Quaternion.Identity(), yaw), neck);
        let report: IClipReport | null = null;
        BindAnimationGroup(source, targets, scene, {}, (given) => (report = given))
            .start(true)
            .goToFrame(60);
        expect(Angle(targets.joints.neck.rotationQuaternion!, Mirrored(yaw.multiply(yaw)))).toBeLessThan(1e-3);
        expect(report!.doubles).toEqual(["ORG-head"]);
    });

    it("reads bones of .babylon files, by their matrices, from their bind pose", () => {
        const skeleton = new Skeleton("rig", "rig", scene);
        const bind = Matrix.Compose(Vector3.One(), Quaternion.RotationAxis(Vector3.Right(), 0.6), new Vector3(0, 1, 0));
        const head = new Bone("Head", skeleton, null, bind);
        const turn = Quaternion.RotationAxis(Vector3.Up(), 0.4);
        const key = turn.multiply(Quaternion.RotationAxis(Vector3.Right(), 0.6));
        const animation = new Animation("bone", "_matrix", 60, Animation.ANIMATIONTYPE_MATRIX);
        animation.setKeys([
            { frame: 0, value: bind },
            { frame: 60, value: Matrix.Compose(Vector3.One(), key, new Vector3(0, 1, 0)) },
        ]);
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(animation, head);
        BindAnimationGroup(source, targets, scene).start(true).goToFrame(60);
        expect(Angle(targets.joints.neck.rotationQuaternion!, turn)).toBeLessThan(1e-3);
    });

    it("knows a node's rest from its bone, wherever an earlier clip has left it", () => {
        const node = new TransformNode("Head", scene);
        node.parent = GltfRoot();
        const skeleton = new Skeleton("rig", "rig", scene);
        new Bone("Head", skeleton, null, Matrix.Identity()).linkTransformNode(node);
        const turn = Quaternion.RotationAxis(Vector3.Up(), 0.4);
        node.rotationQuaternion = turn.clone();
        const source = new AnimationGroup("clip", scene);
        source.addTargetedAnimation(Turn(turn, turn), node);
        BindAnimationGroup(source, targets, scene).start(true).goToFrame(30);
        expect(Angle(targets.joints.neck.rotationQuaternion!, Mirrored(turn))).toBeLessThan(1e-3);
    });

    it("does not care how a model was placed, and follows one that looks along -Z", () => {
        const pitch = Quaternion.RotationAxis(Vector3.Right(), 0.4);
        for (const rightHanded of [false, true]) {
            scene.useRightHandedSystem = rightHanded;
            for (const back of [false, true]) {
                const room = new TransformNode("room", scene);
                room.rotation.set(0.3, 1.2, 0);
                const root = new TransformNode("__root__", scene);
                root.parent = room;
                root.rotationQuaternion = Quaternion.FromEulerAngles(0, 2, 0.4);
                root.scaling.z = rightHanded ? 1 : -1;
                const head = new TransformNode("Head", scene);
                head.parent = root;
                const source = new AnimationGroup("clip", scene);
                source.addTargetedAnimation(
                    Turn(Quaternion.Identity(), back ? Quaternion.Inverse(pitch) : pitch),
                    head,
                );
                const facing = back ? new Vector3(0, 0, -1) : undefined;
                BindAnimationGroup(source, targets, scene, { facing }).start(true).goToFrame(60);
                expect(Angle(targets.joints.neck.rotationQuaternion!, pitch))
                    .withContext(`${rightHanded}, ${back}`)
                    .toBeLessThan(1e-3);
            }
        }
    });

    /** A clip that opens the jaw to 0.8 and turns the neck by 0.6 about its axis x. */
    function BindNod(name = "nod"): AnimationGroup {
        const node = new TransformNode("Head", scene);
        const source = new AnimationGroup(name, scene);
        source.addTargetedAnimation(Weights(0.8), new MorphTarget("jawOpen", 0, scene));
        source.addTargetedAnimation(Weights(0.4), new MorphTarget("viseme_O", 0, scene));
        source.addTargetedAnimation(Turn(Quaternion.Identity(), Quaternion.RotationAxis(Vector3.Right(), 0.6)), node);
        const bound = BindAnimationGroup(source, targets, scene, { name: `${name} bound` });
        source.dispose();
        return bound;
    }
    const nodded = (): number => Angle(targets.joints.neck.rotationQuaternion!, Quaternion.Identity());

    it("comes back from serialize and Parse with all its tracks", () => {
        const group = BindNod();
        group.speedRatio = 1.5;
        group.enableBlending = true;
        const text = JSON.stringify(group.serialize());
        const again = AnimationGroup.Parse(JSON.parse(text), scene);
        expect(again.targetedAnimations.map(({ target }) => target)).toEqual(
            group.targetedAnimations.map(({ target }) => target),
        );
        expect(again.targetedAnimations.length).toBe(3);
        expect([again.speedRatio, again.enableBlending, again.from, again.to]).toEqual([1.5, true, 0, 60]);
        again.enableBlending = false;
        again.start(true).goToFrame(60);
        expect(influence("jawOpen")).toBeCloseTo(0.8 + 0.4 * 0.38, 4);
        expect(nodded()).toBeCloseTo(0.6, 3);
        expect(scene.getMorphTargetById("ada.jawOpen")).toBe(
            targets.expression.getTrack("jawOpen") as unknown as MorphTarget,
        );
        targets.expression.dispose();
        targets.expression.dispose();
        expect(scene.getMorphTargetById("ada.jawOpen")).toBeNull();
    });

    it("fades, adds, masks, is cloned, starts again and resets as on a mesh", () => {
        // Weights: two clips share the face.
        const [one, two] = [BindNod("one"), BindNod("two")];
        one.start(true, 1, 60, 60);
        two.start(true, 1, 0, 0);
        one.setWeightForAllAnimatables(0.25);
        two.setWeightForAllAnimatables(0.75);
        scene.render();
        scene.render();
        expect(influence("jawOpen"))
            .withContext("weights")
            .toBeCloseTo(0.25 * (0.8 + 0.4 * 0.38), 3);
        expect(nodded()).withContext("weights").toBeCloseTo(0.15, 2);
        two.syncAllAnimationsWith(one.animatables[0]);
        expect(two.animatables[0].syncRoot).toBe(one.animatables[0]);
        one.stop();
        two.stop();
        // Reset: back to where it began.
        one.start(true).goToFrame(60);
        expect(influence("jawOpen")).toBeGreaterThan(0.5);
        one.reset();
        expect(influence("jawOpen")).withContext("reset").toBeLessThan(0.5);
        one.stop();
        targets.expression.reset();
        targets.joints.neck.rotationQuaternion!.set(0, 0, 0, 1);
        // A mask by track name.
        one.mask = new AnimationGroupMask(["jawOpen"], AnimationGroupMaskMode.Include);
        one.start(true, 1, 60, 60);
        scene.render();
        scene.render();
        expect(influence("jawOpen")).withContext("mask").toBeGreaterThan(0.8);
        expect([influence("mouthFunnel"), nodded()])
            .withContext("mask")
            .toEqual([0, 0]);
        one.stop();
        one.mask = undefined as never;
        targets.expression.reset();
        // A clone plays alone.
        const clone = one.clone("clone");
        clone.start(true).goToFrame(60);
        expect([clone.targetedAnimations.length, Math.round(100 * influence("jawOpen"))])
            .withContext("clone")
            .toEqual([3, 95]);
        clone.dispose();
        // Bound again after it was disposed.
        one.dispose();
        two.dispose();
        targets.expression.reset();
        targets.joints.neck.rotationQuaternion!.set(0, 0, 0, 1);
        const again = BindNod("again");
        again.start(true).goToFrame(60);
        expect(nodded()).withContext("bound again").toBeCloseTo(0.6, 3);
        again.dispose();
        // Additive on top of another.
        targets.expression.reset();
        targets.joints.neck.rotationQuaternion!.set(0, 0, 0, 1);
        const [base, added] = [BindNod("base"), BindNod("added")];
        AnimationGroup.MakeAnimationAdditive(added);
        base.start(true, 1, 30, 30);
        added.start(true, 1, 30, 30);
        base.setWeightForAllAnimatables(1);
        added.setWeightForAllAnimatables(0.5);
        scene.render();
        scene.render();
        expect(influence("mouthFunnel"))
            .withContext("additive")
            .toBeCloseTo(1.5 * 0.2 * 0.55, 3);
        expect(nodded()).withContext("additive").toBeCloseTo(0.45, 2);
    });
});
