/** From a person to the file of its mesh. */
import { FlexAvatarError } from "../../flame/error.js";
import type { HeadModel } from "../../flame/headModel.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import { DynamicFlag, RegionShift } from "../../flame/texelTable.js";
import type { IAvatarFile } from "../format/avatarFile.js";
import { AddMouth, IsInsideMouth } from "../person/mouthColors.js";
import type { IPageModel } from "../person/pageMap.js";
import { RefinedMap } from "../person/refinedMap.js";
import { FinishInSlicesAsync, Within, type Work } from "../slices.js";
import { WriteMeshGlbAsync } from "./meshGlb.js";
import { FacePart, PageParts, TexelsPerTexel, type IMeshPart } from "./personMesh.js";

/** Settings of {@link FlexAvatar.exportMeshAsync}. */
export interface IMeshSettings {
    /**
     * Texels per side of the head's texture, 128 to 2048; hair and bust have as fine a one. Default: four times the edge
     * of the maps, 1024, as fine as the detail for close-ups.
     */
    textureSize?: number;
    /** Whether hair beyond the scalp is in the file. Default: whether it is shown. */
    hair?: boolean;
    /** Whether the bust is in the file. Default: whether it is shown. */
    bust?: boolean;
}

/** What a mesh is made from. */
export interface IMeshSource {
    readonly file: IAvatarFile;
    readonly head: HeadModel;
    /** The second page, or null where there is none that can be shown. */
    readonly page: IPageModel | null;
    /** [14,H,W] what the driver adds to a face at rest, or null. */
    readonly deltaMap?: ArrayLike<number> | null;
}

/** @throws FlexAvatarError `invalid-argument` */
export function CheckMeshSettings({ textureSize, hair, bust }: IMeshSettings): void {
    if (textureSize !== undefined && !(Number.isInteger(textureSize) && textureSize >= 128 && textureSize <= 2048)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `exportMeshAsync got textureSize ${String(textureSize)}, wanted a whole number from 128 to 2048.`,
        );
    }
    for (const [name, value] of Object.entries({ hair, bust })) {
        if (value !== undefined && typeof value !== "boolean") {
            throw new FlexAvatarError(
                "invalid-argument",
                `exportMeshAsync got ${name} ${String(value)}, wanted a boolean.`,
            );
        }
    }
}

/**
 * @param onSlice called between slices of work; it may throw
 * @returns the bytes of a `.glb` file; meters, right-handed, +Y up, the face towards +Z
 * @throws FlexAvatarError `invalid-argument`
 */
export async function WriteMeshFileAsync(
    source: IMeshSource,
    settings: IMeshSettings = {},
    onSlice: () => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
    CheckMeshSettings(settings);
    const parts = await FinishInSlicesAsync(PartsOf(source, settings), onSlice);
    return await WriteMeshGlbAsync(parts, source.file);
}

function* PartsOf({ file, head, page, deltaMap = null }: IMeshSource, settings: IMeshSettings): Work<IMeshPart[]> {
    const { mapSize, closeUp } = file;
    const { textureSize = TexelsPerTexel * mapSize, hair = true, bust = true } = settings;
    const mapped = { model: head, mapSize, map: MapOf(head, file, deltaMap), closeUp };
    const others: IMeshPart[] = [];
    if (file.page && page && (hair || bust)) {
        const edge = Math.round((textureSize / mapSize) * page.mapSize);
        const second = { model: page.model, mapSize: page.mapSize, map: file.page.map };
        const hides = (part: "hair" | "bust"): boolean => !{ hair, bust }[part];
        others.push(...(yield* Within(PageParts(second, edge, hides), 0, 0.4)));
    }
    const hasBust = others.some(({ name }) => name === "bust");
    return [yield* Within(FacePart(mapped, textureSize, hasBust), 0.4, 1), ...others];
}

/** [14,H,W] the person's map with all detail, and what the driver adds: at rest, and inside of the mouth when it is open. */
function MapOf(head: HeadModel, file: IAvatarFile, deltaMap: ArrayLike<number> | null): Float32Array {
    const sum = RefinedMap(file).slice();
    AddMouth(sum, file.mouth);
    if (!deltaMap) {
        return sum;
    }
    const { texel, flags, mapSize } = TexelTableOf(head, file.mapSize);
    const isOpen = file.mouth ? IsInsideMouth(head) : [];
    texel.forEach((at, g) => {
        const isAdded = (flags[g] & DynamicFlag) !== 0 && !isOpen[flags[g] >>> RegionShift];
        for (let i = at; isAdded && i < sum.length; i += mapSize * mapSize) {
            sum[i] += deltaMap[i];
        }
    });
    return sum;
}
