/** From prepared photos and their fit to the photos' own detail: driver, solver, then the new colors. */
import { AtlasFrames } from "../../flame/atlasFrames.js";
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import type { ExpressionPose } from "../../flame/expression.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { TexelTable } from "../../flame/texelTable.js";
import type { RefineBesideAsync } from "../beside/besideRunner.js";
import { CloseUpScale, type ICloseUp } from "../closeUp.js";
import { MostDetailPx } from "../photo/detailCrop.js";
import { RefineConstants, type ICloseUpWish, type IRefineInput, type IRefineView } from "../refine/refineInput.js";
import type { IRefineSettings } from "./refineSettings.js";
import { PoseInPhoto, RefineTableOf, RefineViewOf, type IRefineSource } from "./refineViews.js";

/** What sharpening uses of the avatar. */
export interface ISharpenParts {
    readonly head: HeadModel;
    /** Of the maps. */
    readonly table: TexelTable;
    /** [14,H,W] the person at rest, without detail. */
    readonly staticMap: Float32Array;
    /** [14,H,W] what the driver adds in a pose; handed over. Null without a driver. */
    deltaMapOfAsync(pose: ExpressionPose, signal: AbortSignal): Promise<Float32Array | null>;
    /** Takes the detail over, [3,H,W], and that for close-ups. */
    show(detail: Float32Array, closeUp: ICloseUp | null): void;
    refineAsync: typeof RefineBesideAsync;
    notify(code: string, message: string): void;
}

/** Settings of {@link SharpenPersonAsync}. */
export interface ISharpenRun {
    readonly signal: AbortSignal;
    readonly settings: ISharpenSettings;
    /** Told the share done of a stage. */
    onShare(stage: "running the driver" | "sharpening", share: number): void;
    /** Told why the page itself has to work. */
    onPage(reason: string): void;
}

/** Large arrays of a view that were made for it. */
function OwnBuffers({ pixels, matte, deltaMap }: IRefineView): ArrayBuffer[] {
    return [pixels, matte, deltaMap].flatMap((array) => (array ? [array.buffer as ArrayBuffer] : []));
}

/** Faces of which the photos show less than this are not refined. */
const LeastFaceTrust = 0.02;
const What = "refining the avatar";
/** Crops that are smaller have no more detail than Gaussians show. */
const LeastCloseUpPx = 704;

/** Settings that were checked. */
export interface ISharpenSettings {
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
export function CheckRefineSettings(settings: IRefineSettings, photoCount: number): ISharpenSettings {
    const {
        cropPx = photoCount > 1 ? 512 : 640,
        rounds = RefineConstants.rounds,
        fadeSeconds = 0.5,
        closeUp = "auto",
        fill = "auto",
    } = settings;
    if (closeUp !== "auto" && closeUp !== false) {
        throw new FlexAvatarError(
            "invalid-argument",
            `Refinement got closeUp ${String(closeUp)}; wanted "auto" or false.`,
        );
    }
    if (fill !== "auto" && fill !== false) {
        throw new FlexAvatarError("invalid-argument", `Refinement got fill ${String(fill)}; wanted "auto" or false.`);
    }
    if (!(cropPx >= 512 && cropPx <= 1024)) {
        throw new FlexAvatarError("invalid-argument", `Refinement got cropPx ${cropPx}; wanted 512 to 1024.`);
    }
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 16) {
        throw new FlexAvatarError(
            "invalid-argument",
            `Refinement got ${rounds} rounds; wanted a whole number from 1 to 16.`,
        );
    }
    if (!(fadeSeconds >= 0 && fadeSeconds < Infinity)) {
        throw new FlexAvatarError("invalid-argument", `Refinement got fadeSeconds ${fadeSeconds}; wanted 0 or more.`);
    }
    const colorPx = 16 * Math.round(cropPx / 16);
    return {
        cropPx: closeUp ? MostDetailPx : colorPx,
        colorPx,
        closeUp: closeUp === "auto",
        rounds,
        fadeMs: 1000 * fadeSeconds,
    };
}

/**
 * Adds the photos' detail to a person's colors.
 * @throws FlexAvatarError `aborted`, `refine-failed`; the person then keeps what it has
 */
export async function SharpenPersonAsync(
    parts: ISharpenParts,
    source: IRefineSource,
    { signal, settings, onShare, onPage }: ISharpenRun,
): Promise<void> {
    const { head, table, staticMap } = parts;
    const { colorPx, closeUp, rounds } = settings;
    ThrowIfAborted(signal, What);
    const views: IRefineView[] = [];
    for (const index of source.details.keys()) {
        onShare("running the driver", index / source.details.length);
        const deltaMap = await parts.deltaMapOfAsync(PoseInPhoto(source, index), signal);
        views.push(RefineViewOf(head, source, index, deltaMap));
    }
    const input: IRefineInput = {
        table: RefineTableOf(head, table),
        staticMap,
        views,
        settings: { ...RefineConstants, rounds },
        ...(closeUp ? { closeUp: CloseUpWish(parts, colorPx) } : {}),
    };
    const {
        detail,
        faceTrust,
        closeUp: shades,
    } = await parts.refineAsync(input, {
        signal,
        handOver: views.flatMap(OwnBuffers),
        onProgress: (share) => onShare("sharpening", share),
        onProcessor: (reason) =>
            parts.notify(
                "refine-on-processor",
                `Refinement runs on the processor, because the graphics card failed: ${reason}.`,
            ),
        onPage,
    });
    ThrowIfAborted(signal, What);
    if (!(faceTrust >= LeastFaceTrust)) {
        throw new FlexAvatarError(
            "refine-failed",
            `The photos show ${(100 * faceTrust).toFixed(1)} % of the face well enough; at least ${100 * LeastFaceTrust} % are needed.`,
        );
    }
    parts.show(detail, shades ?? null);
}

function CloseUpWish({ head, table }: ISharpenParts, colorPx: number): ICloseUpWish {
    return { frames: AtlasFrames(head, table), edge: CloseUpScale * table.mapSize, colorPx, leastPx: LeastCloseUpPx };
}
