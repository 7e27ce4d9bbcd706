// Clips of glTF files through Babylon's own loader, plain and with KHR_animation_pointer. NullEngine, no GPU.
import "@babylonjs/loaders/glTF/2.0/index";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import { ArkitNames } from "../../../../src/flame/expression";
import {
    BindAnimationGroup,
    type IAnimationTargets,
    type IClipReport,
} from "../../../../src/plugin/animation/bindAnimationGroup";
import { ExpressionTracks } from "../../../../src/plugin/animation/expressionTracks";
import { GlbWriter } from "../../../support/glb";

const Yaw = Quaternion.RotationAxis(Vector3.Up(), 0.4);

/** A head and teeth that share morphs, the teeth keyed 0, and a turning bone; each channel plain or by a pointer. */
function MakeGlb(pointers: boolean): ArrayBuffer {
    const glb = new GlbWriter();
    const position = glb.add("VEC3", new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0]), { min: [0, 0, 0], max: [1, 1, 0] });
    const morph = glb.add("VEC3", new Float32Array(9), { min: [0, 0, 0], max: [0, 0, 0] });
    const input = glb.add("SCALAR", new Float32Array([0, 1]));
    const weights = (jawOpen: number, smile: number) => glb.add("SCALAR", new Float32Array([0, 0, jawOpen, smile]));
    const mesh = () => ({
        primitives: [{ attributes: { POSITION: position }, targets: [{ POSITION: morph }, { POSITION: morph }] }],
        weights: [0, 0],
        extras: { targetNames: ["jawOpen", "viseme_E"] },
    });
    const samplers = [
        { input, output: weights(0, 0) },
        { input, output: weights(0.5, 1) },
        { input, output: glb.add("VEC4", new Float32Array([0, 0, 0, 1, ...Yaw.asArray()])) },
    ];
    const target = (node: number, path: string) =>
        pointers
            ? { path: "pointer", extensions: { KHR_animation_pointer: { pointer: `/nodes/${node}/${path}` } } }
            : { node, path };
    return glb.write({
        scene: 0,
        scenes: [{ nodes: [0, 1, 2] }],
        nodes: [{ name: "Wolf3D_Teeth", mesh: 0 }, { name: "Wolf3D_Head", mesh: 1 }, { name: "mixamorig:Head" }],
        meshes: [mesh(), mesh()],
        animations: [
            {
                name: "talk",
                channels: [
                    { sampler: 0, target: target(0, "weights") },
                    { sampler: 1, target: target(1, "weights") },
                    { sampler: 2, target: target(2, "rotation") },
                ],
                samplers,
            },
        ],
        ...(pointers ? { extensionsUsed: ["KHR_animation_pointer"] } : {}),
    });
}

for (const pointers of [false, true]) {
    it(`a glTF clip of several meshes drives the avatar, ${pointers ? "by pointers" : "by plain channels"}`, async () => {
        const engine = new NullEngine();
        const scene = new Scene(engine);
        new FreeCamera("camera", new Vector3(0, 0, -5), scene);
        const container = await LoadAssetContainerAsync(new Uint8Array(MakeGlb(pointers)), scene, {
            pluginExtension: ".glb",
        });
        const joint = (name: string) => new TransformNode(name, scene);
        const targets: IAnimationTargets = {
            name: "ada",
            expression: new ExpressionTracks(ArkitNames),
            joints: { neck: joint("n"), jaw: joint("j"), leftEye: joint("l"), rightEye: joint("r") },
        };
        const [clip] = container.animationGroups;
        expect(clip.targetedAnimations.length).toBe(5);
        let report: IClipReport | null = null;
        const bound = BindAnimationGroup(clip, targets, scene, {}, (given) => (report = given));
        bound.start(true).goToFrame(60);
        expect(targets.expression.getTrack("jawOpen").influence).toBeCloseTo(0.5 + 0.28, 4);
        expect(targets.expression.getTrack("mouthSmileLeft").influence).toBeCloseTo(0.15, 4);
        const { x, y, z, w } = targets.joints.neck.rotationQuaternion!;
        expect(2 * Math.atan2(y, w)).toBeCloseTo(-0.4, 3); // mirrored, as the loader mirrors what it shows
        expect(Math.hypot(x, z)).toBeLessThan(1e-3);
        expect(report!.doubles).toEqual(["jawOpen", "viseme_E"]);
        expect(report!.missing).toEqual([]);
        scene.dispose();
        engine.dispose();
    });
}
