/** The service of one scene: makes avatars, updates them once per frame, and takes everything away again. */
import { Observable, type Observer } from "@babylonjs/core/Misc/observable.js";
import type { AssetContainer } from "@babylonjs/core/assetContainer.js";
import type { ISceneSerializableComponent } from "@babylonjs/core/sceneComponent.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError, ThrowIfAborted } from "../flame/error.js";
import { TexelTableOf } from "../flame/personalHead.js";
import type { IAvatarFile } from "../runtime/format/avatarFile.js";
import type { BackendName } from "../runtime/models/onnxBackend.js";
import { CheckPhotoSource, type PhotoSource } from "../runtime/photo/decode.js";
import { AvatarFactory, type IMadeAvatar, type IMakeSettings } from "./avatar/avatarFactory.js";
import { OptionsThatDiffer, ResolveFlexAvatarOptions, type IFlexAvatarOptions } from "./componentOptions.js";
import { DriverScheduler, type IScheduledDriver } from "../runtime/driver/driverScheduler.js";
import type { ICreateSettings, IPhotoCreateSettings, ISplatCreateSettings } from "./createSettings.js";
import { FindDevice } from "./engineOptions.js";
import { AvatarEvaluator } from "../runtime/driver/avatarEvaluator.js";
import { SerializeAvatars } from "./files/avatarSerializer.js";
import { ReadBytesAsync } from "./files/readBytes.js";
import type { IAvatarParts, IComponentInternals, IShownParts } from "./avatar/avatarInternals.js";
import { FlexAvatar } from "./avatar/flexAvatar.js";
import { CheckShownParts } from "./avatar/hairAndBust.js";
import type { IPageModel } from "../runtime/person/pageMap.js";
import { PersonPage } from "./page/personPage.js";
import { Person } from "./refine/person.js";
import type { IPrepareWish } from "../runtime/person/preparePhotos.js";
import { Refinement } from "./refine/refinement.js";
import { CheckRefineSettings } from "../runtime/person/sharpenPerson.js";
import { PeelsDepth } from "./draw/splatMaterial.js";
import { SplatCrowds } from "./draw/splatCrowds.js";
import { Notices, type IFlexAvatarNotice } from "./notices.js";
import { DispatchCounter, GpuBytesOf, type IFlexAvatarStatistics } from "./statistics.js";

const ComponentName = "FlexAvatar";

/** What instances of a person share besides buffers. */
interface IPersonParts {
    person: Person;
    page: PersonPage;
    refinement: Refinement;
}

/**
 * One per scene.
 * @example
 * const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: "flexavatar/" });
 * const avatar = await component.createFromPhotosAsync([file]);
 */
export class FlexAvatarComponent implements ISceneSerializableComponent {
    public readonly name = ComponentName;
    /** Notified when an avatar is complete and in the scene. */
    public readonly onAvatarAddedObservable = new Observable<FlexAvatar>();
    /**
     * Notified of fallbacks and choices, each text once. Notices that came before the first observer are kept for it.
     */
    public readonly onNoticeObservable: Observable<IFlexAvatarNotice>;
    /** The options in use. */
    public readonly options: Readonly<IFlexAvatarOptions>;
    private readonly _avatars: FlexAvatar[] = [];
    /** Of the avatars that are enabled. Scratch of _update. */
    private readonly _evaluators: AvatarEvaluator[] = [];
    private readonly _dispatches = new DispatchCounter();
    private readonly _crowds: SplatCrowds;
    private readonly _notices = new Notices();
    private readonly _beforeRender: Observer<Scene> | null;
    private readonly _drivers: (IScheduledDriver | null)[] = []; // scratch of _update
    private readonly _scheduler: DriverScheduler;
    private _factory: AvatarFactory;
    private _made = 0;
    private _frameId = -1;
    private _disposed = false;

