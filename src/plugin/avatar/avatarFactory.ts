/**
 * From a person (`src/runtime/person` makes one of photos; a file holds one) to the parts of an avatar: splats on a GPU
 * device, or a baked mesh where there is none. Touches no scene: what it returns is complete, or nothing is left of it.
 * Networks, head model and pipelines are loaded when first needed and shared by all avatars of the component.
 */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { CreateExpressionPose, type ExpressionPose } from "../../flame/expression.js";
import { ParseHeadModel, type HeadModel } from "../../flame/headModel.js";
import { BuildTexelTable } from "../../flame/texelTable.js";
import { FillBesideAsync, RefineBesideAsync } from "../../runtime/beside/besideRunner.js";
import { AvatarEvaluator } from "../../runtime/driver/avatarEvaluator.js";
import { SplatEvaluator } from "../../runtime/driver/splatEvaluator.js";
import { ReadAvatarFile, type IAvatarFile, type IStoredSplats } from "../../runtime/format/avatarFile.js";
import { OrAborted } from "../../runtime/models/abort.js";
import { ModelRuntime } from "../../runtime/models/modelRuntime.js";
import type { ProgressListener } from "../../runtime/models/progress.js";
import { WorkerUrl } from "../../runtime/models/runtimeFiles.js";
import { HeadBuffers, SplatPipeline } from "../../runtime/passes/index.js";
import { AskDriverAsync, AskMouthAsync } from "../../runtime/person/askDriver.js";
import { MakePersonAsync, type IPersonParts } from "../../runtime/person/makePerson.js";
import { ReadPageModel, type IPageModel } from "../../runtime/person/pageMap.js";
import { PrepareRefinementAsync, type IPrepareWish } from "../../runtime/person/preparePhotos.js";
import type { IRefineSource } from "../../runtime/person/refineViews.js";
import { CheckPhotoSource, type PhotoSource } from "../../runtime/photo/decode.js";
import { PreparePhotoAsync } from "../../runtime/photo/preparePhoto.js";
import type { ISimilarity } from "../../flame/fit/similarity.js";
import type { ISplatSettings } from "../../runtime/splats/makeSplats.js";
import type { IReadSplats } from "../../runtime/splats/readSplats.js";
import type { ISplatHead } from "../../runtime/splats/splatHead.js";
import type { IDrawnBody } from "../mesh/onDemand.js";
import type { IAvatarServices, INetworks } from "../avatarServices.js";
import type { IFlexAvatarOptions } from "../componentOptions.js";

const DefaultServices: Required<IAvatarServices> = {
    createNetworksAsync: (settings) => ModelRuntime.CreateAsync(settings),
    preparePhotoAsync: PreparePhotoAsync,
    createPipelineAsync: (device, settings) => SplatPipeline.CreateAsync(device, settings),
    refineAsync: RefineBesideAsync,
    fillAsync: FillBesideAsync,
};

/** Settings of the calls that make an avatar. */
export interface IMakeSettings {
    /** Cancels the work and leaves the scene as it was. */
    signal?: AbortSignal;
    /** Told how far each stage is. */
    onProgress?: ProgressListener;
}

/** The parts of an avatar. */
export interface IMadeAvatar {
    head: HeadModel;
    /** Owned by the caller; null where avatars are meshes. */
    evaluator: AvatarEvaluator | null;
    /** Null where avatars are splats. */
    body: IDrawnBody | null;
    file: IAvatarFile;
    /** Gaussians of a file of another program, which the evaluator shows. */
    splats?: ISplatHead;
    /** The second page, if the file has a map of it that can be shown. */
    pageModel?: IPageModel | null;
    /** The photos, prepared for refinement as was asked for. */
    refineSource?: IRefineSource;
}

/** What a call is about to make, so that only its networks are loaded, and early. */
interface IWork extends IMakeSettings {
    /** Photos that will be reconstructed; 0 for a file; null where no driver is needed either. */
    photoCount: number | null;
}

/** The loading of what is shared. */
interface ILoading {
    /** The networks come first: models.json says what else there is. */
    networks: Promise<INetworks>;
    shared: Promise<IShared>;
    abort: AbortController;
    /** Callers still waiting. */
    waiting: number;
}

interface IShared {
    networks: INetworks;
    head: HeadModel;
    /** What splats need of the device; null where avatars are meshes. */
    splats: { readonly pipeline: SplatPipeline; readonly buffers: HeadBuffers } | null;
    /** Loaded when the first avatar has something on it. */
    page: Promise<IPageModel> | null;
}

