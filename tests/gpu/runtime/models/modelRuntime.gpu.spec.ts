import { FlexAvatarError } from "../../../../src/flame/error";
import { AssetStore, JoinUrl, ToHex } from "../../../../src/runtime/models/assetStore";
import type { IGraphEntry, IModelManifest } from "../../../../src/runtime/models/manifest";
import { LoadOnnxBackendAsync, ReadOnDeviceAsync } from "../../../../src/runtime/models/onnxBackend";
import {
    ModelRuntime,
    type IReconstruction,
    type IReconstructionInput,
} from "../../../../src/runtime/models/modelRuntime";
import type { IModelRuntimeSettings } from "../../../../src/runtime/models/runtimeSettings";
import type { IDriverPose } from "../../../../src/runtime/driver/driver";
import { FrameDriver } from "../../../../src/runtime/driver/frameDriver";
import { OnnxDriver, OnnxPerson } from "../../../../src/runtime/driver/onnxDriver";
import { SharedPart } from "../../../../src/runtime/driver/sharedPart";
import { ProbeInputs } from "../../../../src/runtime/models/probe";
import { BuildSumGraph } from "../../../../src/runtime/models/probeGraph";
import { OnnxQueue } from "../../../../src/runtime/models/asyncQueue";
import { ChooseOnnxBuild, RuntimeFiles, type IOnnxBuildUrls } from "../../../../src/runtime/models/runtimeFiles";
import type { IRuntimeNotice } from "../../../../src/runtime/models/progress";

const ModelsUrl = "/repo/assets/models/";
const RuntimeUrls = "/repo/node_modules/onnxruntime-web/dist/";
const Settings: IModelRuntimeSettings = { modelsUrl: ModelsUrl, runtimeUrls: RuntimeUrls, backend: "wasm" };

async function CodeOf(work: Promise<unknown>): Promise<string> {
    return work.then(
        () => "no error",
        (error: unknown) => (error instanceof FlexAvatarError ? error.code : `not ours: ${String(error)}`),
    );
}

/** A pose whose position map is known. */
function PoseOf(positions: Float32Array<ArrayBuffer>, device?: GPUDevice): IDriverPose {
    return {
        positionCount: positions.length,
        writePositionMap: (into) => {
            into.set(positions);
            return into;
        },
        recordPositionMap: (_encoder, into) => device?.queue.writeBuffer(into, 0, positions),
    };
}

async function NewDevice(): Promise<GPUDevice> {
    const adapter = await navigator.gpu.requestAdapter();
    return await adapter!.requestDevice();
}

/** A device that calls itself a graphics card's. */
function RealDevice(device: GPUDevice): GPUDevice {
    const info = { vendor: "some", architecture: "real", device: "", description: "", isFallbackAdapter: false };
    Object.defineProperty(device, "adapterInfo", { value: info });
    return device;
}

function WorstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
    expect(a.length).toBe(b.length);
    let worst = 0;
    for (let i = 0; i < a.length; i++) {
        worst = Math.max(worst, Math.abs(a[i] - b[i])) || (Number.isNaN(a[i] - b[i]) ? Infinity : worst);
    }
    return worst;
}

/** Smooth pictures that differ from photo to photo, and grids as a landmark fit might give them: the atlas bent a little. Anchors that
 * no camera could have seen make the maps' logarithms of distances ten times as sensitive to rounding. */
function Photos(runtime: ModelRuntime, count: number): IReconstructionInput {
    const { photoSize: S, anchorSize: A } = runtime.model;
    const wave = (size: number, channels: number, seed: number): Float32Array =>
        Float32Array.from(
            { length: channels * size * size },
            (_, i) => 0.5 + 0.4 * Math.sin(seed + (i % size) * 0.11 * seed + Math.floor(i / size) * 0.07),
        );
    const grid = (seed: number): Float32Array => {
        const bend = wave(A, 1, seed);
        const x = bend.map((value, i) => 0.3 + (0.4 * (i % A)) / A + 0.05 * value);
        const y = bend.map((value, i) => 0.25 + (0.5 * Math.floor(i / A)) / A + 0.05 * value);
        return Float32Array.from([...x, ...y, ...bend]);
    };
    const photos = Array.from({ length: count }, (_, n) => wave(S, 3, n + 1));
    const anchors = Array.from({ length: count }, (_, n) => grid(n + 5));
    return { photos, anchors, prior: new Float32Array(4 * A * A) };
}

