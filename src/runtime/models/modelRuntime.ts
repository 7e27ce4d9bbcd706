/**
 * The networks of one model set: loads what is asked for, runs it on the processor or on the scene's GPUDevice. ONNX
 * Runtime starts with the first network that needs it: a saved avatar whose driver runs by shaders never does. One file
 * over 400 lines, because loading, running and disposing share one set of sessions and one rule for abort.
 */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import type { IDriver } from "../driver/driver.js";
import { DriverMaker } from "../driver/driverMaker.js";
import { OrAborted } from "./abort.js";
import { MessageOf } from "./loadFailure.js";
import { OnnxQueue } from "./asyncQueue.js";
import { OpenAssetCache } from "./assetCache.js";
import { AssetStore, JoinUrl } from "./assetStore.js";
import {
    SelectModel,
    type IGraphEntry,
    type IHeadModelEntry,
    type IManifestFile,
    type IModelEntry,
    type IModelManifest,
} from "./manifest.js";
import { ReadOnDeviceAsync } from "./onnxBackend.js";
import { ProbeError, ProbeInputs, ProbeLimit } from "./probe.js";
import type { ICallOptions } from "./progress.js";
import type { IModelRuntimeSettings } from "./runtimeSettings.js";
import type { BackendName, IExternalData, INetworkSession, IOnnxBackend } from "./session.js";
import { LoadManifestAsync, StartOnnxAsync, WhyProcessor } from "./startNetworks.js";

/** What the reconstructor needs of N photos. */
export interface IReconstructionInput {
    /** N crops `[3,S,S]`, RGB 0..1, grey 0.5 around the person. */
    photos: readonly Float32Array[];
    /**
     * N grids `[3,A,A]`: photo coordinates x, y and confidence per coarse texel; zeros where unknown. None, and no prior,
     * where `anchorSize` is 0.
     */
    anchors: readonly Float32Array[];
    /** `[4,A,A]`: identity offset of the landmark fit (meters / 0.02) and a valid flag. */
    prior: Float32Array;
}

/** One person, as the networks see them. */
export interface IReconstruction {
    /** `[14,H,W]`, before activation. */
    staticMap: Float32Array;
    /** `[C,h,w]`, for the driver. */
    identityFeatures: Float32Array;
    /** `[N,3,A,A]`: where the networks saw each coarse texel, and how surely; empty where they do not say. */
    photoCoordinates: Float32Array;
}

/** Time spent in one graph so far. */
export interface IGraphTiming {
    createMs: number;
    runs: number;
    runMs: number;
}

interface ISession {
    session: INetworkSession;
    backend: IOnnxBackend;
}

/** Before the names of graphs that find faces; they belong to no model set. */
const FacePrefix = "face/";
const FaceGraphs = ["detector", "landmarks", "matte", "classes"].map((name) => `${FacePrefix}${name}`);

/** Sessions are made when first needed and shared by all avatars of the scene. */
export class ModelRuntime {
    /** The checked models.json. */
    public readonly manifest: IModelManifest;
    /** Name and entry of the model set in use. */
    public readonly modelName: string;
    public readonly model: IModelEntry;
    /** The store that fetches files; its statistics say how much. */
    public readonly store: AssetStore;
    private readonly _settings: IModelRuntimeSettings;
    private readonly _ownsStore: boolean;
    private readonly _sessions = new Map<string, Promise<ISession>>();
    private readonly _drivers: DriverMaker;
    private readonly _timings: Record<string, IGraphTiming> = {};
    private _onnx: IOnnxBackend | null = null;
    private _disposed = false;

    private constructor(settings: IModelRuntimeSettings, manifest: IModelManifest, store: AssetStore) {
        const { name, entry } = SelectModel(manifest, settings.model);
        this.manifest = manifest;
        this.modelName = name;
        this.model = entry;
        this.store = store;
        this._ownsStore = settings.store === undefined;
        this._settings = { ...settings, signal: undefined, onProgress: undefined };
        this._drivers = new DriverMaker(this._settings, {
            entry: entry.graphs.driver,
            loadAsync: (options) => this._loadGraphAsync("driver", options),
            sessionAsync: (options) => this._sessionAsync("driver", options),
            onCreated: (ms) => (this._timing("driver").createMs += ms),
            onRun: (ms) => this._count("driver", ms),
            throwIfDisposed: () => this._throwIfDisposed(),
        });
    }

