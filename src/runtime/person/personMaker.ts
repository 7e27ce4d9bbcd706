/**
 * Makes persons where there is no scene and no graphics card: in a worker, or in Node. Networks and driver run on the
 * processor. What comes out is what `FlexAvatarComponent` makes and loads: `writeAsync` gives the bytes.
 */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { CreateExpressionPose } from "../../flame/expression.js";
import { ParseHeadModel, type HeadModel } from "../../flame/headModel.js";
import { BuildLevels, type ILevels } from "../../flame/levels.js";
import { BuildTexelTable, type TexelTable } from "../../flame/texelTable.js";
import { FillBesideAsync, RefineBesideAsync } from "../beside/besideRunner.js";
import { OtherPose } from "../driver/driverPose.js";
import { WriteAvatarFile, type IAvatarFile } from "../format/avatarFile.js";
import { CheckMeshSettings, WriteMeshFileAsync, type IMeshSettings } from "../mesh/meshFile.js";
import { ModelRuntime } from "../models/modelRuntime.js";
import type { ICallOptions } from "../models/progress.js";
import { WorkerUrl } from "../models/runtimeFiles.js";
import type { IModelRuntimeSettings } from "../models/runtimeSettings.js";
import { CheckPhotoSource, type PhotoSource } from "../photo/decode.js";
import { PreparePhotoAsync } from "../photo/preparePhoto.js";
import { FillPersonAsync, type IFillParts } from "./fillPerson.js";
import { AskDriverAsync, AskMouthAsync } from "./askDriver.js";
import { MakePersonAsync } from "./makePerson.js";
import { MouthColors, MouthPose } from "./mouthColors.js";
import { ReadPageModel, type IPageModel } from "./pageMap.js";
import { SplatsOfPerson } from "./personSplats.js";
import { RefinedMap, SumOf } from "./refinedMap.js";
import type { RefineOption } from "./refineSettings.js";
import type { IRefineSource } from "./refineViews.js";
import { FinishInSlicesAsync } from "../slices.js";
import { CheckRefineSettings, SharpenPersonAsync, type ISharpenParts, type ISharpenSettings } from "./sharpenPerson.js";

/** Settings of {@link PersonMaker.CreateAsync}. */
export interface IPersonMakerSettings extends Pick<
    IModelRuntimeSettings,
    "modelsUrl" | "model" | "runtimeUrls" | "worker" | "onProgress" | "signal"
> {
    /** Told about choices and fallbacks (docs/errors.md, "Notices"). */
    onNotice?: (notice: { code: string; message: string }) => void;
}

/** What the stages of a run are given. */
interface IMakeRun extends ICallOptions {
    readonly signal: AbortSignal;
}

/** Settings of {@link PersonMaker.makeAsync}. */
export interface IMakePersonSettings extends ICallOptions {
    /** Name of the person. Default "avatar". */
    name?: string;
    /** The photos' own detail, and with it hair and bust: "auto", the default, settings, or false for neither. */
    refine?: RefineOption;
}

/** Makes one person after the other from the same networks. */
export class PersonMaker {
    private readonly _table: TexelTable;
    private readonly _positionTable: TexelTable;
    /** Made when the first file is written. */
    private _levels: ILevels | null = null;

    private constructor(
        private readonly _networks: ModelRuntime,
        private readonly _head: HeadModel,
        private readonly _settings: IPersonMakerSettings,
    ) {
        const { mapSize, positionMapSize } = _networks.model;
        this._table = BuildTexelTable(_head, mapSize);
        this._positionTable = BuildTexelTable(_head, positionMapSize);
    }

    /**
     * Loads models.json and the head model; networks follow when they are needed.
     * @throws FlexAvatarError those of loading models
     */
    public static async CreateAsync(settings: IPersonMakerSettings): Promise<PersonMaker> {
        const networks = await ModelRuntime.CreateAsync({ ...settings, backend: "wasm", driver: "onnx" });
        try {
            const bytes = await networks.loadHeadModelAsync(settings);
            return new PersonMaker(networks, ParseHeadModel(bytes.slice().buffer), settings);
        } catch (error) {
            networks.dispose();
            throw error;
        }
    }

    /**
     * Makes a person of one to four photos.
     * @throws FlexAvatarError those of photos and of networks, `refine-failed`, `fill-failed`, `aborted`, `disposed`
     */
    public async makeAsync(
        photos: readonly PhotoSource[],
        { name = "avatar", refine = "auto", signal, onProgress }: IMakePersonSettings = {},
    ): Promise<IAvatarFile> {
        photos.forEach(CheckPhotoSource);
        const wanted = refine === "auto" ? {} : refine;
        const sharpen = wanted && CheckRefineSettings(wanted, photos.length);
        const fills = wanted !== false && wanted.fill !== false;
        const parts = {
            networks: this._networks,
            head: this._head,
            preparePhotoAsync: PreparePhotoAsync,
            notify: this._notify,
            timeAsync: <T>(_stage: string, work: () => Promise<T>) => work(),
        };
        const back = wanted ? wanted.back : undefined;
        const wish = { cropPx: sharpen ? sharpen.cropPx : 0, wide: fills, back };
        const { file, refineSource } = await MakePersonAsync(parts, photos, name, { wish, signal, onProgress });
        const run = { signal: signal ?? new AbortController().signal, onProgress };
        file.mouth = await AskMouthAsync({ networks: this._networks, head: this._head }, file, run);
        if (sharpen) {
            await this._sharpenAsync(file, refineSource, sharpen, run);
        }
        if (fills && refineSource.wides.length > 0) {
            await this._fillAsync(file, refineSource, run);
        }
        return file;
    }