describe("ONNX Runtime on our device", () => {
    let device: GPUDevice;
    let store: AssetStore;

    beforeAll(async () => {
        device = await NewDevice();
        store = new AssetStore();
    });

    afterAll(() => {
        store.dispose();
        device.destroy();
    });

    it("runs a tiny graph whose output buffer our device can read", async () => {
        const backend = await LoadOnnxBackendAsync("webgpu", { device, urls: RuntimeUrls, store });
        expect(backend.device).toBe(device);
        const session = await backend.createSessionAsync(BuildSumGraph([5], "x", "x", "y"), [], true);
        const x = new Float32Array([1, -2, 3.5, 0, 1e6]);
        const { y } = await OnnxQueue.run(() => session.run({ x: { data: x, dims: [5] } }));
        expect(y.data instanceof GPUBuffer).toBe(true);
        const values = await ReadOnDeviceAsync(device, y.data as GPUBuffer, 5);
        expect(Array.from(values)).toEqual([2, -4, 7, 0, 2e6]);
        const other = await NewDevice();
        await expectAsync(ReadOnDeviceAsync(other, y.data as GPUBuffer, 5)).toBeRejectedWithError(
            /does not share the device/,
        );
        other.destroy();
        y.dispose?.();
        await session.release();
    });

    it("creates sessions asked for at once, one after the other", async () => {
        const backend = await LoadOnnxBackendAsync("webgpu", { device, urls: RuntimeUrls, store });
        const sessions = await Promise.all(
            [4, 5, 6].map((length) => backend.createSessionAsync(BuildSumGraph([length], "x", "x", "y"), [], false)),
        );
        expect(sessions.length).toBe(3);
        await Promise.all(sessions.map((session) => session.release()));
    });

    it("drives from a GPU buffer to a GPU buffer, in turn, and each avatar gets the answer to its own pose", async () => {
        const onnx = await LoadOnnxBackendAsync("webgpu", { device, urls: RuntimeUrls, store });
        const shape = [1, 1, 8, 8];
        const session = await onnx.createSessionAsync(
            BuildSumGraph(shape, "identity_features", "position_map", "delta_map"),
            [],
            true,
        );
        const identity = Float32Array.from({ length: 64 }, (_, i) => i);
        let disposals = 0;
        let runs = 0;
        const shapes = { identity: shape, position: shape, delta: shape };
        const person = new OnnxPerson(onnx, session, identity, shapes, () => runs++);
        const first = new OnnxDriver(new SharedPart(person, () => disposals++));
        const drivers = [first, first.share(), first.share(), first.share()];
        const check = (values: Float32Array, base: number): void =>
            expect(Array.from(values)).toEqual(Array.from(identity, (value) => value + base));
        await Promise.all(
            drivers.map(async (driver, i) => {
                const result = await driver.run(PoseOf(new Float32Array(64).fill(100 * i), device));
                expect(result instanceof GPUBuffer).toBe(true);
                check(await ReadOnDeviceAsync(device, result as GPUBuffer, 64), 100 * i);
            }),
        );
        expect(runs).toBe(4);
        check(await first.readAsync(PoseOf(new Float32Array(64).fill(0.5), device)), 0.5);
        expect(await CodeOf(first.run(PoseOf(new Float32Array(4), device)))).toBe("invalid-argument");
        for (const driver of drivers) {
            expect(disposals).toBe(0);
            driver.dispose();
            driver.dispose();
        }
        expect(disposals).toBe(1);
        await session.release();
    });

    it("leaves a software adapter to WebAssembly and says so once, when it is used", async () => {
        const notices: IRuntimeNotice[] = [];
        const runtime = await ModelRuntime.CreateAsync({
            ...Settings,
            backend: "auto",
            device,
            onNotice: (notice) => notices.push(notice),
        });
        expect(runtime.backend).toBe(null);
        expect(notices).toEqual([]);
        const [photo] = Photos(runtime, 1).photos;
        await Promise.all([runtime.encodeAsync(photo), runtime.encodeAsync(photo)]);
        expect(runtime.backend).toBe("wasm");
        expect(notices.map((notice) => notice.code)).toEqual(["backend-wasm"]);
        expect(notices[0].message).toContain("software");
        runtime.dispose();
    });

    it("obeys when WebGPU is insisted on, with the same numbers in either build, and fails without a device", async () => {
        const files = Object.entries(RuntimeFiles.webgpu).map(([name, file]) => [name, `${RuntimeUrls}${file}`]);
        const asyncifyOnly = { webgpu: Object.fromEntries(files) as IOnnxBuildUrls };
        expect(ChooseOnnxBuild("webgpu", RuntimeUrls)).toBe("Suspending" in WebAssembly ? "jspi" : "webgpu");
        expect(ChooseOnnxBuild("webgpu", asyncifyOnly)).toBe("webgpu");
        expect(ChooseOnnxBuild("wasm", asyncifyOnly)).toBe("wasm");
        const encoded: Float32Array[] = [];
        const driven: Float32Array[] = [];
        for (const [backend, runtimeUrls] of [
            ["wasm", RuntimeUrls],
            ["webgpu", RuntimeUrls],
            ["webgpu", asyncifyOnly],
        ] as const) {
            const runtime = await ModelRuntime.CreateAsync({ ...Settings, backend, runtimeUrls, device });
            const { inputs } = runtime.model.graphs.driver;
            encoded.push(await runtime.encodeAsync(Photos(runtime, 1).photos[0]));
            driven.push((await runtime.runGraphAsync("driver", ProbeInputs({ inputs }))).delta_map);
            expect(runtime.backend).toBe(backend);
            runtime.dispose();
        }
        for (const other of [1, 2]) {
            const errors = [WorstDifference(encoded[other], encoded[0]), WorstDifference(driven[other], driven[0])];
            console.log(`WebGPU against the processor: ${errors.map((error) => error.toExponential(1)).join(", ")}`);
            expect(Math.max(...errors)).toBeLessThan(1e-3);
        }
        expect(await CodeOf(ModelRuntime.CreateAsync({ ...Settings, backend: "webgpu" }))).toBe("webgpu-missing");
    });

    it("does not start for a driver by shaders: only models.json and the driver's two files are fetched", async () => {
        const real = RealDevice(await NewDevice());
        for (const [choice, driver] of [
            [{ driver: "shaders" as const, device }, "shaders"],
            [{ driver: "auto" as const, device: real }, "shaders"],
            [{ driver: "auto" as const, device }, "wasm"],
        ] as const) {
            const urls: string[] = [];
            const realFetch = globalThis.fetch;
            const fetched = jasmine.createSpy("fetch").and.callFake((url: string, init?: RequestInit) => {
                urls.push(new URL(url, location.href).pathname.replace(/.*\//, ""));
                return realFetch(url, init);
            });
            globalThis.fetch = fetched;
            try {
                const runtime = await ModelRuntime.CreateAsync({ ...Settings, ...choice, backend: "auto" });
                await runtime.prepareAsync(0);
                const { inputs } = runtime.model.graphs.driver;
                const made = await runtime.createDriverAsync(
                    new Float32Array(inputs.identity_features.reduce((a, b) => a * b, 1)),
                );
                expect(made instanceof FrameDriver).toBe(driver === "shaders");
                expect(runtime.backend).toBe(driver === "shaders" ? null : "wasm");
                expect(urls.filter((url) => !url.startsWith("ort-")).sort()).toEqual([
                    "driver.data",
                    "driver.onnx",
                    "models.json",
                ]);
                if (driver === "shaders") {
                    expect(urls.length).toBe(3);
                }
                runtime.dispose();
            } finally {
                globalThis.fetch = realFetch;
            }
        }
        real.destroy();
    });

    it("reads photos on the processor where a graphics card drives, without a notice, prepared while the caller works", async () => {
        const real = RealDevice(await NewDevice());
        const notices: IRuntimeNotice[] = [];
        const runtime = await ModelRuntime.CreateAsync({
            ...Settings,
            backend: "auto",
            device: real,
            onNotice: (notice) => notices.push(notice),
        });
        await runtime.prepareAsync(1);
        const faces = ["face/classes", "face/detector", "face/landmarks", "face/matte"];
        expect(Object.keys(runtime.timings).sort()).toEqual(["encoder", ...faces, "reconstructor_n1"]);
        const { requests } = runtime.store.statistics;
        const { identityFeatures } = await runtime.reconstructAsync(Photos(runtime, 1));
        expect((await runtime.createDriverAsync(identityFeatures)) instanceof FrameDriver).toBeTrue();
        expect(runtime.store.statistics.requests).toBe(requests);
        expect(runtime.backend).toBe("wasm");
        expect(notices).toEqual([]);
        runtime.dispose();
        real.destroy();
    });
});

describe("check of a network on WebGPU", () => {
    /** A model set whose encoder doubles its photo, with what the check shall expect of it. */
    async function ServeAsync(factor: number): Promise<string> {
        const graph = BuildSumGraph([1, 3, 4, 4], "photo", "photo", "tokens");
        const hash = ToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", graph)));
        const manifest = (await (await fetch(JoinUrl(ModelsUrl, "models.json"))).json()) as IModelManifest;
        const nano = structuredClone(manifest.models[manifest.default]) as {
            photoSize: number;
            graphs: Record<string, IGraphEntry>;
        };
        nano.photoSize = 4;
        for (const [name, entry] of Object.entries(nano.graphs)) {
            if (name !== "driver") {
                const inputs = {
                    ...entry.inputs,
                    tokens: [entry.inputs.photos?.[0], 6, 8],
                    photos: [entry.inputs.photos?.[0], 3, 4, 4],
                };
                nano.graphs[name] = { ...entry, inputs };
            }
        }
        const encoder = { file: "encoder.onnx", sha256: hash, bytes: graph.byteLength };
        const { photo } = ProbeInputs({ inputs: { photo: [1, 3, 4, 4] } });
        nano.graphs.encoder = {
            ...encoder,
            inputs: { photo: [1, 3, 4, 4] },
            outputs: { tokens: [1, 6, 8] },
            probe: { tokens: { index: [3, 40], value: [factor * photo[3], factor * photo[40]] } },
        };
        const served = JSON.stringify({ ...manifest, models: { [manifest.default]: nano } });
        const realFetch = globalThis.fetch;
        spyOn(globalThis, "fetch").and.callFake((target, init) => {
            const url = String(target);
            const body = url.endsWith("fake/models.json") ? served : url.endsWith("fake/encoder.onnx") ? graph : null;
            return body === null ? realFetch(target, init) : Promise.resolve(new Response(body));
        });
        return "/fake/";
    }

    for (const factor of [2, 2.2]) {
        it(
            factor === 2
                ? "takes WebGPU at its word where its numbers are right"
                : "refuses WebGPU where its numbers are wrong",
            async () => {
                const modelsUrl = await ServeAsync(factor);
                const device = RealDevice(await NewDevice());
                const runtime = await ModelRuntime.CreateAsync({ ...Settings, modelsUrl, backend: "webgpu", device });
                const encoding = runtime.encodeAsync(new Float32Array(48).fill(0.25));
                if (factor === 2) {
                    expect(Array.from(await encoding)).toEqual(new Array(48).fill(0.5));
                } else {
                    const error = await encoding.then(
                        () => null,
                        (thrown: FlexAvatarError) => thrown,
                    );
                    expect(error?.code).toBe("models-mismatch");
                    expect(error?.message).toContain("numbers are wrong");
                }
                runtime.dispose();
                device.destroy();
            },
        );
    }
});

describe("networks on WebAssembly", () => {
    let runtime: ModelRuntime;
    let person: IReconstruction;
    let input: IReconstructionInput;

    beforeAll(async () => {
        runtime = await ModelRuntime.CreateAsync(Settings);
        input = Photos(runtime, 2);
        person = await runtime.reconstructAsync(input);
    });

    afterAll(() => runtime.dispose());

    it("loads only the graphs in use, each file once", async () => {
        const { requests } = runtime.store.statistics;
        expect(requests).toBe(1 + 2 + 2 + (await alreadyCompiled(runtime))); // manifest, encoder, reconstructor_n2
        await runtime.encodeAsync(input.photos[0]);
        expect(runtime.store.statistics.requests).toBe(requests);
        expect(Object.keys(runtime.timings).sort()).toEqual(["encoder", "reconstructor_n2"]);
    });

    it("gives finite maps of the listed sizes", () => {
        const { mapSize, anchorSize } = runtime.model;
        expect(person.staticMap.length).toBe(14 * mapSize * mapSize);
        expect(person.photoCoordinates.length).toBe(2 * 3 * anchorSize * anchorSize);
        expect(person.staticMap.every(Number.isFinite)).toBe(true);
        expect(person.identityFeatures.every(Number.isFinite)).toBe(true);
    });

    it("gives the same maps for photos in any order, and others for other photos", async () => {
        const swapped = await runtime.reconstructAsync({
            ...input,
            photos: [...input.photos].reverse(),
            anchors: [...input.anchors].reverse(),
        });
        expect(WorstDifference(swapped.staticMap, person.staticMap)).toBeLessThan(1e-4);
        expect(WorstDifference(swapped.identityFeatures, person.identityFeatures)).toBeLessThan(1e-4);
        const other = await runtime.reconstructAsync({ ...input, photos: [input.photos[0], input.photos[0]] });
        expect(WorstDifference(other.staticMap, person.staticMap)).toBeGreaterThan(1e-3);
    });

    it("reads four photos with the graph for four", async () => {
        const four = Photos(runtime, 4);
        const forward = await runtime.reconstructAsync(four);
        const order = [2, 0, 3, 1];
        const shuffled = await runtime.reconstructAsync({
            ...four,
            photos: order.map((n) => four.photos[n]),
            anchors: order.map((n) => four.anchors[n]),
        });
        expect(WorstDifference(forward.staticMap, shuffled.staticMap)).toBeLessThan(1e-4);
        const grid = 3 * runtime.model.anchorSize ** 2;
        order.forEach((n, at) => {
            const a = forward.photoCoordinates.subarray(n * grid, (n + 1) * grid);
            expect(WorstDifference(a, shuffled.photoCoordinates.subarray(at * grid, (at + 1) * grid))).toBeLessThan(
                1e-4,
            );
        });
    });

    it("leaves the page its time while they run", async () => {
        /**
         * How often the page gets a turn while a person is reconstructed: a page that is blocked throughout has none.
         */
        const turnsOf = async (own: ModelRuntime): Promise<number> => {
            let turns = 0;
            const timer = setInterval(() => turns++, 1);
            await own.reconstructAsync(Photos(own, 1));
            clearInterval(timer);
            return turns;
        };
        const onPage = await ModelRuntime.CreateAsync({ ...Settings, worker: false });
        await onPage.reconstructAsync(Photos(onPage, 1)); // loaded and made
        await runtime.reconstructAsync(Photos(runtime, 1));
        const [page, worker] = [await turnsOf(onPage), await turnsOf(runtime)];
        console.log(
            `turns of the page meanwhile: ${page} with networks on the page, ${worker} with networks in the worker`,
        );
        expect(worker).toBeGreaterThan(page);
        onPage.dispose();
    });

    it("runs the driver for one avatar of a person after the other", async () => {
        const driver = await runtime.createDriverAsync(person.identityFeatures);
        const size = 3 * runtime.model.positionMapSize ** 2;
        const poses = [0, 0.2, -0.4, 0.7].map((value) => PoseOf(new Float32Array(size).fill(value)));
        const alone: Float32Array[] = [];
        for (const pose of poses) {
            alone.push((await driver.run(pose)) as Float32Array);
        }
        expect(alone[0].length).toBe(14 * runtime.model.mapSize ** 2);
        expect(WorstDifference(alone[1], alone[3])).toBeGreaterThan(0);
        const drivers = [driver, driver.share(), driver.share(), driver.share()];
        const together = await Promise.all(drivers.map((each, i) => each.run(poses[i])));
        together.forEach((map, i) => expect(WorstDifference(map as Float32Array, alone[i])).toBe(0));
        expect(await CodeOf(Promise.resolve(driver.run(PoseOf(new Float32Array(7)))))).toBe("invalid-argument");
        for (const each of drivers) {
            expect(WorstDifference(await drivers[3].readAsync(poses[3]), alone[3])).toBe(0);
            each.dispose();
            each.dispose();
        }
        expect(await CodeOf(Promise.resolve(driver.run(poses[0])))).toBe("disposed");
    });

    it("disposes a driver during a run without losing anyone's promise", async () => {
        const driver = await runtime.createDriverAsync(person.identityFeatures);
        const pose = PoseOf(new Float32Array(3 * runtime.model.positionMapSize ** 2));
        const running = CodeOf(Promise.resolve(driver.run(pose)));
        const waiting = CodeOf(Promise.resolve(driver.run(pose)));
        driver.dispose();
        expect(await running).toBe("disposed");
        expect(await waiting).toBe("disposed");
    });

    it("reports wrong input before running anything", async () => {
        expect(await CodeOf(runtime.reconstructAsync({ ...input, photos: [] }))).toBe("photo-count");
        expect(await CodeOf(runtime.reconstructAsync({ ...Photos(runtime, 5) }))).toBe("photo-count");
        expect(await CodeOf(runtime.reconstructAsync({ ...input, anchors: [] }))).toBe("invalid-argument");
        expect(await CodeOf(runtime.encodeAsync(new Float32Array(12)))).toBe("invalid-argument");
        expect(await CodeOf(runtime.createDriverAsync(new Float32Array(3)))).toBe("invalid-argument");
    });
});

describe("loading networks", () => {
    it("stops wherever it is aborted", async () => {
        expect(await CodeOf(ModelRuntime.CreateAsync({ ...Settings, signal: AbortSignal.abort() }))).toBe("aborted");
        const runtime = await ModelRuntime.CreateAsync(Settings);
        const input = Photos(runtime, 1);
        for (const stop of [
            "loading encoder",
            "loading weights of encoder",
            "reading the photos",
            "loading weights of reconstructor_n1",
        ]) {
            const controller = new AbortController();
            const stages = new Set<string>();
            const code = await CodeOf(
                runtime.reconstructAsync(input, {
                    signal: controller.signal,
                    onProgress: ({ stage }) => {
                        stages.add(stage);
                        if (stage === stop) {
                            controller.abort();
                        }
                    },
                }),
            );
            expect(code)
                .withContext(`${stop}; saw ${[...stages].join(", ")}`)
                .toBe("aborted");
        }
        expect(await CodeOf(runtime.reconstructAsync(input))).toBe("no error"); // and works when asked again
        runtime.dispose();
    });

    it("is disposed during loading without harm", async () => {
        const runtime = await ModelRuntime.CreateAsync(Settings);
        const working = CodeOf(runtime.reconstructAsync(Photos(runtime, 1)));
        runtime.dispose();
        runtime.dispose();
        expect(await working).toBe("disposed");
        expect(await CodeOf(runtime.encodeAsync(new Float32Array(1)))).toMatch(/disposed|invalid-argument/);
        const shared = new AssetStore();
        const late = await ModelRuntime.CreateAsync({ ...Settings, store: shared });
        const creating = CodeOf(
            late.reconstructAsync(Photos(late, 1), {
                onProgress: ({ stage }) => stage === "reading the photos" && late.dispose(),
            }),
        );
        expect(await creating).toBe("disposed");
        shared.dispose();
    });

    it("reports files that are missing, damaged, or of another head model", async () => {
        expect(await CodeOf(ModelRuntime.CreateAsync({ ...Settings, modelsUrl: "/repo/nowhere" }))).toBe(
            "models-missing",
        );
        expect(await CodeOf(ModelRuntime.CreateAsync({ ...Settings, model: "mega" }))).toBe("models-mismatch");
        expect(await CodeOf(ModelRuntime.CreateAsync({ ...Settings, headModelSha256: "0".repeat(64) }))).toBe(
            "models-mismatch",
        );
        const realFetch = globalThis.fetch;
        const fake = spyOn(globalThis, "fetch").and.callFake(async (target, init) => {
            const response = await realFetch(target, init);
            if (!String(target).endsWith("encoder.data")) {
                return response;
            }
            const bytes = new Uint8Array(await response.arrayBuffer());
            bytes[1000] ^= 1;
            return new Response(bytes);
        });
        const runtime = await ModelRuntime.CreateAsync(Settings);
        const photo = Photos(runtime, 1).photos[0];
        expect(await CodeOf(runtime.encodeAsync(photo))).toBe("models-hash");
        fake.and.callFake((target, init) =>
            String(target).endsWith("encoder.onnx")
                ? Promise.resolve(new Response("", { status: 404 }))
                : realFetch(target, init),
        );
        const without = await ModelRuntime.CreateAsync(Settings);
        expect(await CodeOf(without.encodeAsync(photo))).toBe("models-missing");
        fake.and.callFake(realFetch);
        expect(await CodeOf(runtime.encodeAsync(photo))).toBe("no error");
        runtime.dispose();
        without.dispose();
    });

    it("says so where WebAssembly has no SIMD, on either backend", async () => {
        spyOn(WebAssembly, "validate").and.returnValue(false);
        const device = await NewDevice();
        for (const backend of ["wasm", "webgpu"] as const) {
            const runtime = await ModelRuntime.CreateAsync({ ...Settings, backend, device });
            expect(await CodeOf(runtime.encodeAsync(Photos(runtime, 1).photos[0]))).toBe("wasm-simd-missing");
            runtime.dispose();
        }
        device.destroy();
    });

    it("fetches the head model that the networks name", async () => {
        const runtime = await ModelRuntime.CreateAsync(Settings);
        const bytes = await runtime.loadHeadModelAsync();
        expect(bytes.byteLength).toBe(runtime.headModel.bytes);
        expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe("FAHM");
        runtime.dispose();
    });
});

/** 1 if this runtime's store fetched ONNX Runtime's wasm, 0 if an earlier test had compiled it. */
async function alreadyCompiled(runtime: ModelRuntime): Promise<number> {
    const listed = Object.values(runtime.model.graphs).flatMap((graph) => [graph, graph.data!]);
    const size = (name: string): number => listed.find((file) => file.file.endsWith(name))!.bytes;
    const models = ["encoder.onnx", "encoder.data", "reconstructor_n2.onnx", "reconstructor.data"].reduce(
        (sum, name) => sum + size(name),
        0,
    );
    const manifest = (await (await fetch(JoinUrl(ModelsUrl, "models.json"))).arrayBuffer()).byteLength;
    return runtime.store.statistics.bytes > models + manifest ? 1 : 0;
}
