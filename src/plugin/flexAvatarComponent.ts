/** The service of one scene: makes avatars, updates them once per frame, and takes everything away again. */
import { Observable, type Observer } from "@babylonjs/core/Misc/observable.js";
import type { AssetContainer } from "@babylonjs/core/assetContainer.js";
import type { ISceneSerializableComponent } from "@babylonjs/core/sceneComponent.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError, ThrowIfAborted } from "../flame/error.js";
import type { IAvatarFile } from "../runtime/format/avatarFile.js";
import type { SplatPipeline } from "../runtime/passes/index.js";
import type { BackendName } from "../runtime/models/onnxBackend.js";
import { FetchAsync, MessageOf } from "../runtime/models/loadFailure.js";
import type { PhotoSource } from "../runtime/photo/decode.js";
import { AvatarFactory, type IMadeAvatar, type IMakeSettings } from "./avatar/avatarFactory.js";
import { ResolveFlexAvatarOptions, type IFlexAvatarOptions } from "./componentOptions.js";
import { DriverScheduler, type IScheduledDriver } from "./avatar/driverScheduler.js";
import { RequireDevice } from "./engineOptions.js";
import { AvatarEvaluator } from "./avatar/avatarEvaluator.js";
import { SerializeAvatars } from "./files/avatarSerializer.js";
import { CheckShownParts, FlexAvatar, type IShownParts } from "./avatar/flexAvatar.js";
import type { BustOption, HairOption } from "./page/avatarPage.js";
import type { IHairSpringSettings } from "./page/hairSpring.js";
import { PersonPage, type IPageModel } from "./page/personPage.js";
import { Person } from "./refine/person.js";
import { Refinement, type IPrepareWish } from "./refine/refinement.js";
import type { RefineOption } from "./refine/refineSettings.js";
import { CheckRefineSettings } from "./refine/sharpenPerson.js";
import { PeelsDepth } from "./draw/splatMaterial.js";
import { SplatCrowds } from "./draw/splatCrowds.js";

/**
 * Something the user should know although all went on: a fallback, or a choice made for them. Each is reported once.
 */
export interface IFlexAvatarNotice {
    /** Stable code, listed in docs/errors.md. */
    code: string;
    /** What happened and why. */
    message: string;
}

/** Settings of {@link FlexAvatarComponent.createFromPhotosAsync} and {@link FlexAvatarComponent.loadAsync}. */
export interface ICreateSettings extends IMakeSettings {
    /** Name of the avatar node. Default: "avatar" and a number, or the name in the file. */
    name?: string;
    /** What {@link FlexAvatar.bust} is at first. Default "auto". From photos, "none" makes no bust. */
    bust?: BustOption;
    /**
     * What {@link FlexAvatar.hair} is at first. Default "auto". From photos, "scalp" makes no hair beyond the scalp.
     */
    hair?: HairOption;
    /** What {@link FlexAvatar.hairSpring} is at first. Default null: hair does not swing. */
    hairSpring?: IHairSpringSettings | null;
}

/** Settings of {@link FlexAvatarComponent.createFromPhotosAsync}. */
export interface IPhotoCreateSettings extends ICreateSettings {
    /**
     * Whether the avatar is refined with the photos' own detail once it is there, beside the page. Default "auto": with
     * default settings. Hair beyond the scalp and the bust follow, or come at once where this is false. `signal` stops
     * that too. What goes wrong then is a notice; the avatar stays as it was.
     */
    refine?: RefineOption;
}