    private constructor(
        /** The scene that it serves. */
        public readonly scene: Scene,
        options: Partial<IFlexAvatarOptions>,
    ) {
        this.onNoticeObservable = this._notices.observable;
        this.options = Object.freeze(ResolveFlexAvatarOptions(options));
        this._crowds = new SplatCrowds(scene);
        this._factory = this._createFactory();
        this._scheduler = new DriverScheduler(this.options.driverSchedule);
        this._beforeRender = scene.onBeforeRenderObservable.add(() => this._update());
    }

    /**
     * The component of a scene, made if there is none yet.
     * @param scene a scene on an initialised WebGPUEngine; on another engine avatars are meshes, with the notice
     * `drawn-as-mesh` (docs/webgl.md)
     * @param options used when it is made; later ones that differ are named by the notice `options-ignored`
     * @throws FlexAvatarError `webgpu-missing` if the WebGPUEngine has no device yet, or one that is too small
     */
    public static GetOrCreate(scene: Scene, options: Partial<IFlexAvatarOptions> = {}): FlexAvatarComponent {
        const existing = FindComponent(scene);
        if (existing) {
            existing._reportIgnored(options);
            return existing;
        }
        const component = new FlexAvatarComponent(scene, options);
        scene._addComponent(component);
        return component;
    }

    /** What scene files may ask of it. @internal */
    public get _internals(): IComponentInternals {
        return this._notices;
    }

    /** Avatars in the scene, in the order they came. */
    public get avatars(): readonly FlexAvatar[] {
        return this._avatars;
    }

    /**
     * Where ONNX Runtime runs networks; null while none has needed it: a saved avatar whose driver runs by shaders does
     * not.
     */
    public get backend(): BackendName | null {
        return this._factory.networks?.backend ?? null;
    }

    /** Counts and times. Read it as often as you like, but not in each frame: it allocates. */
    public get statistics(): IFlexAvatarStatistics {
        const store = this._factory.networks?.store.statistics;
        return {
            avatars: this._avatars.length,
            gaussians: this._avatars.reduce((sum, { gaussianCount }) => sum + gaussianCount, 0),
            dispatches: this._dispatches.lastFrame,
            gpuBytes: GpuBytesOf(this._avatars, this._crowds),
            driverMs: this._avatars.reduce((longest, { counts }) => Math.max(longest, counts.driverMs), 0),
            driverRuns: this._avatars.reduce((sum, { counts }) => sum + counts.driverRuns, 0),
            stageMs: { ...this._factory.stageMs },
            cached: store?.cached ?? 0,
            requests: store?.requests ?? 0,
            bytes: store?.bytes ?? 0,
        };
    }

    /**
     * Makes an avatar from one to four photos of a person. The scene is not touched before the avatar is complete. Then
     * it is refined in the background: some seconds later it gets sharper, then it gets hair beyond the scalp and a
     * bust ({@link FlexAvatar.onRefineProgressObservable}, {@link FlexAvatar.whenRefinedAsync}).
     * @param photos image files (addresses, blobs, responses, bytes) or what a canvas can draw, in any order
     * @throws FlexAvatarError with a code of docs/errors.md; the scene is then as it was
     */
    public async createFromPhotosAsync(
        photos: readonly PhotoSource[],
        settings: IPhotoCreateSettings = {},
    ): Promise<FlexAvatar> {
        this._throwIfDisposed();
        ThrowIfAborted(settings.signal, "starting");
        if (typeof photos === "string" || !Number.isInteger(photos?.length)) {
            throw new FlexAvatarError("invalid-argument", "createFromPhotosAsync takes an array of photos.", {
                advice: "Put a single photo into an array: [photo].",
            });
        }
        if (photos.length < 1 || photos.length > 4) {
            throw new FlexAvatarError(
                "photo-count",
                `createFromPhotosAsync got ${photos.length} photos and takes 1 to 4.`,
            );
        }
        CheckShownParts(settings);
        const name = settings.name ?? `avatar ${++this._made}`;
        const { refine = "auto", signal } = settings;
        const refineSettings = refine === "auto" || refine === false ? {} : refine;
        const { cropPx } = CheckRefineSettings(refineSettings, photos.length);
        const fills = refineSettings.fill !== false && !(settings.bust === "none" && settings.hair === "scalp");
        const back = settings.back ?? refineSettings.back;
        if (back !== undefined) {
            CheckPhotoSource(back);
        }
        const wish: IPrepareWish = { cropPx: refine === false ? 0 : cropPx, wide: fills, back };
        const { refineSource, ...parts } = await this._factory.fromPhotosAsync([...photos], name, settings, wish);
        const avatar = this._add(parts, name, signal, settings);
        if (refineSource) {
            const signals = [refineSettings.signal, signal].filter((given) => given !== undefined);
            avatar._internals.refineInBackground(refineSource, {
                ...refineSettings,
                ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
            });
        }
        return avatar;
    }

