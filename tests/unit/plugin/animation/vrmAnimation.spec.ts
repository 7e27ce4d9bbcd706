// VRM animation files, made here: what they mean on an avatar. NullEngine, no GPU.
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import { ArkitNames } from "../../../../src/flame/expression";
import { BindAnimationGroup, type IAnimationTargets } from "../../../../src/plugin/animation/bindAnimationGroup";
import { LoadVrmAnimationAsync } from "../../../../src/plugin/animation/vrmAnimation";
import { ExpressionTracks } from "../../../../src/plugin/animation/expressionTracks";
import { GlbWriter } from "../../../support/glb";

const Rest = Quaternion.RotationAxis(new Vector3(1, 2, 3).normalize(), 0.7);
const Yaw = Quaternion.RotationAxis(Vector3.Up(), 0.4);
const Pitch = Quaternion.RotationAxis(Vector3.Right(), 0.3);
const Gaze = Quaternion.RotationAxis(Vector3.Up(), 0.2);

/** One second: the neck turns, the head nods, the eyes look aside, a smile comes and a custom jawOpen goes to 0.5. */
function MakeVrma({ lookAt = true, extension = true, times = [0, 1] } = {}): ArrayBuffer {
    const glb = new GlbWriter();
    const input = glb.add("SCALAR", Float32Array.from(times));
    const turn = (to: Quaternion, rest: Quaternion) =>
        glb.add("VEC4", Float32Array.from([...rest.asArray(), ...to.asArray()]));
    // The neck's rest is turned, and the hips' above it; the wanted turn is about the model's axes.
    const hips = Quaternion.RotationAxis(Vector3.Right(), Math.PI / 2);
    const inModel = (wanted: Quaternion) => Quaternion.Inverse(hips).multiply(wanted).multiply(hips).multiply(Rest);
    const nod = [...Quaternion.Identity().asArray(), ...Pitch.asArray()].map((number) => Math.round(32767 * number));
    const weights = (value: number) => glb.add("VEC3", Float32Array.from([0, 0, 0, value, 0, 0]));
    // Cubic: in-tangent, value, out-tangent of both keys.
    const cubic = glb.add("VEC3", Float32Array.from([0, 0, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0]));
    const samplers = [
        { input, output: turn(inModel(Yaw), Rest) },
        { input, output: glb.add("VEC4", Int16Array.from(nod), { normalized: true }) },
        { input, output: weights(0.8) },
        { input, output: cubic, interpolation: "CUBICSPLINE" },
        { input, output: turn(Gaze, Quaternion.Identity()) },
        { input, output: turn(Yaw, Quaternion.Identity()) },
    ];
    const channel = (sampler: number, node: number, path: string) => ({ sampler, target: { node, path } });
    return glb.write({
        nodes: [
            { name: "hips", children: [1], rotation: hips.asArray() },
            { name: "neck bone", children: [2], rotation: Rest.asArray() },
            { name: "head bone" },
            { name: "happy" },
            { name: "jaw" },
            { name: "gaze" },
        ],
        animations: [
            {
                name: "hello",
                channels: [
                    channel(0, 1, "rotation"),
                    channel(1, 2, "rotation"),
                    channel(2, 3, "translation"),
                    channel(3, 4, "translation"),
                    channel(4, 5, "rotation"),
                    channel(5, 0, "rotation"),
                ],
                samplers,
            },
        ],
        extensionsUsed: ["VRMC_vrm_animation"],
        extensions: extension && {
            VRMC_vrm_animation: {
                specVersion: "1.0",
                humanoid: { humanBones: { hips: { node: 0 }, neck: { node: 1 }, head: { node: 2 } } },
                expressions: { preset: { happy: { node: 3 } }, custom: { jawOpen: { node: 4 } } },
                ...(lookAt ? { lookAt: { node: 5 } } : {}),
            },
        },
    });
}

function Angle(a: Quaternion, b: Quaternion): number {
    return 2 * Math.acos(Math.min(1, Math.abs(Quaternion.Dot(a, b))));
}

