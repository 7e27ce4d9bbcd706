// A sound becomes a clip.
import "@babylonjs/core/Animations/animatable";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { Scene } from "@babylonjs/core/scene";
import { ArkitNames } from "../../../../../src/flame/expression";
import { ExpressionTracks } from "../../../../../src/plugin/animation/expressionTracks";
import { BakeVoiceAsync } from "../../../../../src/plugin/live/voice/bakeVoice";

describe("a baked voice", () => {
    let scene: Scene;
    let buffer: AudioBuffer;

    beforeAll(async () => {
        const offline = new OfflineAudioContext(1, 1, 22_050);
        buffer = await offline.decodeAudioData(await (await fetch("/repo/tests/fixtures/voice/000.wav")).arrayBuffer());
    });
    beforeEach(() => (scene = new Scene(new NullEngine())));
    afterEach(() => scene.getEngine().dispose());

    const target = () => {
        const expression = new ExpressionTracks([...ArkitNames]);
        return { expression, getScene: () => scene };
    };

    it("is as long as its sound and the closing mouth, and the same each time", async () => {
        const avatar = target();
        const [first, second] = [await BakeVoiceAsync(buffer, avatar), await BakeVoiceAsync(buffer, avatar)];
        expect((first.to - first.from) / 60).toBeCloseTo(buffer.duration + 0.25, 1);
        expect(first.targetedAnimations.length).toBeGreaterThan(10);
        first.targetedAnimations.forEach(({ animation }, index) => {
            const keys = animation.getKeys();
            expect(keys).toEqual(second.targetedAnimations[index].animation.getKeys());
            expect(keys[0].value).toBeLessThan(0.02);
            expect(keys.at(-1)!.value).toBeLessThan(0.02);
            expect(keys.every(({ value }) => value >= 0 && value <= 1)).toBeTrue();
        });
        const jaw = first.targetedAnimations.find(({ animation }) => animation.name.endsWith("jawOpen"))!.animation;
        expect(Math.max(...jaw.getKeys().map(({ value }) => value))).toBeGreaterThan(0.2);
        expect(jaw.getKeys().length).toBeLessThan(0.8 * 60 * buffer.duration);
    });

    it("drives the tracks of the avatar when it plays", async () => {
        const avatar = target();
        const group = await BakeVoiceAsync(buffer, avatar);
        const jaw = group.targetedAnimations.find(({ animation }) => animation.name.endsWith("jawOpen"))!.animation;
        const widest = jaw.getKeys().reduce((one, other) => (other.value > one.value ? other : one));
        group.start(false);
        group.pause();
        group.goToFrame(widest.frame);
        expect(avatar.expression.getTrack("jawOpen").influence).toBeCloseTo(widest.value, 3);
    });

    it("refuses what it cannot make, and stops where it is told to", async () => {
        await expectAsync(BakeVoiceAsync(buffer, target(), { frameRate: 0 })).toBeRejectedWith(
            jasmine.objectContaining({ code: "invalid-argument" }),
        );
        await expectAsync(BakeVoiceAsync(buffer, target(), { signal: AbortSignal.abort() })).toBeRejectedWith(
            jasmine.objectContaining({ code: "aborted" }),
        );
        expect(scene.animationGroups.length).toBe(0);
    });
});
