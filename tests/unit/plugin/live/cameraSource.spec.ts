import type { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { ArkitNames, ExpressionIndex } from "../../../../src/flame/expression";
import type { HeadModel } from "../../../../src/flame/headModel";
import type { CameraState, ICameraLandmarker } from "../../../../src/plugin/live/camera/cameraOptions";
import { CameraSource } from "../../../../src/plugin/live/camera/cameraSource";
import { CameraResult, CameraStates } from "../../../../src/runtime/camera/cameraResult";
import { CreateFaceFrame, JointIndex, WeightIndex, type IFaceHost } from "../../../../src/plugin/live/faceSource";
import { FilmCamera, FilmedLandmarks } from "../../../support/filmedFace";
import { OpenHeadAsync } from "../../../support/heads";

/** A canvas as a camera; its picture changes with each tick. */
class FakeCamera {
    public readonly stream: MediaStream;
    private readonly _context: CanvasRenderingContext2D;
    private _count = 0;
    private readonly _timer: ReturnType<typeof setInterval>;

    public constructor(width = 64, height = 48) {
        const canvas = Object.assign(document.createElement("canvas"), { width, height });
        this._context = canvas.getContext("2d")!;
        this.stream = canvas.captureStream(30);
        this._timer = setInterval(() => {
            this._context.fillStyle = `rgb(${this._count++ % 256},0,0)`;
            this._context.fillRect(0, 0, width, height);
        }, 20);
    }

    public stop(): void {
        clearInterval(this._timer);
        this.stream.getTracks().forEach((track) => track.stop());
    }
}

/**
 * A worker that sees the first expression of a face in each picture of a stream, and counts what it is told. It knows
 * no networks.
 */
function StreamWorker(): Worker {
    const text = `
        const counts = { frame: 0, taken: 0, look: [] };
        let wanted = true;
        onmessage = async ({ data }) => {
            if (data.kind === "start") {
                postMessage({ kind: "started" });
            } else if (data.kind === "pictures") {
                const reader = data.pictures.getReader();
                for (;;) {
                    const { value } = await reader.read();
                    if (!value) {
                        return;
                    }
                    value.close();
                    if (!wanted) {
                        continue;
                    }
                    const now = performance.timeOrigin + performance.now();
                    data.result.set([${CameraStates.Following}, 1, 3, 2, now - 20, now - 6, 0, 0, 0, 1]);
                    data.result[${CameraResult.Expression}] = 0.5;
                    postMessage(data.result);
                    postMessage({ kind: "counts", counts });
                }
            } else if (data.kind === "look") {
                counts.look.push(wanted = data.wanted);
            } else {
                counts[data.kind]++;
            }
        };
        postMessage({ kind: "ready" });`;
    return new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}

interface IStage {
    readonly host: IFaceHost;
    readonly notices: string[];
    readonly head: HeadModel;
}

async function StageAsync(): Promise<IStage> {
    const head = await OpenHeadAsync();
    const notices: string[] = [];
    const node = { getScene: () => ({ _getComponent: () => null }) } as unknown as TransformNode;
    const host: IFaceHost = {
        node,
        joints: {} as IFaceHost["joints"],
        carrier: node,
        head,
        weights: new Float32Array(ArkitNames.length),
        notify: (code) => notices.push(code),
    };
    return { host, notices, head };
}

/** A landmarker that sees one face, whose expression and yaw may be changed. */
class FilmedPerson implements ICameraLandmarker {
    public expression: Float32Array;
    public yaw = 0;
    public there = true;
    private readonly _shape: Float32Array;

    public constructor(private readonly _head: HeadModel) {
        this.expression = new Float32Array(_head.expressionCount);
        this._shape = new Float32Array(_head.shapeCount).map((_, s) => Math.sin(5 * s));
    }

    public detectForVideo(): ReturnType<ICameraLandmarker["detectForVideo"]> {
        const seen = FilmedLandmarks(this._head, this._shape, this.expression, FilmCamera(this.yaw, 0));
        const face = Array.from({ length: 478 }, (_, i) => ({
            x: 0.5 + ((seen[2 * i] - 0.5) * 48) / 64,
            y: seen[2 * i + 1],
        }));
        return { faceLandmarks: this.there ? [face] : [] };
    }
}

function WhenAsync(source: CameraSource, state: CameraState): Promise<void> {
    return new Promise((resolve) => {
        if (source.state === state) {
            resolve();
            return;
        }
        source.onStateObservable.add((now) => now === state && resolve());
    });
}

async function UntilAsync(condition: () => boolean): Promise<void> {
    while (!condition()) {
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

describe("camera source", () => {
    it("learns a rest, follows weights and turn, mirrors, relaxes a lost face and takes it up again", async () => {
        const { host, head, notices } = await StageAsync();
        const camera = new FakeCamera();
        const person = new FilmedPerson(head);
        const source = new CameraSource(camera.stream, {
            landmarker: person,
            calibrationS: 0.2,
            smoothing: 0.2,
            _startWorker: null,
        });
        try {
            const frame = CreateFaceFrame();
            const read = (): boolean => source.readFrame(frame, 0, 1 / 30);
            expect(read()).toBeFalse();
            source.attach(host);
            await WhenAsync(source, "following");
            expect(notices).toEqual(["camera-on-page"]);
            person.expression[ExpressionIndex(head, "jawOpen")] = 0.7;
            person.expression[ExpressionIndex(head, "eyeBlinkLeft")] = 0.9;
            person.yaw = 15;
            const [jaw, left, right] = [
                WeightIndex("jawOpen"),
                WeightIndex("eyeBlinkLeft"),
                WeightIndex("eyeBlinkRight"),
            ];
            await UntilAsync(() => read() && frame.says[jaw] === 1 && frame.weights[jaw] > 0.6);
            const neck = 4 * JointIndex("neck");
            await UntilAsync(() => read() && frame.weights[left] > 0.6 && frame.turns[neck + 1] > 0.1);
            expect(frame.weights[right]).toBeLessThan(0.3);
            expect(frame.saysTurns[JointIndex("neck")]).toBe(1);
            expect((2 * Math.asin(frame.turns[neck + 1]) * 180) / Math.PI).toBeCloseTo(15, -1);
            expect(frame.sampledAtMs).toBeGreaterThan(0);

            source.mirror = true;
            await UntilAsync(() => read() && frame.weights[right] > 0.6 && frame.turns[neck + 1] < -0.1);

            person.there = false;
            await WhenAsync(source, "lost");
            await UntilAsync(() => !read());
            person.there = true;
            await UntilAsync(() => read() && frame.says[jaw] === 1);

            source.calibrate();
            await WhenAsync(source, "calibrating");
            await WhenAsync(source, "following");
            const { captureMs, inferenceMs, fitMs, waitMs } = source.latency;
            expect([captureMs, inferenceMs, fitMs, waitMs].every((ms) => Number.isFinite(ms))).toBeTrue();
            expect(fitMs).toBeGreaterThan(0);
        } finally {
            source.dispose();
            source.dispose();
            camera.stop();
        }
    });

    it("of a stream lets the worker read pictures without the page", async () => {
        const { host, head, notices } = await StageAsync();
        const camera = new FakeCamera();
        const worker = StreamWorker();
        let counts = { frame: 0, taken: 0, look: [] as boolean[] };
        worker.addEventListener("message", ({ data }) => data.kind === "counts" && (counts = data.counts));
        const source = new CameraSource(camera.stream, {
            modelsUrl: "/repo/assets/models/",
            runtimeUrls: "/repo/node_modules/onnxruntime-web/dist/",
            smoothing: 0,
            _startWorker: () => worker,
        });
        try {
            source.attach(host);
            await WhenAsync(source, "following");
            const frame = CreateFaceFrame();
            const at = ArkitNames.indexOf(head.expressions[0] as (typeof ArkitNames)[number]);
            await UntilAsync(() => source.readFrame(frame, 0, 1 / 30) && frame.weights[at] > 0.49);
            const { captureMs, inferenceMs, fitMs, waitMs } = source.latency;
            expect(captureMs).toBeCloseTo(14, 0);
            expect([inferenceMs, fitMs]).toEqual([3, 2]);
            expect(waitMs).toBeGreaterThan(0);
            const age = performance.now() - frame.sampledAtMs;
            expect(age).toBeGreaterThan(19);

            // A hidden page looks at none, and its source goes on afterwards.
            const visibility = spyOnProperty(document, "visibilityState").and.returnValue("hidden");
            document.dispatchEvent(new Event("visibilitychange"));
            await UntilAsync(() => !source.readFrame(frame, 0, 1 / 30));
            visibility.and.returnValue("visible");
            document.dispatchEvent(new Event("visibilitychange"));
            await UntilAsync(() => source.readFrame(frame, 0, 1 / 30));
            await UntilAsync(() => counts.look.length === 2);
            expect(counts.look).toEqual([false, true]);
            expect(counts.frame).toBe(0);
            expect(notices).toEqual(["camera-hidden"]);
        } finally {
            source.dispose();
            camera.stop();
        }
    });

    it("of a video element gives the worker what its owner shows", async () => {
        const { host } = await StageAsync();
        const camera = new FakeCamera();
        const video = Object.assign(document.createElement("video"), { muted: true, srcObject: camera.stream });
        await video.play();
        const worker = StreamWorker();
        const post = spyOn(worker, "postMessage").and.callThrough();
        const kinds = (): string[] => post.calls.allArgs().map(([{ kind }]) => kind as string);
        const source = new CameraSource(video, {
            modelsUrl: "/repo/assets/models/",
            runtimeUrls: "/repo/node_modules/onnxruntime-web/dist/",
            _startWorker: () => worker,
        });
        try {
            source.attach(host);
            await UntilAsync(() => kinds().includes("frame"));
            expect(kinds()).not.toContain("pictures");
        } finally {
            source.dispose();
            camera.stop();
        }
    });

    it("tells that a camera was unplugged, and lets the face go", async () => {
        const { host, head, notices } = await StageAsync();
        const camera = new FakeCamera();
        const source = new CameraSource(camera.stream, {
            landmarker: new FilmedPerson(head),
            calibrationS: 0.1,
            _startWorker: null,
        });
        try {
            source.attach(host);
            await WhenAsync(source, "following");
            const [track] = camera.stream.getVideoTracks();
            track.stop();
            track.dispatchEvent(new Event("ended")); // only a device does it by itself
            expect(source.state).toBe("ended");
            expect(notices).toContain("camera-ended");
            const frame = CreateFaceFrame();
            await UntilAsync(() => !source.readFrame(frame, 0, 1 / 30));
        } finally {
            source.dispose();
            camera.stop();
        }
    });

    it("tells a failure with advice and says nothing more", async () => {
        const { host, notices } = await StageAsync();
        const camera = new FakeCamera();
        const messages: string[] = [];
        const told = { ...host, notify: (code: string, message: string) => messages.push(`${code}: ${message}`) };
        const source = new CameraSource(camera.stream, { modelsUrl: "/repo/nowhere/", runtimeUrls: "/repo/nowhere/" });
        try {
            source.attach(told);
            await WhenAsync(source, "failed");
            expect(messages[0]).toMatch(/^camera-failed: .*models\.json.*Check the address/s);
            expect(source.readFrame(CreateFaceFrame(), 0, 1 / 30)).toBeFalse();
            source.attach(host); // who comes later is told too
            expect(notices).toEqual(["camera-failed"]);
        } finally {
            source.dispose();
            camera.stop();
        }
    });

    it("tells that a video shows no picture", async () => {
        const { host, head, notices } = await StageAsync();
        const source = new CameraSource(document.createElement("video"), {
            landmarker: new FilmedPerson(head),
            _startWorker: null,
        });
        try {
            source.attach(host);
            await WhenAsync(source, "calibrating");
            await UntilAsync(() => {
                source.readFrame(CreateFaceFrame(), 0, 1 / 30);
                return notices.includes("camera-empty");
            });
        } finally {
            source.dispose();
        }
    });

    it("names what refuses a camera", async () => {
        const { mediaDevices } = navigator;
        const answer = spyOn(mediaDevices, "getUserMedia");
        for (const [name, code] of [
            ["NotAllowedError", "camera-refused"],
            ["NotFoundError", "camera-missing"],
            ["NotReadableError", "camera-busy"],
        ]) {
            answer.and.rejectWith(new DOMException("no", name));
            await expectAsync(CameraSource.OpenAsync()).toBeRejectedWith(jasmine.objectContaining({ code }));
        }
    });

    it("refuses what is no camera", () => {
        const wrong = { code: "invalid-argument" };
        const attempt = (make: () => unknown): unknown => {
            try {
                return make();
            } catch (error) {
                return error;
            }
        };
        expect(attempt(() => new CameraSource(new MediaStream()))).toEqual(jasmine.objectContaining(wrong));
        expect(attempt(() => new CameraSource({} as HTMLVideoElement))).toEqual(jasmine.objectContaining(wrong));
        expect(attempt(() => new CameraSource(document.createElement("video"), { smoothing: -1 }))).toEqual(
            jasmine.objectContaining(wrong),
        );
    });
});
