/** From prepared photos and their fit to a person's second map: hair beyond the scalp, and bust. */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import type { HeadModel } from "../../flame/headModel.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import type { TexelTable } from "../../flame/texelTable.js";
import type { FillBesideAsync } from "../beside/besideRunner.js";
import type { IBustPage } from "../bust/bustInput.js";
import type { IFillInput } from "../bust/fillFromCrops.js";
import { BustHeadOf, ColorChange } from "../bust/head.js";
import { BustPageOf } from "../bust/page.js";
import { NextTaskAsync } from "../slices.js";
import type { IRefineSource } from "./refineViews.js";
import type { IPageMap, IPageModel } from "./pageMap.js";

/** What filling uses of the avatar. */
export interface IFillParts {
    readonly head: HeadModel;
    /** Of the head's maps. */
    readonly table: TexelTable;
    /** [14,H,W] the person at rest, with the photos' detail. */
    refinedMap(): Float32Array;
    /** Adds to the photos' detail, [3,H,W]; nothing where there is none. */
    recolor(change: Float32Array): void;
    /** Takes the second map over; null if nothing is on the page. @param stop throws where it was aborted meanwhile */
    showAsync(filled: IPageMap | null, stop: () => void): Promise<void>;
    fillAsync: typeof FillBesideAsync;
    loadPageAsync(settings: { signal: AbortSignal }): Promise<IPageModel>;
    notify(code: string, message: string): void;
}

/** Settings of {@link FillPersonAsync}. */
export interface IFillRun {
    readonly signal: AbortSignal;
    /** What is made. */
    readonly wanted: { readonly bust: boolean; readonly hair: boolean };
    /** Told the share done. */
    onShare(share: number): void;
    /** Told why the page itself has to work. */
    onPage(reason: string): void;
}

const What = "filling hair and bust";
/** Of the filling: the page is loaded; the map is there. */
const [Loaded, Filled] = [0.03, 0.97];
const Grids = new WeakMap<IPageModel, IBustPage>();

/**
 * Fills the page and hands it over. Where nothing is beyond the head's own page, the person has no second map afterwards.
 * @throws FlexAvatarError `aborted`, `disposed`, and `fill-failed` for all else; the person then keeps what it has
 */
export async function FillPersonAsync(parts: IFillParts, source: IRefineSource, run: IFillRun): Promise<void> {
    try {
        await FillAsync(parts, source, run);
    } catch (error) {
        ThrowIfAborted(run.signal, What);
        if (error instanceof FlexAvatarError && ["aborted", "disposed", "fill-failed"].includes(error.code)) {
            throw error;
        }
        throw new FlexAvatarError(
            "fill-failed",
            `Hair beyond the scalp and the bust could not be made: ${String(error)}`,
            {
                cause: error,
            },
        );
    }
}

async function FillAsync(
    parts: IFillParts,
    source: IRefineSource,
    { signal, wanted, onShare, onPage }: IFillRun,
): Promise<void> {
    const { head, table } = parts;
    const stop = (): void => ThrowIfAborted(signal, What);
    stop();
    onShare(0);
    const model = await parts.loadPageAsync({ signal });
    // each of these takes the page 10 to 40 ms
    await NextTaskAsync();
    const texels = TexelTableOf(model.model, model.mapSize);
    await NextTaskAsync();
    const grids = Grids.get(model) ?? BustPageOf(model, texels);
    Grids.set(model, grids);
    await NextTaskAsync();
    const own = BustHeadOf(head, table, parts.refinedMap());
    await NextTaskAsync();
    stop();
    const input: IFillInput = {
        page: grids,
        head: own,
        photos: source.wides.map((wide, index) => ({ wide, camera: source.fit.views[index] })),
        back: source.back ?? null,
        ...wanted,
    };
    const handOver = [
        own.means,
        own.color,
        own.opacity,
        own.scalp,
        own.neck,
        own.ears,
        own.place,
        own.normals,
        ...source.wides.map(({ pixels }) => pixels),
        ...(source.back ? [source.back.pixels] : []),
    ];
    const { map, count, hasHat, back, headColor } = await parts.fillAsync(input, {
        signal,
        handOver: handOver.map(({ buffer }) => buffer as ArrayBuffer),
        onProgress: (share) => onShare(Loaded + (Filled - Loaded) * share),
        onPage,
    });
    stop();
    parts.recolor(ColorChange(head, table, parts.refinedMap(), headColor));
    await NextTaskAsync();
    stop();
    await parts.showAsync(count > 0 ? { model, map } : null, stop);
    if (hasHat) {
        parts.notify("hair-with-hat", "The photo shows a hat, or a cloth on the head; it became part of the hair.");
    }
    if (back?.isUsed === false) {
        parts.notify(
            "back-unused",
            `The photo from behind does not fit the person: ${Math.round(100 * back.overlap)} % of the outline agree. ` +
                "Hair and bust are made without it. Use an upright one from straight behind, with head and shoulders.",
        );
    }
    onShare(1);
}