/** One per component. */
export class AvatarFactory {
    /** Milliseconds of each stage when it last ran. */
    public readonly stageMs: Record<string, number> = {};
    private readonly _services: Required<IAvatarServices>;
    private readonly _lifetime = new AbortController();
    private readonly _listeners = new Set<ProgressListener>();
    private _loading: ILoading | null = null;
    private _shared: IShared | null = null;

    /**
     * @param _device borrowed; null on engines without WebGPU, where avatars are meshes
     * @param _options of the component
     * @param _notify told about fallbacks and choices
     */
    public constructor(
        private readonly _device: GPUDevice | null,
        private readonly _options: Readonly<IFlexAvatarOptions>,
        private readonly _notify: (code: string, message: string) => void,
    ) {
        this._services = { ...DefaultServices, ..._options._services };
    }

    /** The networks, once loaded. */
    public get networks(): INetworks | null {
        return this._shared?.networks ?? null;
    }

    /** What refines. */
    public get refineAsync(): typeof RefineBesideAsync {
        const workerUrl = WorkerUrl(this._options.runtimeUrls, "refineWorker");
        return (input, run) => this._services.refineAsync(input, { workerUrl, ...run });
    }

    /** What fills hair and bust. */
    public get fillAsync(): typeof FillBesideAsync {
        const workerUrl = WorkerUrl(this._options.runtimeUrls, "refineWorker");
        return (input, run) => this._timeAsync("fill", () => this._services.fillAsync(input, { workerUrl, ...run }));
    }

    /**
     * Makes an avatar from photos.
     * @param wish what of the photos is prepared for refinement too
     * @throws FlexAvatarError with a code of docs/errors.md; nothing is left behind
     */
    public async fromPhotosAsync(
        photos: readonly PhotoSource[],
        name: string,
        { signal, onProgress }: IMakeSettings = {},
        wish: IPrepareWish = { cropPx: 0, wide: false },
    ): Promise<IMadeAvatar> {
        photos.forEach(CheckPhotoSource); // before anything is loaded
        return await this._workAsync(
            { signal, onProgress, photoCount: photos.length },
            async (lifeSignal, shared, ready) => {
                const run = { wish, ready, signal: lifeSignal, onProgress };
                const { file, refineSource } = await MakePersonAsync(this._personParts(shared), photos, name, run);
                if (!this._device) {
                    file.mouth = await AskMouthAsync(shared, file, { signal: lifeSignal, onProgress });
                }
                return { ...(await this._finishAsync(shared, file, lifeSignal, onProgress)), refineSource };
            },
        );
    }

    /**
     * Prepares photos for refinement: finds, crops and fits them together.
     * @throws FlexAvatarError `photo-count` and the other codes of photos, `aborted`, `disposed`, `refine-failed` if no
     * crop could be made
     */
    public async prepareRefinementAsync(
        photos: readonly PhotoSource[],
        wish: IPrepareWish,
        { signal, onProgress }: IMakeSettings = {},
    ): Promise<IRefineSource> {
        return await this._workAsync({ signal, onProgress, photoCount: 0 }, (lifeSignal, shared) =>
            PrepareRefinementAsync(this._personParts(shared), photos, wish, { signal: lifeSignal, onProgress }),
        );
    }

    /**
     * Makes an avatar from the bytes of a `.flexavatar` file.
     * @throws FlexAvatarError `file-format`, `models-mismatch`, `aborted`, `disposed` and those of loading models
     */
    public async fromFileAsync(bytes: Uint8Array, { signal, onProgress }: IMakeSettings = {}): Promise<IMadeAvatar> {
        const file = ReadAvatarFile(bytes);
        if (file.splats) {
            return await this._fromStoredSplatsAsync(file, file.splats, { signal, onProgress });
        }
        return await this._workAsync({ signal, onProgress, photoCount: 0 }, async (lifeSignal, shared) => {
            const { networks } = shared;
            const wanted = networks.model.graphs.driver.inputs.identity_features.slice(1);
            if (
                file.headModel.sha256 !== networks.headModel.sha256 ||
                file.model.name !== networks.modelName ||
                file.mapSize !== networks.model.mapSize ||
                file.identityShape.join() !== wanted.join()
            ) {
                throw new FlexAvatarError(
                    "models-mismatch",
                    `The avatar "${file.name}" was made by "${file.model.name}" on head model "${file.headModel.name}" (${file.headModel.sha256.slice(0, 8)}…); ` +
                        `loaded are "${networks.modelName}" on "${networks.model.headModel}" (${networks.headModel.sha256.slice(0, 8)}…).`,
                );
            }
            return await this._finishAsync(shared, file, lifeSignal, onProgress);
        });
    }