    /**
     * Reads and checks models.json. No network is loaded yet, and ONNX Runtime is not started.
     * @throws FlexAvatarError `models-missing`, `file-format`, `models-mismatch`, `policy-refused`, `webgpu-missing`,
     * `aborted`
     */
    public static async CreateAsync(settings: IModelRuntimeSettings): Promise<ModelRuntime> {
        if (settings.backend === "webgpu" && settings.device === undefined) {
            throw new FlexAvatarError("webgpu-missing", "The webgpu backend was asked for without a GPUDevice.");
        }
        const cache = settings.cache ? OpenAssetCache(settings.onNotice) : null;
        const store = settings.store ?? new AssetStore(settings.onNotice, cache);
        try {
            const manifest = await LoadManifestAsync(settings, store);
            const { name, entry } = SelectModel(manifest, settings.model);
            const wanted = manifest.headModels[entry.headModel].sha256;
            if (settings.headModelSha256 !== undefined && settings.headModelSha256 !== wanted) {
                throw new FlexAvatarError(
                    "models-mismatch",
                    `Model "${name}" was trained for head model "${entry.headModel}" (SHA-256 ${wanted}); the head model in use has ${settings.headModelSha256}.`,
                );
            }
            ThrowIfAborted(settings.signal, "starting the networks");
            return new ModelRuntime(settings, manifest, store);
        } catch (error) {
            if (settings.store === undefined) {
                store.dispose();
            }
            throw error;
        }
    }

    /** Where ONNX Runtime runs networks; null while no network has needed it. */
    public get backend(): BackendName | null {
        return this._onnx?.name ?? null;
    }

    /**
     * Milliseconds per graph, by name: creation, number of runs, and their sum. On WebGPU a driver run's time excludes
     * the GPU's.
     */
    public get timings(): Readonly<Record<string, Readonly<IGraphTiming>>> {
        return this._timings;
    }

    /** The head model that the networks were trained for. */
    public get headModel(): IHeadModelEntry {
        return this.manifest.headModels[this.model.headModel];
    }

    /**
     * Fetches the head model file.
     * @returns its bytes, shared; parse them with {@link HeadModel}
     */
    public async loadHeadModelAsync({ signal, onProgress }: ICallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
        this._throwIfDisposed();
        const { file, sha256, bytes } = this.headModel;
        return await this.store.loadAsync({
            url: this._url(file),
            what: "the head model",
            sha256,
            bytes,
            signal,
            onProgress,
        });
    }

    /**
     * Fetches the second page of the head model.
     * @returns its bytes, shared; parse them with {@link ParsePageModel}
     * @throws FlexAvatarError `models-mismatch` if models.json names none
     */
    public async loadPageAsync({ signal, onProgress }: ICallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
        this._throwIfDisposed();
        const { page } = this.headModel;
        if (!page) {
            throw new FlexAvatarError(
                "models-mismatch",
                `models.json has no second page for the head model "${this.model.headModel}", which hair beyond the scalp and a bust need.`,
            );
        }
        const { file, sha256, bytes } = page;
        return await this.store.loadAsync({
            url: this._url(file),
            what: "the head model's second page",
            sha256,
            bytes,
            signal,
            onProgress,
        });
    }

    /**
     * Loads and prepares what later calls need, so that downloads and compilation overlap with each other and with the
     * caller's work. Nothing else waits for it: a call that comes earlier shares what is under way.
     * @param photoCount how many photos {@link reconstructAsync} will get; 0 where only drivers are made
     * @throws FlexAvatarError what the later calls would throw
     */
    public async prepareAsync(photoCount: number, options: ICallOptions = {}): Promise<void> {
        // Faces are looked for first.
        const names = photoCount > 0 ? [...FaceGraphs, "encoder", `reconstructor_n${photoCount}`] : [];
        await Promise.all([
            this._drivers.prepareAsync(options),
            ...names.map((name) => this._sessionAsync(name, options)),
        ]);
    }

