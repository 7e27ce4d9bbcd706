/** The running refinement of a person: photos, driver, solver, then the new detail. One at a time; a new one replaces the one before. */
import { AtlasFrames } from "../../flame/atlasFrames.js";
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import type { ExpressionPose } from "../../flame/expression.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { OrAborted } from "../../runtime/models/abort.js";
import { CloseUpScale } from "../../runtime/closeUp.js";
import { MostDetailPx } from "../../runtime/photo/detailCrop.js";
import {
    RefineConstants,
    type ICloseUpWish,
    type IRefineInput,
    type IRefineResult,
    type IRefineView,
} from "../../runtime/refine/refineInput.js";
import type { IRefineRun, RefineBesideAsync } from "../../runtime/refine/refineRunner.js";
import type { Person } from "./person.js";
import type { IRefineSettings } from "./refineSettings.js";
import { PoseInPhoto, RefineTableOf, RefineViewOf, type IRefineSource } from "./refineViews.js";

/** What a refinement uses of the avatar. */
export interface IRefinementParts {
    readonly head: HeadModel;
    readonly person: Person;
    /** Of the maps. */
    readonly table: TexelTable;
    refineAsync: typeof RefineBesideAsync;
    notify(code: string, message: string): void;
}

/** Large arrays of a view that were made for it. */
function OwnBuffers({ pixels, matte, deltaMap }: IRefineView): ArrayBuffer[] {
    return [pixels, matte, deltaMap].flatMap((array) => (array ? [array.buffer as ArrayBuffer] : []));
}

/** Faces of which the photos show less than this are not refined. */
const LeastFaceTrust = 0.02;
/** Shares of the whole: until the photos are prepared, until the driver has run. */
const PreparedShare = 0.2;
const DrivenShare = 0.25;
/** The rest of the time is not told before this share of the solver's work. */
const LeastShareForTime = 0.05;
const What = "refining the avatar";

/** Crops that are smaller have no more detail than Gaussians show. */
const LeastCloseUpPx = 704;

interface ICheckedSettings {
    /** Largest edge of the crops that are wanted. */
    readonly cropPx: number;
    /** Of the crops from which colors are found. */
    readonly colorPx: number;
    readonly closeUp: boolean;
    readonly rounds: number;
    readonly fadeMs: number;
}

/**
 * Settings with defaults.
 * @throws FlexAvatarError `invalid-argument`
 */
export function CheckRefineSettings(settings: IRefineSettings, photoCount: number): ICheckedSettings {
    const { cropPx = photoCount > 1 ? 512 : 640, rounds = RefineConstants.rounds, fadeSeconds = 0.5, closeUp = "auto" } = settings;
    if (closeUp !== "auto" && closeUp !== false) {
        throw new FlexAvatarError("invalid-argument", `Refinement got closeUp ${String(closeUp)}; wanted "auto" or false.`);
    }
    if (!(cropPx >= 512 && cropPx <= 1024)) {
        throw new FlexAvatarError("invalid-argument", `Refinement got cropPx ${cropPx}; wanted 512 to 1024.`);
    }
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 16) {
        throw new FlexAvatarError("invalid-argument", `Refinement got ${rounds} rounds; wanted a whole number from 1 to 16.`);
    }
    if (!(fadeSeconds >= 0 && fadeSeconds < Infinity)) {
        throw new FlexAvatarError("invalid-argument", `Refinement got fadeSeconds ${fadeSeconds}; wanted 0 or more.`);
    }
    const colorPx = 16 * Math.round(cropPx / 16);
    return { cropPx: closeUp ? MostDetailPx : colorPx, colorPx, closeUp: closeUp === "auto", rounds, fadeMs: 1000 * fadeSeconds };
}

/** Gives the photos: their crops at most `cropPx` wide. */
export type PreparePhotos = (signal: AbortSignal, cropPx: number, onFraction: (fraction: number) => void) => Promise<IRefineSource>;

/** One per person. */
export class Refinement {
    private _running: { abort: AbortController; done: Promise<void> } | null = null;

    public constructor(private readonly _parts: IRefinementParts) {}

    /** Whether one is under way. */
    public get isRunning(): boolean {
        return this._running !== null;
    }

    /** Waits until none is under way; how it ended does not matter. */
    public async whenIdleAsync(): Promise<void> {
        while (this._running) {
            await this._running.done.catch(() => undefined);
        }
    }

    /** Stops the one under way. @param reason what its caller hears: by default that it was aborted */
    public cancel(reason?: FlexAvatarError): void {
        this._running?.abort.abort(reason);
        this._running = null;
    }

