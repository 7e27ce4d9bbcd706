/**
 * What is made of the photos after an avatar is shown: the photos' own detail on the face, then hair beyond the scalp
 * and bust. One run at a time for a person; a new one replaces the one before.
 */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import type { ExpressionPose } from "../../flame/expression.js";
import { OrAborted } from "../../runtime/models/abort.js";
import { FillPersonAsync, type IFillParts } from "../../runtime/person/fillPerson.js";
import { SumOf } from "../../runtime/person/refinedMap.js";
import type { IPrepareWish } from "../../runtime/person/preparePhotos.js";
import type { IRefineSettings } from "../../runtime/person/refineSettings.js";
import type { IRefineSource } from "../../runtime/person/refineViews.js";
import {
    CheckRefineSettings,
    SharpenPersonAsync,
    type ISharpenParts,
    type ISharpenSettings,
} from "../../runtime/person/sharpenPerson.js";
import type { PersonPage } from "../page/personPage.js";
import type { Person } from "./person.js";

/** What a refinement uses of the avatar. */
export interface IRefinementParts
    extends
        Pick<ISharpenParts, "head" | "table" | "refineAsync" | "notify">,
        Pick<IFillParts, "fillAsync" | "loadPageAsync"> {
    readonly person: Person;
    readonly page: PersonPage;
    /** Runs the driver for a person that is a mesh; null where splats have one. */
    readonly deltaMapAsync: ((pose: ExpressionPose, signal: AbortSignal) => Promise<Float32Array | null>) | null;
}

/**
 * Shares of the whole: until the photos are prepared, until the driver has run, until the face is sharp where hair and
 * bust follow.
 */
const PreparedShare = 0.2;
const DrivenShare = 0.25;
const SharpShare = 0.6;
/** The rest of the time is not told before this share of the work. */
const LeastShareForTime = 0.05;
const What = "refining the avatar";

/** Gives the photos. */
export type PreparePhotos = (
    signal: AbortSignal,
    wish: IPrepareWish,
    onFraction: (fraction: number) => void,
) => Promise<IRefineSource>;

/** The run under way. */
interface IRunning {
    /** Stops all of it, its first part, or its second. */
    readonly abort: AbortController;
    readonly sharpening: AbortController;
    readonly filling: AbortController;
    done: Promise<void>;
}

/** What a run is to make. */
interface IPlan {
    readonly running: Omit<IRunning, "done">;
    readonly signal: AbortSignal;
    /** Null where the face stays as it is. */
    readonly sharpen: ISharpenSettings | null;
    readonly fills: boolean;
    readonly fadeMs: number;
    /** Photo from behind. */
    readonly back: IRefineSettings["back"];
    readonly onProgress: IRefineSettings["onProgress"];
}

/** One per person. */
export class Refinement {
    private _running: IRunning | null = null;

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

    /** Stops it where it sharpens; hair and bust are still made. */
    public cancelSharpening(): void {
        this._running?.sharpening.abort();
    }

    /** Stops it where it makes hair and bust: they came from elsewhere. Its caller hears of no error. */
    public cancelFilling(): void {
        this._running?.filling.abort();
    }

    /**
     * Sharpens, then fills. What fails does not stop the other.
     * @param prepare gives the photos
     * @param sharpens whether the photos' detail is wanted
     * @throws FlexAvatarError `aborted`, `disposed`, `refine-failed`, `fill-failed`, `invalid-argument` and those of
     * photos; the avatar keeps what it has
     */
    public runAsync(
        prepare: PreparePhotos,
        photoCount: number,
        settings: IRefineSettings,
        sharpens = true,
    ): Promise<void> {
        const checked = CheckRefineSettings(settings, photoCount);
        const { bust, hair } = this._parts.page.wanted;
        this.cancel();
        const [abort, sharpening, filling] = [new AbortController(), new AbortController(), new AbortController()];
        const signal = settings.signal ? AbortSignal.any([settings.signal, abort.signal]) : abort.signal;
        const plan: IPlan = {
            running: { abort, sharpening, filling },
            signal,
            sharpen: sharpens ? checked : null,
            fills: settings.fill !== false && (bust || hair),
            fadeMs: checked.fadeMs,
            back: settings.back,
            onProgress: settings.onProgress,
        };
        const done = this._workAsync(prepare, plan).catch((error: unknown) => {
            throw abort.signal.reason instanceof FlexAvatarError ? abort.signal.reason : error;
        });
        const running = (this._running = { ...plan.running, done });
        done.catch(() => undefined).then(() => {
            if (this._running === running) {
                this._running = null;
            }
        });
        return done;
    }