    /**
     * Encodes one photo.
     * @param photo `[3,S,S]`, RGB 0..1
     * @returns tokens `[L,D]`
     */
    public async encodeAsync(photo: Float32Array, { signal, onProgress }: ICallOptions = {}): Promise<Float32Array> {
        const graph = this.model.graphs.encoder;
        ExpectLength(photo, graph.inputs.photo, "a photo");
        const { tokens } = await this.runGraphAsync("encoder", { photo }, { signal, onProgress });
        return tokens;
    }

    /**
     * Turns one to four photos into one person. The result does not depend on their order.
     * @throws FlexAvatarError `photo-count`, `invalid-argument`, `models-missing`, `models-hash`, `policy-refused`,
     * `wasm-simd-missing`, `webgpu-missing`, `aborted`, `disposed`
     */
    public async reconstructAsync(
        input: IReconstructionInput,
        { signal, onProgress }: ICallOptions = {},
    ): Promise<IReconstruction> {
        const { photos, anchors, prior } = input;
        const count = photos.length;
        if (count < 1 || count > this.model.maxPhotos) {
            throw new FlexAvatarError(
                "photo-count",
                `The reconstruction got ${count} photos and takes 1 to ${this.model.maxPhotos}.`,
            );
        }
        const { inputs } = this.model.graphs[`reconstructor_n${count}`];
        const takesHints = this.model.anchorSize > 0;
        if (anchors.length !== (takesHints ? count : 0)) {
            throw new FlexAvatarError(
                "invalid-argument",
                `The reconstruction got ${count} photos and ${anchors.length} anchor grids; wanted ${takesHints ? "one per photo" : "none"}.`,
            );
        }
        const name = `reconstructor_n${count}`;
        for (let n = 0; n < count && takesHints; n++) {
            ExpectLength(photos[n], [1, ...inputs.photos.slice(1)], `photo ${n + 1}`);
            ExpectLength(anchors[n], [1, ...inputs.anchors.slice(1)], `anchor grid ${n + 1}`);
        }
        ExpectLength(prior, takesHints ? inputs.prior : [0], "the prior");

        const tokens: Float32Array[] = [];
        for (const photo of photos) {
            tokens.push(await this.encodeAsync(photo, { signal, onProgress }));
            onProgress?.({ stage: "reading the photos", fraction: tokens.length / count });
        }
        const outputs = await this.runGraphAsync(
            name,
            takesHints
                ? { tokens: Concat(tokens), photos: Concat(photos), anchors: Concat(anchors), prior }
                : { tokens: Concat(tokens) },
            { signal, onProgress },
        );
        onProgress?.({ stage: "reconstructing the head", fraction: 1 });
        return {
            staticMap: outputs.static_map,
            identityFeatures: outputs.identity_features,
            photoCoordinates: outputs.photo_coordinates ?? new Float32Array(),
        };
    }

    /**
     * Makes the network that runs while the face moves, for one person.
     * @param identityFeatures `[C,h,w]` from {@link reconstructAsync}, copied
     */
    public async createDriverAsync(identityFeatures: Float32Array, options: ICallOptions = {}): Promise<IDriver> {
        const { identity_features: identityShape } = this.model.graphs.driver.inputs;
        ExpectLength(identityFeatures, identityShape, "the identity features");
        return await this._drivers.createAsync(identityFeatures, options);
    }