    /**
     * Loads an avatar from a `.flexavatar` file.
     * @param source address or bytes
     * @throws FlexAvatarError `file-missing`, `file-format`, `models-mismatch` and those of loading models; the scene is
     * then as it was
     */
    public async loadAsync(
        source: string | URL | Blob | ArrayBuffer | Uint8Array,
        settings: ICreateSettings = {},
    ): Promise<FlexAvatar> {
        this._throwIfDisposed();
        ThrowIfAborted(settings.signal, "starting");
        CheckShownParts(settings);
        const bytes = await ReadBytesAsync(source, settings.signal);
        const made = await this._factory.fromFileAsync(bytes, settings);
        return this._add(made, settings.name ?? made.file.name, settings.signal, settings);
    }

    /**
     * Makes an avatar of a head that another program wrote: `.ply` of 3D Gaussian Splatting, packed `.ply`, `.splat`,
     * `.spz`, or the zip of a LAM avatar. It is drawn, sorted, attached and posed as the others are. Its face is still,
     * unless the file has ARKit's expressions, as LAM's do.
     * @param source address or bytes
     * @param settings format, and where the neck is: by default the head is found by its face, whatever the file's axes
     * and units are
     * @throws FlexAvatarError `file-missing`, `file-format`, `splats-no-head`, `invalid-argument` and those of loading
     * models; the scene is then as it was
     */
    public async loadSplatsAsync(
        source: string | URL | Blob | ArrayBuffer | Uint8Array,
        settings: ISplatCreateSettings = {},
    ): Promise<FlexAvatar> {
        this._throwIfDisposed();
        ThrowIfAborted(settings.signal, "starting");
        const { format, neck, signal } = settings;
        if (format !== undefined) {
            (await import("../runtime/splats/onDemand.js")).CheckSplatSource(format);
        }
        const name = settings.name ?? `avatar ${++this._made}`;
        const bytes = await ReadBytesAsync(source, signal);
        const made = await this._factory.fromSplatsAsync(bytes, name, { format, neck }, settings);
        return this._add(made, name, signal);
    }

    /** Called by Babylon when the component is added. */
    public register(): void {
        // Nothing: no stage of the scene is used, because camera stages do not run under a frame graph.
    }

    /** Called by Babylon's scene serializer: adds the avatars to a `.babylon` file. */
    public serialize(serializationObject: Record<string, unknown>): void {
        SerializeAvatars(this, serializationObject);
    }

    /** Called by Babylon when a container's contents enter the scene: its avatars are drawn from then on. */
    public addFromContainer(container: AssetContainer): void {
        for (const avatar of AvatarsOf(container)) {
            if (!this._avatars.includes(avatar)) {
                this._avatars.push(avatar);
                avatar._internals.setShown(true);
            }
        }
    }

    /**
     * Called by Babylon when a container's contents leave the scene: its avatars stay on the GPU, unless they are to be
     * disposed.
     */
    public removeFromContainer(container: AssetContainer, dispose = false): void {
        for (const avatar of AvatarsOf(container)) {
            const index = this._avatars.indexOf(avatar);
            if (index >= 0) {
                this._avatars.splice(index, 1);
                avatar._internals.setShown(false);
            }
            if (dispose) {
                avatar.dispose();
            }
        }
    }