    /**
     * Refines.
     * @param prepare gives the photos
     * @throws FlexAvatarError `aborted`, `disposed`, `refine-failed`, `invalid-argument` and those of photos; the avatar keeps what it has
     */
    public runAsync(prepare: PreparePhotos, photoCount: number, settings: IRefineSettings): Promise<void> {
        const checked = CheckRefineSettings(settings, photoCount);
        this.cancel();
        const abort = new AbortController();
        const signal = settings.signal ? AbortSignal.any([settings.signal, abort.signal]) : abort.signal;
        const done = this._workAsync(prepare, checked, settings.onProgress, signal).catch((error: unknown) => {
            throw abort.signal.reason instanceof FlexAvatarError ? abort.signal.reason : error;
        });
        const running = (this._running = { abort, done });
        done.catch(() => undefined).then(() => {
            if (this._running === running) {
                this._running = null;
            }
        });
        return done;
    }

    private async _workAsync(
        prepare: PreparePhotos,
        { cropPx, colorPx, closeUp, rounds, fadeMs }: ICheckedSettings,
        onProgress: IRefineSettings["onProgress"],
        signal: AbortSignal,
    ): Promise<void> {
        const { head, person } = this._parts;
        const tell = (stage: string, fraction: number, secondsLeft?: number): void => {
            const progress = { stage, fraction, ...(secondsLeft === undefined ? {} : { secondsLeft }) };
            person.tell(progress);
            onProgress?.(progress);
        };
        ThrowIfAborted(signal, What);
        const preparing = prepare(signal, cropPx, (fraction) => tell("preparing the photos", PreparedShare * fraction));
        const source = await OrAborted(preparing, signal, What);
        const views: IRefineView[] = [];
        for (const index of source.details.keys()) {
            tell("running the driver", PreparedShare + ((DrivenShare - PreparedShare) * index) / source.details.length);
            views.push(RefineViewOf(head, source, index, await this._deltaMapAsync(PoseInPhoto(source, index), signal)));
        }
        const { staticMap } = person.file;
        const input: IRefineInput = {
            table: RefineTableOf(head, this._parts.table),
            staticMap,
            views,
            settings: { ...RefineConstants, rounds },
            ...(closeUp ? { closeUp: this._closeUpWish(colorPx) } : {}),
        };
        const start = performance.now();
        const run: IRefineRun = {
            signal,
            handOver: views.flatMap(OwnBuffers),
            onProgress: (share) => {
                const left = share < LeastShareForTime ? undefined : ((performance.now() - start) * (1 - share)) / share / 1000;
                tell("sharpening", DrivenShare + (1 - DrivenShare) * share, left);
            },
            onProcessor: (reason) =>
                this._parts.notify("refine-on-processor", `Refinement runs on the processor, because the graphics card failed: ${reason}.`),
            onPage: (reason) =>
                this._parts.notify("refine-on-page", `Refinement runs on the page's own thread in short slices, because ${reason}.`),
        };
        const { detail, faceTrust, closeUp: shades }: IRefineResult = await this._parts.refineAsync(input, run);
        ThrowIfAborted(signal, What);
        if (!(faceTrust >= LeastFaceTrust)) {
            throw new FlexAvatarError(
                "refine-failed",
                `The photos show ${(100 * faceTrust).toFixed(1)} % of the face well enough; at least ${100 * LeastFaceTrust} % are needed.`,
            );
        }
        person.setDetail(detail, fadeMs, shades);
        tell("sharpening", 1, 0);
    }

    private _closeUpWish(colorPx: number): ICloseUpWish {
        const { head, table } = this._parts;
        return { frames: AtlasFrames(head, table), edge: CloseUpScale * table.mapSize, colorPx, leastPx: LeastCloseUpPx };
    }

    /** What the driver adds. Waits for a lost device to come back. */
    private async _deltaMapAsync(pose: ExpressionPose, signal: AbortSignal): Promise<Float32Array | null> {
        const { person } = this._parts;
        for (;;) {
            ThrowIfAborted(signal, What);
            const evaluator = person.evaluator;
            if (!evaluator) {
                await new Promise((resolve) => setTimeout(resolve, 50));
                continue;
            }
            try {
                return await OrAborted(evaluator.deltaMapOfAsync(pose), signal, What);
            } catch (error) {
                if (signal.aborted || person.evaluator === evaluator) {
                    throw error;
                }
            }
        }
    }
}