    /**
     * Runs one graph as it is. The calls above are made of this; tests use it to compare a graph with its fixture.
     * @param name key of `model.graphs`
     * @param values all inputs by name, in the shapes of models.json
     * @returns all outputs by name
     */
    public async runGraphAsync(
        name: string,
        values: Readonly<Record<string, Float32Array>>,
        options: ICallOptions = {},
    ): Promise<Record<string, Float32Array>> {
        const { session, backend } = await this._sessionAsync(name, options);
        const entry = this._graph(name);
        const { inputs } = entry;
        const run = OnnxQueue.run(async () => {
            this._throwIfDisposed();
            ThrowIfAborted(options.signal, `running ${name}`);
            const start = performance.now();
            const results = await session.run(
                Object.fromEntries(Object.entries(values).map(([key, data]) => [key, { data, dims: inputs[key] }])),
            );
            this._count(name, performance.now() - start);
            return await ReadAsync(backend, results, entry);
        });
        const outputs = await OrAborted(run, options.signal, `running ${name}`);
        this._throwIfDisposed();
        return outputs;
    }

    /**
     * Runs one of the networks that find faces (`face` in models.json), always on the processor: they are small, and
     * the detector has convolutions that WebGPU may compute wrongly.
     * @param image the graph's only input
     * @returns all outputs by name
     * @throws FlexAvatarError `models-mismatch` where models.json has none; else as {@link runGraphAsync}
     */
    public async runFaceGraphAsync(
        name: string,
        image: Float32Array,
        options: ICallOptions = {},
    ): Promise<Record<string, Float32Array>> {
        return await this.runGraphAsync(`${FacePrefix}${name}`, { image }, options);
    }

    /** Releases every session once its runs have ended, and the drivers. Safe while loading; may be called twice. */
    public dispose(): void {
        if (this._disposed) {
            return;
        }
        this._disposed = true;
        this._drivers.dispose();
        for (const pending of this._sessions.values()) {
            pending.then(
                ({ session }) => OnnxQueue.run(() => session.release()),
                () => undefined,
            );
        }
        this._sessions.clear();
        if (this._ownsStore) {
            this.store.dispose();
        }
    }

    private async _sessionAsync(name: string, { signal, onProgress }: ICallOptions): Promise<ISession> {
        this._throwIfDisposed();
        let pending = this._sessions.get(name);
        if (pending === undefined) {
            const [onnx, [bytes, data]] = await Promise.all([
                this._onnxAsync({ signal, onProgress }),
                this._loadGraphAsync(name, { signal, onProgress }),
            ]);
            this._throwIfDisposed();
            pending = this._sessions.get(name); // another caller may have been faster
            if (pending === undefined) {
                pending = this._createAsync(onnx, name, bytes, data);
                this._sessions.set(name, pending);
                pending.catch(() => this._sessions.delete(name));
            }
        }
        const result = await OrAborted(pending, signal, `preparing ${name}`);
        this._throwIfDisposed();
        return result;
    }

    /**
     * ONNX Runtime, started by the first who needs it. Callers that come meanwhile share the download and the worker.
     */
    private async _onnxAsync({ signal, onProgress }: ICallOptions): Promise<IOnnxBackend> {
        if (this._onnx === null) {
            const onnx = await StartOnnxAsync({ ...this._settings, signal, onProgress }, this.store);
            this._throwIfDisposed();
            if (this._onnx === null) {
                this._onnx = onnx;
                const reason = WhyProcessor(this._settings);
                if (reason !== null) {
                    const message = `Networks run on the processor (WebAssembly), because ${reason}.`;
                    this._settings.onNotice?.({ code: "backend-wasm", message });
                }
            }
        }
        return this._onnx;
    }

    private async _createAsync(
        backend: IOnnxBackend,
        name: string,
        graph: Uint8Array,
        data: readonly IExternalData[],
    ): Promise<ISession> {
        const start = performance.now();
        try {
            const onProcessor = name.startsWith(FacePrefix);
            const session = await backend.createSessionAsync(graph, data, name === "driver", onProcessor);
            if (backend.name === "webgpu" && !onProcessor) {
                await this._checkAsync(name, session, backend);
            }
            this._timing(name).createMs += performance.now() - start;
            return { session, backend };
        } catch (error) {
            throw new FlexAvatarError(
                "models-mismatch",
                `ONNX Runtime cannot load ${name} on ${backend.name}: ${MessageOf(error)}`,
                {
                    cause: error,
                },
            );
        }
    }