for (const rightHanded of [false, true]) {
    describe(`a VRM animation in a ${rightHanded ? "right" : "left"}-handed scene`, () => {
        let engine: NullEngine;
        let scene: Scene;
        let targets: IAnimationTargets;
        beforeEach(() => {
            engine = new NullEngine();
            scene = new Scene(engine);
            scene.useRightHandedSystem = rightHanded;
            new FreeCamera("camera", new Vector3(0, 0, -5), scene);
            const joint = (name: string) => new TransformNode(name, scene);
            targets = {
                name: "ada",
                expression: new ExpressionTracks(ArkitNames),
                joints: { neck: joint("n"), jaw: joint("j"), leftEye: joint("l"), rightEye: joint("r") },
            };
        });
        afterEach(() => {
            scene.dispose();
            engine.dispose();
        });
        const asSeen = ({ x, y, z, w }: Quaternion) =>
            rightHanded ? new Quaternion(x, y, z, w) : new Quaternion(x, -y, -z, w);

        it("turns head and eyes, smiles, and leaves nothing but its group in the scene", async () => {
            const missing: string[] = [];
            const before = [scene.transformNodes.length, scene.rootNodes.length];
            for (const source of [MakeVrma(), new Uint8Array(MakeVrma()), new Blob([MakeVrma()])]) {
                const clip = await LoadVrmAnimationAsync(source, scene);
                expect([scene.transformNodes.length, scene.rootNodes.length]).toEqual(before);
                expect(scene.animationGroups).toEqual([clip]);
                expect([clip.name, clip.from, clip.to]).toEqual(["hello", 0, 60]);
                const bound = BindAnimationGroup(clip, targets, scene, { onMissing: (name) => missing.push(name) });
                clip.dispose();
                bound.start(true);
                bound.goToFrame(60);
                // the head's parents at rest
                const above = Quaternion.RotationAxis(Vector3.Right(), Math.PI / 2).multiply(Rest);
                expect(
                    Angle(
                        targets.joints.neck.rotationQuaternion!,
                        asSeen(Yaw.multiply(above).multiply(Pitch).multiply(Quaternion.Inverse(above))),
                    ),
                ).toBeLessThan(2e-3);
                for (const eye of ["leftEye", "rightEye"] as const) {
                    expect(Angle(targets.joints[eye].rotationQuaternion!, asSeen(Gaze))).toBeLessThan(2e-3);
                }
                expect(targets.expression.getTrack("mouthSmileLeft").influence).toBeCloseTo(0.8 * 0.8, 4);
                bound.goToFrame(30);
                // A cubic from 0 with slope 0.5 per second to 0.5 with slope 0.
                expect(targets.expression.getTrack("jawOpen").influence).toBeCloseTo(0.25 + 0.5 / 8 + 0.06 * 0.4, 3);
                bound.dispose();
            }
            expect(missing).toEqual([]);
        });

        it("needs no gaze", async () => {
            const clip = await LoadVrmAnimationAsync(MakeVrma({ lookAt: false }), scene);
            expect(clip.targetedAnimations.map(({ target }) => target.name)).toEqual([
                "neck",
                "head",
                "happy",
                "jawOpen",
            ]);
            const nod = clip.targetedAnimations[1].animation.getKeys()[1].value as Quaternion;
            expect(nod.length()).withContext("normalized 16 bit").toBeCloseTo(1, 4);
        });

        it("refuses other and damaged files with a code and leaves no group", async () => {
            const whole = new Uint8Array(MakeVrma());
            const broken: [string, string | Uint8Array | ArrayBuffer][] = [
                ["no extension", MakeVrma({ extension: false })],
                ["more times than values", MakeVrma({ times: [0, 0.5, 1] })],
                ["empty", new Uint8Array()],
                ["a text", new TextEncoder().encode("glTF, but not really a binary of it")],
                ["no such file", "/repo/nothing.vrma"],
            ];
            for (let length = 12; length < whole.length - 1; length += 97) {
                broken.push([`cut at ${length}`, whole.slice(0, length)]);
            }
            for (const [what, source] of broken) {
                const codes = await LoadVrmAnimationAsync(source, scene).then(
                    () => "none",
                    (error) => error.code,
                );
                expect(codes)
                    .withContext(what)
                    .toBe(what === "no such file" ? "file-missing" : "file-format");
            }
            expect(scene.animationGroups).toEqual([] as AnimationGroup[]);
        });
    });
}
