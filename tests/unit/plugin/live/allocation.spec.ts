// What a frame of a live face allocates: no object, only numbers that the engine boxes here and there. It needs
// Chromium's --enable-precise-memory-info and --expose-gc (karma.conf.js).
import { ArkitNames } from "../../../../src/flame/expression";
import { CameraSource } from "../../../../src/plugin/live/camera/cameraSource";
import { ClipSource } from "../../../../src/plugin/live/faceClip";
import type { IFaceSource } from "../../../../src/plugin/live/faceSource";
import { LifeSource } from "../../../../src/plugin/live/lifeSource";
import { LookAtSource } from "../../../../src/plugin/live/lookAtSource";
import { ParseFaceClip } from "../../../../src/plugin/live/readFaceClip";
import { StreamSource } from "../../../../src/plugin/live/streamSource";
import { VoiceSource } from "../../../../src/plugin/live/voice/voiceSource";
import { CameraResult, CameraStates, CreateCameraResult } from "../../../../src/runtime/camera/cameraResult";
import { VisemeFrames, VoiceVisemes } from "../../../../src/runtime/voice/visemeFrames";
import { MakeLiveFace } from "../../../support/liveFace";

/** Boxed numbers are 30 to 100 bytes of each source, and as many of the mixer; a list of 52 weights is 450. */
const MostBytes = 100;
const [WarmFrames, Frames, Runs] = [15000, 4000, 5];

declare const gc: (() => void) | undefined;

/** Bytes on the heap. */
function Heap(): number {
    return (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
}

/** What is allocated per frame with sources, at most; the least of some runs, because others use the heap too. */
function BytesPerFrame(...sources: IFaceSource[]): number {
    const face = MakeLiveFace();
    sources.forEach((source, priority) =>
        face.mixer.add(source, { mask: { face: 0.9, head: 1, body: 1 }, weight: 0.8, priority }),
    );
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
    sources.forEach((source) => source.dispose?.());
    face.dispose();
    return least;
}

/** A camera whose worker has an answer for every second frame. */
function FollowingCamera(): IFaceSource {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d");
    const camera = new CameraSource(canvas.captureStream(0));
    camera["_state"] = "following";
    camera["_order"] = Int32Array.from(ArkitNames, (_, index) => index);
    const result = CreateCameraResult(ArkitNames.length);
    result[CameraResult.State] = CameraStates.Following;
    result[CameraResult.Turn + 3] = 1;
    const read = camera.readFrame.bind(camera);
    let frames = 0;
    camera.readFrame = (frame, timeS, deltaS) => {
        if (frames++ % 2 === 0) {
            camera["_frameMs"] = 16.5 * frames;
            result[CameraResult.Expression] = 0.01 * (frames % 50);
            camera["_onResult"](result);
        }
        return read(frame, timeS, deltaS);
    };
    return camera;
}

/** A voice that has heard all visemes. */
function HearingVoice(): IFaceSource {
    const node = new ConstantSourceNode(new OfflineAudioContext(1, 128, 48_000));
    const voice = new VoiceSource(node);
    const frames = new VisemeFrames(64);
    for (let frame = 0; frame < 100; frame++) {
        frames.push(
            VoiceVisemes.map((_, viseme) => (viseme === frame % VoiceVisemes.length ? 1 : 0)),
            0.5,
        );
    }
    voice["_ear"] = { frames, db: -20, listen: () => undefined, dispose: () => undefined };
    return voice;
}

function SpokenStream(): IFaceSource {
    const stream = new StreamSource({ now: () => 1000.5 });
    stream.push({ jawOpen: 0.5, HeadYaw: 0.1 });
    return stream;
}

describe("a frame of a live face", () => {
    const clip = ParseFaceClip({
        fps: 30,
        frames: Array.from({ length: 50 }, (_, frame) => ({ jawOpen: frame / 50, HeadYaw: frame / 100 })),
    });
    const life = () => new LifeSource({ seed: 1 });
    const look = () => new LookAtSource("camera");
    const played = () => new ClipSource(clip, { loop: true });
    const sources: [string, () => IFaceSource[]][] = [
        ["without a source", () => []],
        ["with life", () => [life()]],
        ["with a look", () => [look()]],
        ["with a clip", () => [played()]],
        ["with a stream", () => [SpokenStream()]],
        ["with a voice", () => [HearingVoice()]],
        ["with a camera that follows", () => [FollowingCamera()]],
        [
            "with all of them at once",
            () => [played(), SpokenStream(), FollowingCamera(), HearingVoice(), look(), life()],
        ],
    ];
    for (const [name, make] of sources) {
        it(`allocates nothing ${name}`, () => {
            const made = make();
            expect(BytesPerFrame(...made)).toBeLessThan(MostBytes * (1 + Math.max(1, made.length)));
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
        expect(BytesPerFrame(wasteful)).toBeGreaterThan(2 * MostBytes);
    });
});