    /**
     * Runs a network once on inputs whose outputs are known: the WebGPU provider computes some convolutions wrongly
     * (docs/notes/networks.md).
     */
    private async _checkAsync(name: string, session: INetworkSession, backend: IOnnxBackend): Promise<void> {
        const entry = this.model.graphs[name];
        if (entry.probe === undefined) {
            return;
        }
        const inputs = Object.fromEntries(
            Object.entries(ProbeInputs(entry)).map(([key, data]) => [key, { data, dims: entry.inputs[key] }]),
        );
        const error = await OnnxQueue.run(async () =>
            ProbeError(entry, await ReadAsync(backend, await session.run(inputs), entry)),
        );
        if (!(error <= ProbeLimit)) {
            await OnnxQueue.run(() => session.release());
            throw new Error(`its numbers are wrong by ${(100 * error).toFixed(1)} % of their range`);
        }
    }

    /** The files of a graph: its topology, and its weights if they are apart. */
    private async _loadGraphAsync(
        name: string,
        { signal, onProgress }: ICallOptions,
    ): Promise<[Uint8Array, IExternalData[]]> {
        const graph = this._graph(name);
        const load = ({ file, sha256, bytes }: IManifestFile, what: string): Promise<Uint8Array> =>
            this.store.loadAsync({ url: this._url(file), what, sha256, bytes, signal, onProgress });
        const [topology, weights] = await Promise.all([
            load(graph, name),
            graph.data && load(graph.data, `weights of ${name}`),
        ]);
        return [
            topology,
            weights ? [{ path: graph.data!.file.slice(graph.data!.file.lastIndexOf("/") + 1), data: weights }] : [],
        ];
    }

    /** The entry of a graph of the model set, or of one that finds faces. */
    private _graph(name: string): IGraphEntry {
        if (!name.startsWith(FacePrefix)) {
            return this.model.graphs[name];
        }
        const graph = this.manifest.face?.graphs[name.slice(FacePrefix.length)];
        if (graph === undefined) {
            throw new FlexAvatarError(
                "models-mismatch",
                `models.json has no network "${name}", so faces cannot be found in photos.`,
                {
                    advice: "Use the models and the library of the same release.",
                },
            );
        }
        return graph;
    }

    private _timing(name: string): IGraphTiming {
        return (this._timings[name] ??= { createMs: 0, runs: 0, runMs: 0 });
    }

    private _count(name: string, ms: number): void {
        const timing = this._timing(name);
        timing.runs++;
        timing.runMs += ms;
    }

    private _url(file: string): string {
        return JoinUrl(this._settings.modelsUrl, file);
    }

    private _throwIfDisposed(): void {
        if (this._disposed) {
            throw new FlexAvatarError("disposed", "The model runtime is disposed.");
        }
    }
}

/** Outputs as arrays, read back from the device where they are there. */
async function ReadAsync(
    { device }: IOnnxBackend,
    results: Awaited<ReturnType<INetworkSession["run"]>>,
    { outputs }: IGraphEntry,
): Promise<Record<string, Float32Array>> {
    const arrays: Record<string, Float32Array> = {};
    for (const [key, result] of Object.entries(results)) {
        const count = outputs[key].reduce((product, size) => product * size, 1);
        arrays[key] =
            result.data instanceof Float32Array ? result.data : await ReadOnDeviceAsync(device!, result.data, count);
        result.dispose?.();
    }
    return arrays;
}

function ExpectLength(values: Float32Array, shape: readonly number[], what: string): void {
    const wanted = shape.reduce((product, size) => product * size, 1);
    if (values.length !== wanted) {
        throw new FlexAvatarError(
            "invalid-argument",
            `The networks got ${what} of ${values.length} values and need [${shape.join(",")}] = ${wanted}.`,
        );
    }
}

function Concat(parts: readonly Float32Array[]): Float32Array {
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
        all.set(part, offset);
        offset += part.length;
    }
    return all;
}
