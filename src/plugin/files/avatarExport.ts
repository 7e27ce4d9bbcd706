/** What leaves an avatar as a file: the person, and its splats in this pose. */
import { FlexAvatarError } from "../../flame/error.js";
import { WriteAvatarFile, type IAvatarFile } from "../../runtime/format/avatarFile.js";
import { WritePly } from "../../runtime/format/plyFile.js";
import { JoinSplats, ListSplats, type ISplatSnapshot } from "../../runtime/format/splatFile.js";
import { WriteSplatGlb } from "../../runtime/format/splatGlb.js";
import type { IPageModel } from "../../runtime/person/pageMap.js";
import { SplatsOfPerson, type IShownHead } from "../../runtime/person/personSplats.js";
import { FinishInSlicesAsync } from "../../runtime/slices.js";

/** Settings of {@link FlexAvatar.saveAsync}: what the file says about the person. Default: what is known already. */
export interface ISaveSettings {
    /** SPDX identifier or a sentence: what may be done with the file. */
    license?: string;
    /** Where the photos came from. */
    provenance?: string;
    /** What the person agreed to. */
    consent?: string;
    /**
     * Whether the file also holds the person at rest as some 18,000 splats, 0.9 MB, which other viewers show. Default
     * true.
     */
    splats?: boolean;
}

/**
 * Files of splats in this pose: "ply" in the layout of 3D Gaussian Splatting, "splat" with 32 bytes each, "spz" of
 * Niantic with about 15, "glb" with the extension KHR_gaussian_splatting.
 */
export type SplatFormat = "ply" | "splat" | "spz" | "glb";
const SplatFormats: readonly SplatFormat[] = ["ply", "splat", "spz", "glb"];

/**
 * @param file the person
 * @param head where its Gaussians are on the head; null while the device is lost, then there are no splats
 * @param page the second page, if the person has one that can be shown
 * @param onSlice called between slices of work; it may throw
 */
export async function WritePersonAsync(
    file: IAvatarFile,
    head: IShownHead | null,
    page: IPageModel | null,
    settings: ISaveSettings,
    onSlice: () => void,
): Promise<ArrayBuffer> {
    const { splats = true, ...about } = settings;
    const given = Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined));
    const wrong = Object.entries(given).find(([, value]) => typeof value !== "string");
    if (wrong) {
        throw new FlexAvatarError(
            "invalid-argument",
            `saveAsync got ${wrong[0]} of type ${typeof wrong[1]}; wanted text.`,
        );
    }
    const rest = splats && head ? await FinishInSlicesAsync(SplatsOfPerson(file, head, page), onSlice) : undefined;
    return WriteAvatarFile({ ...file, ...given }, rest).buffer;
}

/**
 * @param snapshots what to write: the head, and what else belongs to it
 * @param about name of the avatar, and what may be done with it
 * @param onSlice called between slices of work; it may throw
 * @returns the bytes; meters, right-handed, +Y up, the face towards +Z
 * @throws FlexAvatarError `invalid-argument` for a format that is none
 */
export async function WriteSplatsAsync(
    format: SplatFormat,
    snapshots: readonly ISplatSnapshot[],
    about: { readonly name: string; readonly license: string },
    onSlice: () => void,
): Promise<ArrayBuffer> {
    const lists: Uint8Array<ArrayBuffer>[] = [];
    for (const snapshot of snapshots) {
        lists.push(new Uint8Array((await FinishInSlicesAsync(ListSplats(snapshot, false), onSlice)).bytes));
    }
    const splats = JoinSplats(lists);
    switch (format) {
        case "ply":
            return WritePly(splats).buffer;
        case "spz":
            return await (await import("../../runtime/splats/onDemand.js")).WriteSpzAsync(splats);
        case "glb":
            return WriteSplatGlb(splats, about).buffer;
        default:
            return splats.buffer;
    }
}

/** @throws FlexAvatarError `invalid-argument` */
export function CheckSplatFormat(format: string): void {
    if (!SplatFormats.some((known) => known === format)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `exportSplatsAsync got the format ${JSON.stringify(format)}; wanted one of ${SplatFormats.join(", ")}.`,
        );
    }
}
