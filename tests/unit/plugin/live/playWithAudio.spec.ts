// Clips on a sound's clock: pauses, seeks, speeds, ends. The sounds are the spec's own clocks. NullEngine.
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { AudioTime, type IStartedBuffer } from "../../../../src/plugin/live/audioClock";
import { PlayWithAudio } from "../../../../src/plugin/live/playWithAudio";
import { ParseFaceClip } from "../../../../src/plugin/live/readFaceClip";
import { MakeLiveFace, type ILiveFace } from "../../../support/liveFace";

describe("a clip with a sound", () => {
    let face: ILiveFace;
    let group: AnimationGroup;
    beforeEach(() => {
        face = MakeLiveFace();
        // The jaw says the time: a second in a hundred frames.
        const frames = Array.from({ length: 101 }, (_, frame) => ({ jawOpen: frame / 100 }));
        group = ParseFaceClip({ fps: 100, frames }).toAnimationGroup(face.avatar);
    });
    afterEach(() => face.dispose());

    it("is where the sound is: from the first frame, after seeks, while it stands", () => {
        const audio = { currentTime: 0.25 };
        const playback = PlayWithAudio(group, audio);
        face.draw();
        expect(face.weight("jawOpen")).toBeCloseTo(0.25, 5);
        for (const time of [0.3, 0.85, 0.1, 0.1, 0.999]) {
            audio.currentTime = time;
            face.draw();
            expect(face.weight("jawOpen")).toBeCloseTo(time, 5);
            expect(playback.timeS).toBeCloseTo(time, 6);
        }
        audio.currentTime = 3; // the sound is longer
        face.draw();
        expect(face.weight("jawOpen")).toBe(1);
        expect(playback.isFollowing).toBe(true);
    });

    it("begins at its offset, ends with the sound, and goes on with it", () => {
        const audio = { currentTime: 0.1, ended: false };
        const playback = PlayWithAudio(group, audio, { offsetS: 0.5 });
        face.draw();
        expect([playback.isFollowing, !group.isStarted]).toEqual([false, true]);
        audio.currentTime = 0.75;
        face.draw();
        expect(face.weight("jawOpen")).toBeCloseTo(0.25, 5);
        audio.ended = true;
        face.draw();
        expect([playback.isFollowing, !group.isStarted]).toEqual([false, true]);
        audio.ended = false;
        audio.currentTime = 0.6;
        face.draw();
        expect(face.weight("jawOpen")).toBeCloseTo(0.1, 5);
        playback.dispose();
        playback.dispose();
        audio.currentTime = 0.9;
        face.draw();
        expect(face.weight("jawOpen")).toBeCloseTo(0.1, 5);
    });

    it("mixes by its group's weight", () => {
        group.weight = 0.5;
        PlayWithAudio(group, { currentTime: 0.8 });
        face.draw(2);
        expect(face.weight("jawOpen")).toBeCloseTo(0.4, 5);
    });

    it("ends with its group", () => {
        PlayWithAudio(group, { currentTime: 0.5 });
        expect(face.scene.onBeforeAnimationsObservable.hasObservers()).toBe(true);
        group.dispose();
        face.draw();
        expect(face.scene.onBeforeAnimationsObservable.hasObservers()).toBe(false);
    });

    it("follows a buffer by the context's clock, its speed, its loop and its way to the ear", () => {
        const started = (node: object, startedAtS: number, offsetS?: number): IStartedBuffer =>
            ({ node, startedAtS, offsetS }) as IStartedBuffer;
        const context = { currentTime: 10.6, outputLatency: 0.1 };
        const node = {
            context,
            playbackRate: { value: 2 },
            loop: false,
            buffer: { duration: 2 },
            loopStart: 0,
            loopEnd: 0,
        };
        expect(AudioTime(started(node, 10, 0.3))).toBeCloseTo(1.3, 9);
        expect(AudioTime(started(node, 11))).toBe(0); // not yet
        const playback = PlayWithAudio(group, started(node, 10.3));
        face.draw();
        expect(face.weight("jawOpen")).toBeCloseTo(0.4, 5);
        context.currentTime = 11.5;
        face.draw();
        expect(playback.isFollowing).toBe(false); // over
        const looped = { ...node, loop: true, loopStart: 0.5, loopEnd: 1.5 };
        expect(AudioTime(started(looped, 10.5))).toBeCloseTo(0.8, 9);
    });

    it("follows a real media element", async () => {
        const audio = new Audio();
        const playback = PlayWithAudio(group, audio);
        face.draw();
        expect(playback.isFollowing).toBe(true);
        expect(face.weight("jawOpen")).toBe(0);
    });

    it("refuses a clip that drives nothing", () => {
        const empty = group.clone("empty");
        empty.targetedAnimations.length = 0;
        expect(() => PlayWithAudio(empty, { currentTime: 0 })).toThrowError(/drives nothing/);
    });
});
