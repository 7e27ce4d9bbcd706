// Recordings: the tracks of a recorded face against what was mixed, as a clip of Babylon's and as a glTF binary that
// Khronos' validator passes and Babylon's loader brings back. NullEngine.
import "@babylonjs/loaders/glTF/2.0/index";
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { validateBytes } from "gltf-validator";
import { ArkitNames } from "../../../../src/flame/expression";
import { BindAnimationGroup } from "../../../../src/plugin/animation/bindAnimationGroup";
import { FaceRecorder } from "../../../../src/plugin/live/faceRecorder";
import type { FaceClip } from "../../../../src/plugin/live/faceClip";
import { LifeSource } from "../../../../src/plugin/live/lifeSource";
import { LookAtSource } from "../../../../src/plugin/live/lookAtSource";
import { FrameS, MakeLiveFace, SaidSource, TurnAbout, type ILiveFace } from "../../../support/liveFace";

/** What was mixed in each frame. */
interface ITake {
    clip: FaceClip;
    expressions: Float32Array[];
    poses: Float32Array[];
    lifts: number[];
}

/** A lively second. */
function Record(face: ILiveFace, frames = 60): ITake {
    face.tracks.getTrack("jawOpen").influence = 0.2;
    face.mixer.add(new LifeSource({ seed: 4, blink: 60, sway: 4, saccades: 8, mood: "happy" }), { fadeS: 0 });
    face.camera.position.set(0.5, 0.2, 1);
    face.mixer.add(new LookAtSource("camera"), { fadeS: 0 });
    face.mixer.add(new SaidSource({ mouthPucker: 0.3 }, { jaw: TurnAbout("x", 0.1) }), { fadeS: 0 });
    const recorder = new FaceRecorder(face.avatar);
    recorder.start();
    const take: Omit<ITake, "clip"> = { expressions: [], poses: [], lifts: [] };
    for (let frame = 0; frame < frames; frame++) {
        face.draw();
        take.expressions.push(face.expression.slice());
        take.poses.push(face.pose.slice());
        take.lifts.push(face.joints.sourceJoints.torso.position.y);
    }
    return { ...take, clip: recorder.stop() };
}

/** Plays a clip frame by frame on a face without sources. @returns the largest difference to what was recorded */
function WorstOfPlayback(face: ILiveFace, group: AnimationGroup, take: ITake): number {
    group.start(false);
    group.pause();
    let worst = 0;
    take.expressions.forEach((expression, frame) => {
        group.goToFrame(group.from + frame * FrameS * 60);
        face.draw();
        expression.forEach((value, index) => (worst = Math.max(worst, Math.abs(value - face.expression[index]))));
        take.poses[frame].forEach((value, index) => (worst = Math.max(worst, Math.abs(value - face.pose[index]))));
    });
    return worst;
}

for (const rightHanded of [false, true]) {
    describe(`a recorded face in a ${rightHanded ? "right" : "left"}-handed scene`, () => {
        let face: ILiveFace;
        let other: ILiveFace;
        beforeEach(() => {
            face = MakeLiveFace({ rightHanded });
            other = MakeLiveFace({ rightHanded });
        });
        afterEach(() => {
            face.dispose();
            other.dispose();
        });

        it("plays as a clip as it was", () => {
            const take = Record(face);
            expect(take.clip.frameCount).toBe(60);
            expect(take.clip.durationS).toBeCloseTo(59 * FrameS, 6);
            const group = take.clip.toAnimationGroup(other.avatar);
            expect(group.name).toBe("ada ada");
            expect(WorstOfPlayback(other, group, take)).toBeLessThan(1e-5);
            expect(other.joints.clipJoints.torso.position.y).toBeCloseTo(take.lifts[59], 6);
        });

        it("comes back from a glTF binary as it was, without an error of the validator", async () => {
            const take = Record(face);
            const glb = take.clip.toGlb();
            const report = await validateBytes(glb);
            expect(report.issues.messages.filter(({ severity }) => severity < 2)).toEqual([]);
            expect(report.info.hasMorphTargets).toBe(true);

            const file = new File([glb], "take.glb");
            const container = await LoadAssetContainerAsync(file, other.scene, { pluginExtension: ".glb" });
            const manager = container.meshes.find(({ morphTargetManager }) => morphTargetManager)!.morphTargetManager!;
            expect(Array.from({ length: 52 }, (_, index) => manager.getTarget(index).name)).toEqual([...ArkitNames]);
            const missing: string[] = [];
            const group = BindAnimationGroup(
                container.animationGroups[0],
                { name: "ada", expression: other.tracks, joints: other.joints.clipJoints },
                other.scene,
                { onMissing: (name) => missing.push(name), torso: true },
            );
            expect(missing).toEqual([]);
            expect(group.targetedAnimations.length).toBe(52 + 5);
            expect(WorstOfPlayback(other, group, take)).toBeLessThan(2e-5);
        });
    });
}

describe("a recorder", () => {
    let face: ILiveFace;
    beforeEach(() => (face = MakeLiveFace()));
    afterEach(() => face.dispose());

    it("records one source as it speaks, whatever its weight", () => {
        face.tracks.getTrack("browInnerUp").influence = 0.5;
        const handle = face.mixer.add(new SaidSource({ jawOpen: 0.8 }), { weight: 0.1 });
        const recorder = new FaceRecorder(face.avatar, { handle });
        recorder.start();
        face.draw(3);
        expect([recorder.isRecording, recorder.durationS]).toEqual([true, 2 * FrameS]);
        const clip = recorder.stop();
        expect([clip.name, recorder.isRecording]).toEqual(["said", false]);
        const group = clip.toAnimationGroup(face.avatar);
        expect(group.targetedAnimations.map(({ target }) => target.name)).toEqual(["jawOpen"]);
        expect(group.targetedAnimations[0].animation.getKeys().map(({ value }) => value)).toEqual([
            Math.fround(0.8),
            Math.fround(0.8),
        ]);
    });

    it("needs frames, and a handle of its own avatar", () => {
        const recorder = new FaceRecorder(face.avatar);
        recorder.start();
        expect(() => recorder.stop()).toThrowError(/no frame/);
        const other = MakeLiveFace();
        const handle = other.mixer.add(new SaidSource(), {});
        expect(() => new FaceRecorder(face.avatar, { handle })).toThrowError(/not on/);
        other.dispose();
    });

    it("does not keep a face mixing once it has stopped", () => {
        face.mixer.update();
        const recorder = new FaceRecorder(face.avatar);
        recorder.start();
        expect(face.mixer.update()).toBe(true);
        face.draw();
        recorder.stop();
        expect(face.mixer.update()).toBe(false);
    });
});
