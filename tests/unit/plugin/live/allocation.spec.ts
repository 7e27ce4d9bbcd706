// What a frame of a live face allocates: no object, only numbers that the engine boxes here and there. It needs
// Chromium's --enable-precise-memory-info and --expose-gc (karma.conf.js).
import { ClipSource } from "../../../../src/plugin/live/faceClip";
import type { IFaceSource } from "../../../../src/plugin/live/faceSource";
import { LifeSource } from "../../../../src/plugin/live/lifeSource";
import { LookAtSource } from "../../../../src/plugin/live/lookAtSource";
import { ParseFaceClip } from "../../../../src/plugin/live/readFaceClip";
import { StreamSource } from "../../../../src/plugin/live/streamSource";
import { MakeLiveFace } from "../../../support/liveFace";

/** Boxed numbers are 30 to 150 bytes; a list of 52 weights is 450. */
const MostBytes = 200;
const [WarmFrames, Frames, Runs] = [15000, 4000, 5];

declare const gc: (() => void) | undefined;

/** Bytes on the heap. */
function Heap(): number {
    return (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
}

/** What is allocated per frame with a source, at most; the least of some runs, because others use the heap too. */
function BytesPerFrame(source: IFaceSource | null): number {
    const face = MakeLiveFace();
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
    face.dispose();
    return least;
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
            expect(BytesPerFrame(make())).toBeLessThan(MostBytes);
        });
    }

    it("with a source that makes an array is found out", () => {
        let last: number[] = [];
        const wasteful: IFaceSource = {
            name: "wasteful",
            readFrame: (frame) => {
                last = [...frame.weights];
                return last.length > 0;
            },
        };
        expect(BytesPerFrame(wasteful)).toBeGreaterThan(MostBytes);
    });
});