    /**
     * Called by Babylon when a lost device was replaced. Avatars come back by themselves, with new buffers and
     * networks.
     */
    public rebuild(): void {
        if (!this.scene.getEngine().isWebGPU) {
            return; // Babylon brings its meshes back
        }
        this._factory.dispose();
        this._factory = this._createFactory();
        this._dispatches.clear();
        const files = this._avatars.map((avatar) => avatar._internals.suspend());
        // Instances come back as instances of the one of their person that came back before them.
        const earlier = new Map<IAvatarFile, Promise<AvatarEvaluator>>();
        this._avatars.forEach((avatar, index) => {
            const file = files[index];
            const restore = (): Promise<AvatarEvaluator> =>
                this._factory.restoreAsync(file).then(({ evaluator }) => evaluator!);
            const twin = earlier.get(file);
            const restoring = twin
                ? twin.then((evaluator) => (evaluator.buffers.isDisposed ? restore() : evaluator.createInstance()))
                : restore();
            earlier.set(file, restoring);
            void this._restoreAsync(avatar, restoring, this._factory);
        });
    }

    /**
     * Disposes all avatars and everything shared, and leaves the scene. Safe while avatars are being made; may be
     * called twice.
     */
    public dispose(): void {
        if (this._disposed) {
            return;
        }
        this._disposed = true;
        this._beforeRender?.remove();
        for (const avatar of [...this._avatars]) {
            avatar.dispose();
        }
        this._factory.dispose();
        this.onAvatarAddedObservable.clear();
        this.onNoticeObservable.clear();
        const index = this.scene._components.indexOf(this);
        if (index >= 0) {
            this.scene._components.splice(index, 1);
        }
    }

    /** Options are fixed when the component is made: avatars that exist were made with them. */
    private _reportIgnored(options: Partial<IFlexAvatarOptions>): void {
        const ignored = OptionsThatDiffer(options, this.options);
        if (ignored.length > 0) {
            this._notices.notify(
                "options-ignored",
                `The scene has its component already, made with other options. GetOrCreate ignores: ${ignored.join(", ")}. ` +
                    "Pass them to the first call, or dispose the component before.",
            );
        }
    }

    private _createFactory(): AvatarFactory {
        const engine = this.scene.getEngine();
        const device = FindDevice(engine);
        if (!device) {
            this._notices.notify(
                "drawn-as-mesh",
                `The scene is on an engine without WebGPU: avatars are drawn as meshes with textures, without the ` +
                    "driver's detail. Tracks, joints, clips and sources work as they do with WebGPU.",
            );
        }
        return new AvatarFactory(device, this.options, (code, message) => this._notices.notify(code, message));
    }

    private _createRefinement({ head, evaluator, file }: IMadeAvatar, person: Person, page: PersonPage): Refinement {
        return new Refinement({
            head,
            person,
            page,
            table: evaluator?.buffers.head.table ?? TexelTableOf(head, file.mapSize),
            deltaMapAsync: evaluator ? null : (pose, signal) => this._factory.deltaMapAsync(file, pose, signal),
            refineAsync: (input, run) => this._factory.refineAsync(input, run),
            fillAsync: (input, run) => this._factory.fillAsync(input, run),
            loadPageAsync: (settings) => this._loadPageAsync(settings),
            notify: (code, message) => this._notices.notify(code, message),
        });
    }

    /** The second page; asked for again where the device was lost meanwhile, and the factory with it. */
    private async _loadPageAsync(settings: IMakeSettings): Promise<IPageModel> {
        for (;;) {
            const factory = this._factory;
            try {
                return await factory.loadPageAsync(settings);
            } catch (error) {
                if (factory === this._factory) {
                    throw error;
                }
            }
        }
    }

    private async _restoreAsync(
        avatar: FlexAvatar,
        restoring: Promise<AvatarEvaluator>,
        factory: AvatarFactory,
    ): Promise<void> {
        try {
            const evaluator = await restoring;
            if (avatar.isDisposed() || factory !== this._factory) {
                evaluator.dispose();
            } else {
                this._dispatches.add(evaluator.pipeline);
                avatar._internals.resume(evaluator);
            }
        } catch (error) {
            if (!this._disposed && factory === this._factory) {
                this._notices.notify(
                    "device-lost",
                    `"${avatar.name}" did not survive the loss of the GPU device: ${String(error)}`,
                );
                avatar.dispose();
            }
        }
    }