    /**
     * Writes the file of a person as an avatar of a page does, with splats for viewers that do not know the library.
     * @param person of {@link makeAsync}
     * @throws FlexAvatarError as {@link WriteAvatarFile}, and those of loading models
     */
    public async writeAsync(
        person: IAvatarFile,
        { signal }: { signal?: AbortSignal } = {},
    ): Promise<Uint8Array<ArrayBuffer>> {
        this._levels ??= BuildLevels(this._head, this._table);
        const head = { head: this._head, table: this._table, levels: this._levels };
        const page = person.page ? await this._loadPageAsync({ signal }) : null;
        const splats = await FinishInSlicesAsync(SplatsOfPerson(person, head, page), () =>
            ThrowIfAborted(signal, "writing the person"),
        );
        return WriteAvatarFile(person, splats);
    }

    /**
     * Writes a person as a mesh with a texture and 52 morph targets.
     * @param file what `ReadAvatarFile` or {@link makeAsync} returned
     * @returns the bytes of a `.glb` file
     * @throws FlexAvatarError `models-mismatch` if the person was made on another head model, `invalid-argument`,
     * `aborted` and those of loading models
     */
    public async exportMeshAsync(
        file: IAvatarFile,
        { signal, onProgress, ...settings }: IMeshSettings & ICallOptions = {},
    ): Promise<Uint8Array<ArrayBuffer>> {
        CheckMeshSettings(settings);
        const { headModel, model } = this._networks;
        if (file.headModel.sha256 !== headModel.sha256 || file.mapSize !== model.mapSize) {
            throw new FlexAvatarError(
                "models-mismatch",
                `The avatar "${file.name}" is on head model "${file.headModel.name}" (${file.headModel.sha256.slice(0, 8)}…); ` +
                    `loaded is "${model.headModel}" (${headModel.sha256.slice(0, 8)}…).`,
            );
        }
        const page = file.page
            ? ReadPageModel(await this._networks.loadPageAsync({ signal, onProgress }), this._head, headModel)
            : null;
        const head = this._head;
        const poses = [CreateExpressionPose(head), MouthPose(head)];
        const [deltaMap, open] = await AskDriverAsync({ networks: this._networks, head }, file, poses, {
            signal,
            onProgress,
        });
        const mouth = file.mouth ?? MouthColors(head, this._table, open);
        return await WriteMeshFileAsync({ file: { ...file, mouth }, head, page, deltaMap }, settings, () =>
            ThrowIfAborted(signal, "baking the mesh"),
        );
    }

    /** Frees the networks. May be called twice. */
    public dispose(): void {
        this._networks.dispose();
    }

    /** Adds the photos' detail. */
    private async _sharpenAsync(
        file: IAvatarFile,
        source: IRefineSource,
        settings: ISharpenSettings,
        { signal, onProgress }: IMakeRun,
    ): Promise<void> {
        const driver = await this._networks.createDriverAsync(file.identityFeatures, { signal, onProgress });
        const head = { model: this._head, positionTable: this._positionTable };
        const parts: ISharpenParts = {
            head: this._head,
            table: this._table,
            staticMap: file.staticMap,
            deltaMapOfAsync: (pose) => driver.readAsync(new OtherPose(head, pose, null)),
            show: (detail, closeUp) => Object.assign(file, { detail, ...(closeUp ? { closeUp } : {}) }),
            refineAsync: (input, run) => RefineBesideAsync(input, { workerUrl: this._workerUrl, ...run }),
            notify: this._notify,
        };
        try {
            await SharpenPersonAsync(parts, source, {
                signal,
                settings,
                onShare: (stage, fraction) => onProgress?.({ stage, fraction }),
                onPage: this._tellPage,
            });
        } finally {
            driver.dispose();
        }
    }

    /** Adds hair beyond the scalp, and the bust. */
    private async _fillAsync(
        file: IAvatarFile,
        source: IRefineSource,
        { signal, onProgress }: IMakeRun,
    ): Promise<void> {
        const parts: IFillParts = {
            head: this._head,
            table: this._table,
            refinedMap: () => RefinedMap(file),
            recolor: (change) => {
                if (file.detail) {
                    file.detail = SumOf(file.detail, change);
                }
            },
            showAsync: async (filled) => {
                if (filled) {
                    const { model, mapSize, sha256 } = filled.model;
                    file.page = {
                        headModel: { name: model.name, sha256 },
                        mapSize,
                        map: Float32Array.from(filled.map),
                    };
                }
            },
            fillAsync: (input, run) => FillBesideAsync(input, { workerUrl: this._workerUrl, ...run }),
            loadPageAsync: (options) => this._loadPageAsync(options),
            notify: this._notify,
        };
        await FillPersonAsync(parts, source, {
            signal,
            wanted: { bust: true, hair: true },
            onShare: (fraction) => onProgress?.({ stage: "filling hair and bust", fraction }),
            onPage: this._tellPage,
        });
    }

    private async _loadPageAsync(options: ICallOptions): Promise<IPageModel> {
        return ReadPageModel(await this._networks.loadPageAsync(options), this._head, this._networks.headModel);
    }

    private get _workerUrl(): string | undefined {
        return WorkerUrl(this._settings.runtimeUrls, "refineWorker");
    }

    private readonly _notify = (code: string, message: string): void => this._settings.onNotice?.({ code, message });

    private readonly _tellPage = (reason: string): void =>
        this._notify("refine-on-page", `Refinement runs on this thread in short slices, because ${reason}.`);
}
