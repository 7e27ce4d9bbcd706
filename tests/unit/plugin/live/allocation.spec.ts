// What a frame of a live face allocates: no object, only numbers that the engine boxes here and there. It needs
// Chromium's --enable-precise-memory-info and --expose-gc (karma.conf.js).
import { ClipSource } from "../../../../src/plugin/live/faceClip";
import type { IFaceSource } from "../../../../src/plugin/live/faceSource";
import { LifeSource } from "../../../../src/plugin/live/lifeSource";
import { LookAtSource } from "../../../../src/plugin/live/lookAtSource";
import { ParseFaceClip } from "../../../../src/plugin/live/readFaceClip";
import { StreamSource } from "../../../../src/plugin/live/streamSource";
import { MakeLiveFace } from "../../../support/liveFace";

/** One array of 52 weights is 270 bytes, a closure or a small object 50 and more. */
const MostBytes = 256;
const [WarmFrames, Frames, Runs] = [15000, 4000, 5];

declare const gc: (() => void) | undefined;

/** Bytes on the heap. */
function Heap(): number {
    return (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
}

describe("a frame of a live face", () => {
    const clip = ParseFaceClip({
        fps: 30,
        frames: Array.from({ length: 50 }, (_, frame) => ({ jawOpen: frame / 50, HeadYaw: frame / 100 })),
    });
    const sources: [string, () => IFaceSource | null][] = [
        ["without a source", () => null],
        ["with life", () => new LifeSource({ seed: 1 })],
        ["with a look", () => new LookAtSource("camera")],
        ["with a clip", () => new ClipSource(clip, { loop: true })],
        [
            "with a stream",
            () => {
                const stream = new StreamSource({ now: () => 1000.5 });
                stream.push({ jawOpen: 0.5, HeadYaw: 0.1 });
                return stream;
            },
        ],
    ];
    for (const [name, make] of sources) {
        it(`allocates nothing ${name}`, () => {
            const face = MakeLiveFace();
            const source = make();
            if (source) {
                face.mixer.add(source, { mask: { face: 0.9, head: 1, body: 1 }, weight: 0.8 });
            }
            let frameId = 0;
            face.scene.getFrameId = () => frameId; // a rendered frame would allocate itself
            face.scene.deltaTime = 16.7;
            const run = (frames: number): void => {
                for (let frame = 0; frame < frames; frame++) {
                    frameId++;
                    face.mixer.update();
                    face.mixer.mixToRef(face.expression);
                    face.joints.readPoseToRef(face.pose);
                }
            };
            run(WarmFrames);
            let least = Infinity;
            for (let at = 0; at < Runs; at++) {
                gc!();
                const before = Heap();
                run(Frames);
                least = Math.min(least, Math.max(0, Heap() - before) / Frames);
            }
            expect(least).toBeLessThan(MostBytes);
            face.dispose();
        });
    }
});