    /** Nothing is awaited between the last check and the avatar's appearance, so it is all there or not at all. */
    private _add(
        made: IMadeAvatar & Partial<IPersonParts>,
        name: string,
        signal: AbortSignal | undefined,
        { bust, hair, hairSpring }: IShownParts = {},
    ): FlexAvatar {
        try {
            this._throwIfDisposed();
            ThrowIfAborted(signal, "adding the avatar");
        } catch (error) {
            made.evaluator?.dispose();
            throw error;
        }
        const person = made.person ?? new Person(made.file);
        const page = made.page ?? new PersonPage(made.file, made.head, made.pageModel ?? null);
        const refinement = made.refinement ?? this._createRefinement(made, person, page);
        const parts: IAvatarParts = {
            ...made,
            person,
            page,
            shown: { bust, hair, hairSpring },
            loadPageAsync: (makeSettings) => this._loadPageAsync(makeSettings),
            refinement,
            prepareRefinementAsync: (photos, wish, makeSettings) =>
                this._factory.prepareRefinementAsync(photos, wish, makeSettings),
            crowds: this._crowds,
            levelOfDetail: this.options.levelOfDetail,
            notify: (code, message) => this._notices.notify(code, message),
        };
        const avatar = new FlexAvatar(name, this.scene, parts, (evaluator, instanceName, shown) =>
            this._add({ ...made, person, page, refinement, evaluator }, instanceName, undefined, shown),
        );
        if (made.evaluator) {
            this._dispatches.add(made.evaluator.pipeline);
        }
        this._avatars.push(avatar);
        avatar.onAvatarDisposeObservable.addOnce(() => {
            const index = this._avatars.indexOf(avatar);
            if (index >= 0) {
                this._avatars.splice(index, 1); // one in a container is not listed
            }
        });
        this.onAvatarAddedObservable.notifyObservers(avatar);
        return avatar;
    }

    private _update(): void {
        const frameId = this.scene.getFrameId();
        if (this._frameId === frameId) {
            return;
        }
        this._frameId = frameId;
        if (this._avatars.length > 0 && PeelsDepth(this.scene)) {
            this._notices.notify(
                "transparency-peeled",
                "Order-independent transparency cannot peel splats: avatars are drawn before all transparent meshes, which lie over them.",
            );
        }
        this._dispatches.update(this._avatars);
        let shown = 0;
        for (let index = 0; index < this._avatars.length; index++) {
            const avatar = this._avatars[index];
            this._drivers[index] = null;
            if (avatar.isEnabled()) {
                const { _internals: internals } = avatar;
                internals.readFrame();
                if (internals.splats) {
                    this._evaluators[shown++] = internals.splats;
                    this._drivers[index] = internals.splats;
                }
            }
        }
        this._drivers.length = this._avatars.length;
        this._evaluators.length = shown;
        AvatarEvaluator.PoseAll(this._evaluators);
        this._scheduler.update(this._drivers, performance.now());
        for (let index = 0; index < this._avatars.length; index++) {
            const avatar = this._avatars[index];
            if (avatar.isEnabled()) {
                avatar._internals.continueFrame();
            }
        }
    }

    private _throwIfDisposed(): void {
        if (this._disposed || this.scene.isDisposed) {
            throw new FlexAvatarError("disposed", "The component of this scene is disposed.");
        }
    }
}

/** The component of a scene, if it has one. */
export function FindComponent(scene: Scene): FlexAvatarComponent | null {
    const found = scene._getComponent(ComponentName);
    return found instanceof FlexAvatarComponent ? found : null;
}

function AvatarsOf(container: AssetContainer): FlexAvatar[] {
    return container.transformNodes.filter((node) => node instanceof FlexAvatar);
}