    /**
     * Makes an avatar from a file of Gaussians that another program wrote.
     * @param name of the avatar
     * @throws FlexAvatarError `file-format`, `splats-no-head`, `invalid-argument`, `aborted`, `disposed` and those of
     * loading models
     */
    public async fromSplatsAsync(
        bytes: Uint8Array,
        name: string,
        { format, neck }: ISplatSettings,
        { signal, onProgress }: IMakeSettings = {},
    ): Promise<IMadeAvatar> {
        const { PlaceHeadAsync, PlacementOf, ReadSplatsAsync, SplatPerson } =
            await import("../../runtime/splats/onDemand.js");
        const read = await ReadSplatsAsync(bytes, format);
        return await this._workAsync({ signal, onProgress, photoCount: null }, async (lifeSignal, shared) => {
            const { networks, head } = shared;
            onProgress?.({ stage: "looking for the head", fraction: 0 });
            const placement = neck
                ? PlacementOf(head, neck)
                : await this._timeAsync("place", () =>
                      PlaceHeadAsync(read, head, networks, { signal: lifeSignal, onProgress }),
                  );
            ThrowIfAborted(lifeSignal, "looking for the head");
            const stored = { format: read.format, bytes: bytes.slice(), placement };
            const file = SplatPerson(name, read, stored, {
                name: networks.model.headModel,
                sha256: networks.headModel.sha256,
            });
            return await this._timeAsync("prepare", () => this._finishSplatsAsync(shared, read, file, placement));
        });
    }

    /**
     * What the driver adds to the map of a person that is a mesh: for refinement, not for frames.
     * @returns [14,H,W]
     * @throws whatever loading and running a network throws
     */
    public async deltaMapAsync(file: IAvatarFile, pose: ExpressionPose, signal: AbortSignal): Promise<Float32Array> {
        return await this._workAsync({ signal, photoCount: 0 }, async (lifeSignal, shared) => {
            const [deltaMap] = await AskDriverAsync(shared, file, [pose], { signal: lifeSignal });
            return deltaMap;
        });
    }

    /**
     * Loads the second page of the head model, once.
     * @throws FlexAvatarError `models-mismatch` if models.json names none, and those of loading models
     */
    public async loadPageAsync({ signal, onProgress }: IMakeSettings = {}): Promise<IPageModel> {
        return await this._workAsync({ signal, onProgress, photoCount: 0 }, (lifeSignal, shared) =>
            this._pageAsync(shared, lifeSignal, onProgress),
        );
    }

    /**
     * Makes the parts again, from what {@link fromPhotosAsync} or {@link fromFileAsync} returned, after the device was
     * lost.
     */
    public async restoreAsync(file: IAvatarFile): Promise<IMadeAvatar> {
        if (file.splats) {
            return await this._fromStoredSplatsAsync(file, file.splats, {});
        }
        const { page: _, ...head } = file; // the person still has its page
        return await this._workAsync({ photoCount: 0 }, (signal, shared) => this._finishAsync(shared, head, signal));
    }

    /** Stops what is loading and frees what is shared. Avatars must be gone by then. May be called twice. */
    public dispose(): void {
        this._lifetime.abort();
        this._loading?.abort.abort();
        this._shared?.splats?.buffers.dispose();
        this._shared?.networks.dispose();
        this._shared = null;
        this._listeners.clear();
    }

    private _personParts({ networks, head }: IShared): IPersonParts {
        return {
            networks,
            head,
            preparePhotoAsync: this._services.preparePhotoAsync,
            notify: this._notify,
            timeAsync: (stage, work) => this._timeAsync(stage, work),
        };
    }

    private async _fromStoredSplatsAsync(
        file: IAvatarFile,
        { bytes, format, placement }: IStoredSplats,
        settings: IMakeSettings,
    ): Promise<IMadeAvatar> {
        const { ReadSplatsAsync } = await import("../../runtime/splats/onDemand.js");
        const read = await ReadSplatsAsync(bytes, format);
        return await this._workAsync({ ...settings, photoCount: null }, async (signal, shared) => {
            const { headModel } = shared.networks;
            if (file.headModel.sha256 !== headModel.sha256) {
                throw new FlexAvatarError(
                    "models-mismatch",
                    `The avatar "${file.name}" was placed on head model ${file.headModel.sha256.slice(0, 8)}…; loaded is ${headModel.sha256.slice(0, 8)}….`,
                );
            }
            ThrowIfAborted(signal, "preparing the avatar");
            return await this._finishSplatsAsync(shared, read, file, placement);
        });
    }

