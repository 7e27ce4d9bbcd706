/** What part of a face was picked. */
import type { PickingInfo } from "@babylonjs/core/Collisions/pickingInfo.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { IPageSurface } from "../page/personPage.js";
import type { ISurfacePlace } from "./surfaceAnchor.js";
import { UvOfPlace, type IAtlasPoint } from "./surfacePlaces.js";

/** A place on a head, as picked. `face` is a number of the faces of its page. */
export interface IPickedRegion extends ISurfacePlace {
    /**
     * `face`, `lids`, `lips`, `mouthInterior`, `eyeLeft`, `eyeRight`, `scalp`, `neck`, `ears`, `teethUpper`,
     * `teethLower` or `tongue`; of the second page, where `uv.page` is 2, `hair` or `bust`.
     */
    readonly region: string;
    /** Where it is in the atlas; `avatar.attachToSurface` takes it. */
    readonly uv: IAtlasPoint;
}

/**
 * The region of a hit on a proxy mesh.
 * @param info of a pick that hit the proxy mesh; its `bu` and `bv` weigh the first and the second corner, as Babylon
 * defines them
 * @param page what the proxy mesh has of the second page, after the faces of the head
 */
export function RegionOfPick(
    model: HeadModel,
    { faceId, bu, bv }: PickingInfo,
    page: IPageSurface | null = null,
): IPickedRegion | null {
    const bary = [bu, bv, 1 - bu - bv] as const;
    const ofPage = page?.faces[faceId - model.faceCount];
    if (page && ofPage !== undefined) {
        const { model: other } = page.surface;
        const place = { face: ofPage, bary };
        return {
            ...place,
            region: other.regions[other.faceRegion[ofPage]],
            uv: { ...UvOfPlace(other, place), page: 2 },
        };
    }
    if (faceId < 0 || faceId >= model.faceCount) {
        return null;
    }
    const place: ISurfacePlace = { face: faceId, bary };
    return { ...place, region: model.regions[model.faceRegion[faceId]], uv: UvOfPlace(model, place) };
}
