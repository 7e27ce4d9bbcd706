// Expression tracks under Babylon's own animation system: a NullEngine, no GPU.
import "@babylonjs/core/Animations/animatable";
import { Animation } from "@babylonjs/core/Animations/animation";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarError } from "../../../../src/flame/error";
import { ExpressionTracks } from "../../../../src/plugin/animation/expressionTracks";

function Ramp(from: number, to: number): Animation {
    const animation = new Animation("ramp", "influence", 60, Animation.ANIMATIONTYPE_FLOAT);
    animation.setKeys([
        { frame: 0, value: from },
        { frame: 60, value: to },
    ]);
    return animation;
}

describe("expression tracks", () => {
    let engine: NullEngine;
    let scene: Scene;
    let tracks: ExpressionTracks;

    beforeEach(() => {
        engine = new NullEngine();
        scene = new Scene(engine);
        new FreeCamera("camera", new Vector3(0, 0, -5), scene);
        scene.useConstantAnimationDeltaTime = true;
        tracks = new ExpressionTracks(["jawOpen", "mouthSmileLeft", "mouthLeft"]);
    });
    afterEach(() => {
        scene.dispose();
        engine.dispose();
    });

    it("read like a MorphTargetManager", () => {
        tracks.getTrack("mouthSmileLeft").influence = 0.25;
        expect(tracks.numTargets).toBe(3);
        expect(tracks.getTarget(1).name).toBe("mouthSmileLeft");
        expect(tracks.getTarget(1).influence).toBe(0.25);
        expect([...tracks.influences]).toEqual([0, 0.25, 0]);
        expect(tracks.getTargetByName("ARKit_MouthSmile_L")).toBe(tracks.getTarget(1));
        expect(tracks.getTargetByName("mouth_L")).toBe(tracks.getTarget(2));
        expect(tracks.getTargetByName("nope")).toBeNull();
    });

    it("throw with the known names for an unknown one", () => {
        expect(() => tracks.getTrack("wink")).toThrowMatching(
            (error) => error instanceof FlexAvatarError && /jawOpen/.test(error.message),
        );
    });

    it("clamp the sample but keep the raw influence, and take NaN for 0", () => {
        const sample = new Float32Array(3);
        tracks.getTarget(0).influence = 1.5;
        tracks.getTarget(1).influence = -0.5;
        tracks.getTarget(2).influence = NaN;
        tracks.sampleToRef(sample);
        expect([...sample]).toEqual([1, 0, 0]);
        expect(tracks.getTarget(0).influence).toBe(1.5);
    });

    it("count a revision per change and none for the same value", () => {
        const before = tracks.revision;
        tracks.getTarget(0).influence = 0.5;
        expect(tracks.revision).toBe(before + 1);
        tracks.getTarget(0).influence = 0.5;
        expect(tracks.revision).toBe(before + 1);
    });

    it("follow an AnimationGroup seek", () => {
        const group = new AnimationGroup("talk", scene);
        group.addTargetedAnimation(Ramp(0, 1), tracks.getTrack("jawOpen"));
        const before = tracks.revision;
        group.start(true);
        group.goToFrame(30);
        expect(tracks.getTrack("jawOpen").influence).toBeCloseTo(0.5, 3);
        expect(tracks.revision).toBeGreaterThan(before);
    });

    it("take the weighted mean of two groups", () => {
        const track = tracks.getTrack("jawOpen");
        const groups = [0.2, 0.8].map((value) => {
            const group = new AnimationGroup(`hold ${value}`, scene);
            group.addTargetedAnimation(Ramp(value, value), track);
            group.start(true);
            group.setWeightForAllAnimatables(value === 0.2 ? 0.25 : 0.75);
            return group;
        });
        scene.render();
        scene.render();
        expect(track.influence).toBeCloseTo(0.25 * 0.2 + 0.75 * 0.8, 5);
        groups.forEach((group) => group.stop());
    });

    it("add an additive group on top of a base", () => {
        const track = tracks.getTrack("jawOpen");
        const base = new AnimationGroup("base", scene);
        base.addTargetedAnimation(Ramp(0.3, 0.3), track);
        base.start(true);
        base.setWeightForAllAnimatables(1);
        const extra = new AnimationGroup("extra", scene);
        const step = Ramp(0, 0.4);
        step.setKeys([
            { frame: 0, value: 0 },
            { frame: 1, value: 0.4 },
            { frame: 60, value: 0.4 },
        ]);
        extra.addTargetedAnimation(step, track);
        AnimationGroup.MakeAnimationAdditive(extra);
        extra.start(true, 1, extra.from, extra.to, true);
        extra.setWeightForAllAnimatables(1);
        scene.render();
        scene.render();
        scene.render();
        expect(track.influence).toBeCloseTo(0.7, 4);
    });

    it("blend from the present influence when blending is on", () => {
        const track = tracks.getTrack("jawOpen");
        track.influence = 0.8;
        const group = new AnimationGroup("blend", scene);
        group.addTargetedAnimation(Ramp(0, 0), track);
        group.enableBlending = true;
        group.blendingSpeed = 0.1;
        group.start(true);
        const seen: number[] = [];
        for (let frame = 0; frame < 12; frame++) {
            scene.render();
            seen.push(track.influence);
        }
        expect(seen[0]).toBeGreaterThan(0.5);
        expect(seen.at(-1)).toBeLessThan(0.05);
    });
});