    private async _finishSplatsAsync(
        { splats: device, head }: IShared,
        read: IReadSplats,
        file: IAvatarFile,
        placement: ISimilarity,
    ): Promise<IMadeAvatar> {
        if (!device) {
            throw new FlexAvatarError(
                "webgpu-missing",
                `"${file.name}" is a file of Gaussians, which have no mesh to show on an engine without WebGPU.`,
            );
        }
        const { BuildSplatHead } = await import("../../runtime/splats/onDemand.js");
        const splats = BuildSplatHead(read, head, placement);
        if (splats.leftOut > 0 || splats.clamped > 0) {
            this._notify(
                "splats-cut",
                `Of the ${read.gaussians.count} Gaussians of "${file.name}", ${splats.leftOut} are too faint or more than half a meter ` +
                    `from the head and are not drawn, and ${splats.clamped} are larger than 2 cm and drawn smaller.`,
            );
        }
        const evaluator = SplatEvaluator.Create(device.pipeline, splats);
        evaluator.setExpression(CreateExpressionPose(head));
        return { head, evaluator, body: null, file, splats };
    }

    private async _finishAsync(
        shared: IShared,
        file: IAvatarFile,
        signal: AbortSignal,
        onProgress?: ProgressListener,
    ): Promise<IMadeAvatar> {
        onProgress?.({ stage: "preparing the avatar", fraction: 0 });
        return await this._timeAsync("prepare", async () => {
            const pageModel = file.page ? await this._pageOfFileAsync(shared, file, signal, onProgress) : null;
            if (!shared.splats) {
                const onSlice = (): void => ThrowIfAborted(signal, "baking the mesh");
                const { MakeBodyAsync } = await import("../mesh/onDemand.js");
                const body = await MakeBodyAsync(shared.head, file, pageModel, onSlice);
                onProgress?.({ stage: "preparing the avatar", fraction: 1 });
                return { head: shared.head, evaluator: null, body, file, pageModel };
            }
            const { pipeline, buffers } = shared.splats;
            const driver = await shared.networks.createDriverAsync(file.identityFeatures, { signal, onProgress });
            let evaluator: AvatarEvaluator | null = null;
            try {
                ThrowIfAborted(signal, "preparing the avatar");
                evaluator = new AvatarEvaluator(pipeline, buffers, file.staticMap as Float32Array<ArrayBuffer>, driver);
                evaluator.setExpression(CreateExpressionPose(shared.head));
                await OrAborted(evaluator.evaluateAsync(), signal, "running the driver for the first time");
                ThrowIfAborted(signal, "preparing the avatar");
            } catch (error) {
                (evaluator ?? driver).dispose();
                throw error;
            }
            onProgress?.({ stage: "preparing the avatar", fraction: 1 });
            return { head: shared.head, evaluator, body: null, file, pageModel };
        });
    }

    /** Whoever aborts leaves the loading to the others that wait for it. */
    private async _pageAsync(shared: IShared, signal: AbortSignal, onProgress?: ProgressListener): Promise<IPageModel> {
        const { networks, head } = shared;
        shared.page ??= networks
            .loadPageAsync({ signal: this._lifetime.signal, onProgress })
            .then((bytes) => ReadPageModel(bytes, head, networks.headModel));
        const page = shared.page;
        page.catch(() => (shared.page = shared.page === page ? null : shared.page)); // the next one tries again
        return await OrAborted(page, signal, "loading the head model's second page");
    }

    /** The page that a file has a map of; null, with a notice, where it cannot be shown. */
    private async _pageOfFileAsync(
        shared: IShared,
        { name, page }: IAvatarFile,
        signal: AbortSignal,
        onProgress?: ProgressListener,
    ): Promise<IPageModel | null> {
        try {
            const model = await this._pageAsync(shared, signal, onProgress);
            if (page!.headModel.sha256 !== model.sha256 || page!.mapSize !== model.mapSize) {
                throw new FlexAvatarError(
                    "models-mismatch",
                    `It is on "${page!.headModel.name}" (${page!.headModel.sha256.slice(0, 8)}…, ${page!.mapSize}); ` +
                        `loaded is "${model.model.name}" (${model.sha256.slice(0, 8)}…, ${model.mapSize}).`,
                );
            }
            return model;
        } catch (error) {
            ThrowIfAborted(signal, "loading the head model's second page");
            this._notify(
                "page-unused",
                `The hair and the bust of "${name}" cannot be shown; the head is shown alone. ${String(error)}`,
            );
            return null;
        }
    }

