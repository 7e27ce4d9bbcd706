/** The user's own FLAME in a page: as a head model, and as the meaning of FLAME's coefficients. */
import { ParseHeadModel, type HeadModel } from "../../flame/headModel.js";
import type { FlameFaceMap } from "../../runtime/flame/flameFaceMap.js";
import type { IFlameReport, IFlameSettings } from "../../runtime/flame/flameHeadModel.js";
import { JoinUrl } from "../../runtime/models/assetStore.js";
import { FetchFileAsync } from "../../runtime/models/fetchFile.js";
import { DefaultFlexAvatarOptions } from "../componentOptions.js";

/** A file of the user: chosen in the page, at an address, or its bytes. */
export type FlameSource = Blob | URL | string | ArrayBuffer | Uint8Array;

/** Settings of {@link LoadFlameFaceMapAsync} and {@link LoadFlameHeadModelAsync}. Undefined fields keep their defaults. */
export interface ILoadFlameSettings extends IFlameSettings {
    /** Folder with the head model of this library, as in `IFlexAvatarOptions`. Default "flexavatar/". */
    assetsUrl?: string;
    /** The head model that knows the 52 expressions. Default: `models/open-head.bin` in `assetsUrl`. */
    openHead?: FlameSource;
    /** Further files, in any order: atlas and landmarks. Default none; docs/flame.md says which. */
    companions?: readonly FlameSource[];
}

/** What {@link LoadFlameHeadModelAsync} gives. */
export interface ILoadedFlame {
    /** A head model file, for the folder of models.json. */
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** What was found: counts, where atlas and landmarks are from, what expressions lack. */
    readonly report: IFlameReport;
}

/**
 * Makes a head model file of the user's FLAME. It stays on the page: nothing is sent anywhere. Takes some seconds.
 * @param file FLAME 2020, 2023 or 2023 Open, `.pkl` or `.npz`
 * @throws FlexAvatarError `file-missing`, `file-format` if it is none, `pickle-refused` if it asks for more than data
 */
export async function LoadFlameHeadModelAsync(
    file: FlameSource,
    settings: ILoadFlameSettings = {},
): Promise<ILoadedFlame> {
    const { ConvertFlame, ReadCompanions, ReadFlame } = await import("../../runtime/flame/onDemand.js");
    const flame = ReadFlame(await BytesAsync(file));
    const companions = ReadCompanions(await Promise.all((settings.companions ?? []).map(BytesAsync)));
    const { bytes, report } = ConvertFlame(flame, await OpenHeadAsync(settings), companions, settings);
    return { bytes, report };
}

/**
 * Learns what FLAME's coefficients do, from the user's FLAME, so that sequences of trackers drive any avatar. Takes some
 * seconds, once.
 * @param file as in {@link LoadFlameHeadModelAsync}
 * @returns for `ParseFaceClip`, `LoadFaceClipAsync` and `StreamSource`
 * @throws FlexAvatarError as {@link LoadFlameHeadModelAsync}
 */
export async function LoadFlameFaceMapAsync(
    file: FlameSource,
    settings: Pick<ILoadFlameSettings, "assetsUrl" | "openHead"> = {},
): Promise<FlameFaceMap> {
    const { FlameFaceMap, ReadFlame } = await import("../../runtime/flame/onDemand.js");
    return new FlameFaceMap(ReadFlame(await BytesAsync(file)), await OpenHeadAsync(settings));
}

async function OpenHeadAsync({ assetsUrl, openHead }: ILoadFlameSettings): Promise<HeadModel> {
    const folder = assetsUrl ?? DefaultFlexAvatarOptions.assetsUrl;
    const bytes = await BytesAsync(openHead ?? JoinUrl(folder, "models/open-head.bin"));
    return ParseHeadModel(bytes.slice().buffer);
}

async function BytesAsync(source: FlameSource): Promise<Uint8Array> {
    if (source instanceof Uint8Array) {
        return source;
    }
    if (source instanceof ArrayBuffer) {
        return new Uint8Array(source);
    }
    if (source instanceof Blob) {
        return new Uint8Array(await source.arrayBuffer());
    }
    return await FetchFileAsync(source, "the file of FLAME");
}