/** Numbers about a component's avatars. */
export interface IFlexAvatarStatistics {
    /** Avatars of the scene. */
    avatars: number;
    /** Gaussians of all avatars, drawn or not. */
    gaussians: number;
    /** Compute dispatches of the last frame that was rendered, without those of the driver network. */
    dispatches: number;
    /** Bytes of GPU memory that avatars and their views hold, without networks. */
    gpuBytes: number;
    /** Milliseconds from kick to arrival of each avatar's last driver run, the longest. */
    driverMs: number;
    /** Driver runs so far. */
    driverRuns: number;
    /**
     * Milliseconds of the stages of making an avatar, when each ran last: load, photos, fit, reconstruct, prepare,
     * fill.
     */
    stageMs: Readonly<Record<string, number>>;
    /** Requests for models so far. */
    requests: number;
    /** Bytes received by them. */
    bytes: number;
}

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
    public readonly onNoticeObservable = new Observable<IFlexAvatarNotice>((observer) => {
        for (const notice of this._unheard.splice(0)) {
            this.onNoticeObservable.notifyObserver(observer, notice);
        }
    });
    /** The options in use. */
    public readonly options: Readonly<IFlexAvatarOptions>;
    private readonly _avatars: FlexAvatar[] = [];
    /** Of the avatars that are enabled. Scratch of _update. */
    private readonly _evaluators: AvatarEvaluator[] = [];
    private readonly _pipelines = new Set<SplatPipeline>();
    private readonly _crowds: SplatCrowds;
    private readonly _heard = new Set<string>();
    private readonly _unheard: IFlexAvatarNotice[] = [];
    private readonly _beforeRender: Observer<Scene> | null;
    private readonly _drivers: (IScheduledDriver | null)[] = []; // scratch of _update
    private readonly _scheduler: DriverScheduler;
    private _factory: AvatarFactory;
    private _made = 0;
    private _frameId = -1;
    private _dispatches = { before: 0, lastFrame: 0 };
    private _disposed = false;

    private constructor(
        /** The scene that it serves. */
        public readonly scene: Scene,
        options: Partial<IFlexAvatarOptions>,
    ) {
        this.options = Object.freeze(ResolveFlexAvatarOptions(options));
        this._crowds = new SplatCrowds(scene);
        this._factory = this._createFactory();
        this._scheduler = new DriverScheduler(this.options.driverSchedule);
        this._beforeRender = scene.onBeforeRenderObservable.add(() => this._update());
    }

    /**
     * The component of a scene, made if there is none yet.
     * @param scene a scene on an initialised WebGPUEngine
     * @param options used when it is made; later ones that differ are named by the notice `options-ignored`
     * @throws FlexAvatarError `webgpu-missing`
     */
    public static GetOrCreate(scene: Scene, options: Partial<IFlexAvatarOptions> = {}): FlexAvatarComponent {
        const existing = FlexAvatarComponent._Find(scene);
        if (existing) {
            existing._reportIgnored(options);
            return existing;
        }
        const component = new FlexAvatarComponent(scene, options);
        scene._addComponent(component);
        return component;
    }

    /** The component of a scene, if it has one. @internal */
    public static _Find(scene: Scene): FlexAvatarComponent | null {
        const found = scene._getComponent(ComponentName);
        return found instanceof FlexAvatarComponent ? found : null;
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
            gpuBytes: this._gpuBytes(),
            driverMs: this._avatars.reduce((longest, { counts }) => Math.max(longest, counts.driverMs), 0),
            driverRuns: this._avatars.reduce((sum, { counts }) => sum + counts.driverRuns, 0),
            stageMs: { ...this._factory.stageMs },
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
        const wish: IPrepareWish = { cropPx: refine === false ? 0 : cropPx, wide: fills };
        const { refineSource, ...parts } = await this._factory.fromPhotosAsync([...photos], name, settings, wish);
        const avatar = this._add(parts, name, signal, settings);
        if (refineSource) {
            const signals = [refineSettings.signal, signal].filter((given) => given !== undefined);
            avatar._refineInBackground(refineSource, {
                ...refineSettings,
                ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
            });
        }
        return avatar;
    }

    /**
     * Loads an avatar from a `.flexavatar` file.
     * @param source address or bytes
     * @throws FlexAvatarError `file-format`, `models-mismatch` and those of loading models; the scene is then as it was
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
                avatar._setShown(true);
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
                avatar._setShown(false);
            }
            if (dispose) {
                avatar.dispose();
            }
        }
    }

    /** Reports what the user should know. @internal */
    public _report(code: string, message: string): void {
        this._notify(code, message);
    }

    /**
     * Called by Babylon when a lost device was replaced. Avatars come back by themselves, with new buffers and
     * networks.
     */
    public rebuild(): void {
        this._factory.dispose();
        this._factory = this._createFactory();
        this._pipelines.clear();
        const files = this._avatars.map((avatar) => avatar._suspend());
        // Instances come back as instances of the one of their person that came back before them.
        const earlier = new Map<IAvatarFile, Promise<AvatarEvaluator>>();
        this._avatars.forEach((avatar, index) => {
            const file = files[index];
            const restore = (): Promise<AvatarEvaluator> =>
                this._factory.restoreAsync(file).then(({ evaluator }) => evaluator);
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
        const names = Object.keys(options) as (keyof IFlexAvatarOptions)[];
        const ignored = names.filter(
            (name) => options[name] !== undefined && !IsSame(options[name], this.options[name]),
        );
        if (ignored.length > 0) {
            this._notify(
                "options-ignored",
                `The scene has its component already, made with other options. GetOrCreate ignores: ${ignored.join(", ")}. ` +
                    "Pass them to the first call, or dispose the component before.",
            );
        }
    }

    private _createFactory(): AvatarFactory {
        return new AvatarFactory(RequireDevice(this.scene.getEngine()), this.options, (code, message) =>
            this._notify(code, message),
        );
    }

    private _createRefinement({ head, evaluator }: IMadeAvatar, person: Person, page: PersonPage): Refinement {
        return new Refinement({
            head,
            person,
            page,
            table: evaluator.buffers.head.table,
            refineAsync: (input, run) => this._factory.refineAsync(input, run),
            fillAsync: (input, run) => this._factory.fillAsync(input, run),
            loadPageAsync: (settings) => this._loadPageAsync(settings),
            notify: (code, message) => this._notify(code, message),
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
                this._pipelines.add(evaluator.pipeline);
                avatar._resume(evaluator);
            }
        } catch (error) {
            if (!this._disposed && factory === this._factory) {
                this._notify(
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
            made.evaluator.dispose();
            throw error;
        }
        const person = made.person ?? new Person(made.file);
        const page = made.page ?? new PersonPage(made.file, made.pageModel ?? null);
        const refinement = made.refinement ?? this._createRefinement(made, person, page);
        const avatar = new FlexAvatar(name, this.scene, {
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
            instantiate: (evaluator, instanceName, shown) =>
                this._add({ ...made, person, page, refinement, evaluator }, instanceName, undefined, shown),
            notify: (code, message) => this._notify(code, message),
        });
        this._pipelines.add(made.evaluator.pipeline);
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
            this._notify(
                "transparency-peeled",
                "Order-independent transparency cannot peel splats: avatars are drawn before all transparent meshes, which lie over them.",
            );
        }
        // Dispatches between two updates are those of one frame. Each driver run that arrived had its delta map packed.
        const dispatches = this._avatars.reduce(
            (sum, { counts }) => sum + counts.driverRuns,
            this._recordedDispatches(),
        );
        this._dispatches.lastFrame = Math.max(0, dispatches - this._dispatches.before);
        this._dispatches.before = dispatches;
        this._evaluators.length = 0;
        for (let index = 0; index < this._avatars.length; index++) {
            const avatar = this._avatars[index];
            this._drivers[index] = null;
            if (avatar.isEnabled()) {
                avatar._readFrame();
                if (avatar.splats) {
                    this._evaluators.push(avatar.splats);
                    this._drivers[index] = avatar.splats;
                }
            }
        }
        this._drivers.length = this._avatars.length;
        AvatarEvaluator.PoseAll(this._evaluators);
        this._scheduler.update(this._drivers, performance.now());
        for (const avatar of this._avatars) {
            if (avatar.isEnabled()) {
                avatar._continueFrame();
            }
        }
    }

    private _recordedDispatches(): number {
        let sum = 0;
        for (const pipeline of this._pipelines) {
            sum += pipeline.dispatches;
        }
        return sum;
    }

    private _gpuBytes(): number {
        const pages = this._avatars.flatMap(({ _secondPage }) => _secondPage?.splats?.buffers ?? []);
        const heads = new Set(
            [...this._avatars.flatMap(({ splats }) => splats?.buffers ?? []), ...pages].map(({ head }) => head),
        );
        let sum = this._avatars.reduce((bytes, { splats }) => bytes + (splats?.ownByteLength ?? 0), 0);
        pages.forEach(({ params }) => (sum += params.size));
        heads.forEach(({ byteLength }) => (sum += byteLength));
        for (const { viewByteLength } of this._crowds.meshes) {
            sum += viewByteLength;
        }
        return sum;
    }

    private _notify(code: string, message: string): void {
        if (this._heard.has(message)) {
            return;
        }
        this._heard.add(message);
        const notice = { code, message };
        if (this.onNoticeObservable.hasObservers()) {
            this.onNoticeObservable.notifyObservers(notice);
        } else {
            this._unheard.push(notice);
        }
    }

    private _throwIfDisposed(): void {
        if (this._disposed || this.scene.isDisposed) {
            throw new FlexAvatarError("disposed", "The component of this scene is disposed.");
        }
    }
}

/** Compares values, and the fields of plain objects. */
function IsSame(a: unknown, b: unknown): boolean {
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
        return Object.is(a, b);
    }
    const [first, second] = [a as Record<string, unknown>, b as Record<string, unknown>];
    return [...new Set([...Object.keys(first), ...Object.keys(second)])].every((name) =>
        IsSame(first[name], second[name]),
    );
}

function AvatarsOf(container: AssetContainer): FlexAvatar[] {
    return container.transformNodes.filter((node) => node instanceof FlexAvatar);
}

async function ReadBytesAsync(
    source: string | URL | Blob | ArrayBuffer | Uint8Array,
    signal: AbortSignal | undefined,
): Promise<Uint8Array> {
    if (ArrayBuffer.isView(source)) {
        return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    }
    if (IsA<ArrayBuffer>(source, "ArrayBuffer")) {
        return new Uint8Array(source);
    }
    try {
        if (IsA<Blob>(source, "Blob", "File")) {
            return new Uint8Array(await source.arrayBuffer());
        }
        if (!IsA<string | URL>(source, "String", "URL")) {
            throw new FlexAvatarError("invalid-argument", `loadAsync got ${Object.prototype.toString.call(source)}.`, {
                advice: "Pass an address, a Blob or the bytes of a .flexavatar file.",
            });
        }
        const response = await FetchAsync(String(source), { what: "the avatar file", code: "file-format", signal });
        return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
        ThrowIfAborted(signal, "loading the avatar file");
        if (error instanceof FlexAvatarError) {
            throw error;
        }
        throw new FlexAvatarError(
            "file-format",
            `The avatar file ${String(source)} could not be read: ${MessageOf(error)}`,
            {
                cause: error,
            },
        );
    }
}

/** By the name of the class: `instanceof` would not know objects of another frame. */
function IsA<T>(value: unknown, ...names: string[]): value is T {
    return names.includes(Object.prototype.toString.call(value).slice("[object ".length, -1));
}