    /**
     * Runs `work` with what is shared. Its signal is the caller's, and aborts as well when the factory is disposed:
     * that is then the error. The networks that it will need are prepared meanwhile; `preparing` says when they are.
     */
    private async _workAsync<T>(
        { signal, onProgress, photoCount }: IWork,
        work: (signal: AbortSignal, shared: IShared, preparing: Promise<void>) => Promise<T>,
    ): Promise<T> {
        const lifeSignal = signal ? AbortSignal.any([signal, this._lifetime.signal]) : this._lifetime.signal;
        try {
            ThrowIfAborted(lifeSignal, "starting");
            const loading = this._shared ? null : this._startLoading();
            const networks = loading?.networks ?? Promise.resolve(this._shared!.networks);
            const preparing = networks.then(async (ready) => {
                if (!this._device && photoCount === 0) {
                    return; // a mesh has no driver
                }
                // More photos than the model takes are refused by the call itself.
                await (photoCount === null
                    ? undefined
                    : ready.prepareAsync(photoCount <= ready.model.maxPhotos ? photoCount : 0, {
                          signal: lifeSignal,
                          onProgress,
                      }));
            });
            preparing.catch(() => undefined); // whoever needs it awaits it
            return await work(
                lifeSignal,
                this._shared ?? (await this._awaitLoadingAsync(loading!, lifeSignal, onProgress)),
                preparing,
            );
        } catch (error) {
            if (this._lifetime.signal.aborted && !signal?.aborted) {
                throw new FlexAvatarError(
                    "disposed",
                    "The component or its scene was disposed while an avatar was made.",
                    {
                        cause: error,
                    },
                );
            }
            throw error;
        }
    }

    /** What is shared, loaded once, however many ask. */
    private _startLoading(): ILoading {
        if (this._loading === null) {
            const abort = new AbortController();
            const networks = this._createNetworksAsync(abort.signal);
            const shared = this._timeAsync("load", () => this._createSharedAsync(networks, abort.signal));
            const loading = (this._loading = { networks, shared, abort, waiting: 0 });
            shared.catch(() => undefined).finally(() => this._loading === loading && (this._loading = null));
        }
        return this._loading;
    }

    /** When the last caller that waits aborts, loading stops, and the next call starts again. */
    private async _awaitLoadingAsync(
        loading: ILoading,
        signal: AbortSignal,
        onProgress: ProgressListener | undefined,
    ): Promise<IShared> {
        loading.waiting++;
        if (onProgress) {
            this._listeners.add(onProgress);
        }
        try {
            return await OrAborted(loading.shared, signal, "loading the models");
        } finally {
            if (onProgress) {
                this._listeners.delete(onProgress);
            }
            if (--loading.waiting === 0 && !this._shared) {
                loading.abort.abort();
                this._loading = this._loading === loading ? null : this._loading;
            }
        }
    }

    private async _createNetworksAsync(signal: AbortSignal): Promise<INetworks> {
        const { modelsUrl, model, backend, driver, runtimeUrls, cacheModels } = this._options;
        return await this._services.createNetworksAsync({
            modelsUrl,
            model,
            backend,
            driver,
            runtimeUrls,
            cache: cacheModels,
            device: this._device ?? undefined,
            signal,
            onProgress: this._tellListeners,
            onNotice: ({ code, message }) => this._notify(code, message),
        });
    }

    private readonly _tellListeners: ProgressListener = (progress) =>
        this._listeners.forEach((listener) => listener(progress));

    private async _createSharedAsync(creating: Promise<INetworks>, signal: AbortSignal): Promise<IShared> {
        const networks = await creating;
        let buffers: HeadBuffers | null = null;
        try {
            const bytes = await networks.loadHeadModelAsync({ signal, onProgress: this._tellListeners });
            const head = ParseHeadModel(bytes.slice().buffer);
            if (!this._device) {
                return (this._shared = { networks, head, splats: null, page: null });
            }
            const pipeline = await OrAborted(
                this._services.createPipelineAsync(this._device, { sort: this._options.sort }),
                signal,
                "compiling the shaders",
            );
            const { mapSize, positionMapSize } = networks.model;
            buffers = new HeadBuffers(
                this._device,
                head,
                BuildTexelTable(head, mapSize),
                BuildTexelTable(head, positionMapSize),
            );
            ThrowIfAborted(signal, "loading the models");
            return (this._shared = { networks, head, splats: { pipeline, buffers }, page: null });
        } catch (error) {
            buffers?.dispose();
            networks.dispose();
            throw error;
        }
    }

    private async _timeAsync<T>(stage: string, work: () => Promise<T>): Promise<T> {
        const start = performance.now();
        try {
            return await work();
        } finally {
            this.stageMs[stage] = performance.now() - start;
        }
    }
}