    private async _workAsync(prepare: PreparePhotos, plan: IPlan): Promise<void> {
        const { signal, sharpen, running } = plan;
        let { fills } = plan;
        const sharpShare = (): number => (fills ? SharpShare : 1);
        const tell = (stage: string, fraction: number, secondsLeft?: number): void => {
            const progress = { stage, fraction, ...(secondsLeft === undefined ? {} : { secondsLeft }) };
            this._parts.person.tell(progress);
            plan.onProgress?.(progress);
        };
        ThrowIfAborted(signal, What);
        const wish = { cropPx: sharpen?.cropPx ?? 0, wide: fills, back: plan.back };
        const preparing = prepare(signal, wish, (fraction) =>
            tell("preparing the photos", PreparedShare * sharpShare() * fraction),
        );
        const source = await OrAborted(preparing, signal, What);
        fills = fills && source.wides.length > 0;
        const clock = new Clock();
        let failure: unknown;
        if (sharpen) {
            const driven = DrivenShare * sharpShare();
            const prepared = PreparedShare * sharpShare();
            try {
                await SharpenPersonAsync(this._sharpenParts(plan.fadeMs), source, {
                    signal: AbortSignal.any([signal, running.sharpening.signal]),
                    settings: sharpen,
                    onPage: this._tellPage,
                    onShare: (stage, share) => {
                        if (stage === "running the driver") {
                            tell(stage, prepared + (driven - prepared) * share);
                        } else {
                            const fraction = driven + (sharpShare() - driven) * share;
                            tell(stage, fraction, clock.left(fraction));
                        }
                    },
                });
                tell("sharpening", sharpShare(), fills ? clock.left(sharpShare()) : 0);
            } catch (error) {
                ThrowIfAborted(signal, What);
                failure = error;
            }
        }
        const { wanted } = this._parts.page;
        if (fills && (wanted.bust || wanted.hair) && !running.filling.signal.aborted) {
            const start = sharpen ? SharpShare : PreparedShare * SharpShare;
            try {
                await FillPersonAsync(this._fillParts(plan.fadeMs), source, {
                    signal: AbortSignal.any([signal, running.filling.signal]),
                    wanted,
                    onPage: this._tellPage,
                    onShare: (share) => {
                        const fraction = start + (1 - start) * share;
                        tell("filling hair and bust", fraction, share < 1 ? clock.left(fraction) : 0);
                    },
                });
            } catch (error) {
                ThrowIfAborted(signal, What);
                if (failure !== undefined) {
                    this._parts.notify("fill-failed", String(error));
                } else if (!running.filling.signal.aborted) {
                    failure = error;
                }
            }
        }
        if (failure !== undefined) {
            throw failure;
        }
    }

    private _sharpenParts(fadeMs: number): ISharpenParts {
        const { person, deltaMapAsync } = this._parts;
        return {
            ...this._parts,
            staticMap: person.file.staticMap,
            deltaMapOfAsync: (pose, signal) =>
                deltaMapAsync ? deltaMapAsync(pose, signal) : DeltaMapAsync(person, pose, signal),
            show: (detail, closeUp) => person.setDetail(detail, fadeMs, closeUp),
        };
    }

    private _fillParts(fadeMs: number): IFillParts {
        const { person, page } = this._parts;
        return {
            ...this._parts,
            refinedMap: () => person.refinedMap(),
            recolor: (change) => {
                const { detail, closeUp } = person.file;
                if (detail) {
                    person.setDetail(SumOf(detail, change), fadeMs, closeUp);
                }
            },
            showAsync: async (filled, stop) => {
                if (filled) {
                    await page.setInSlicesAsync(filled, fadeMs, stop);
                } else if (page.model) {
                    page.set(null);
                }
            },
        };
    }

    private readonly _tellPage = (reason: string): void =>
        this._parts.notify(
            "refine-on-page",
            `Refinement runs on the page's own thread in short slices, because ${reason}.`,
        );
}

/** Tells the time left from how fast the shares came so far. */
class Clock {
    private _start: { readonly ms: number; readonly fraction: number } | null = null;

    /** Seconds; undefined where it is too early to tell. */
    public left(fraction: number): number | undefined {
        this._start ??= { ms: performance.now(), fraction };
        const done = fraction - this._start.fraction;
        return done < LeastShareForTime
            ? undefined
            : ((performance.now() - this._start.ms) * (1 - fraction)) / done / 1000;
    }
}

/** What the driver adds. Waits for a lost device to come back. */
async function DeltaMapAsync(person: Person, pose: ExpressionPose, signal: AbortSignal): Promise<Float32Array | null> {
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
