/** What part of a face was picked. */
import type { PickingInfo } from "@babylonjs/core/Collisions/pickingInfo.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { ISurfacePlace } from "./surfaceAnchor.js";
import { UvOfPlace, type IAtlasPoint } from "./surfacePlaces.js";

/** A place on a head, as picked. */
export interface IPickedRegion extends ISurfacePlace {
    /** `face`, `lids`, `lips`, `mouthInterior`, `eyeLeft`, `eyeRight`, `scalp`, `neck`, `ears`, `teethUpper`, `teethLower` or `tongue`. */
    readonly region: string;
    /** Where it is in the atlas; `avatar.attachToSurface` takes it. */
    readonly uv: IAtlasPoint;
}

/**
 * The region of a hit on a proxy mesh.
 * @param info of a pick that hit the proxy mesh; its `bu` and `bv` weigh the first and the second corner, as Babylon defines them
 */
export function RegionOfPick(model: HeadModel, { faceId, bu, bv }: PickingInfo): IPickedRegion | null {
    if (faceId < 0 || faceId >= model.faceCount) {
        return null;
    }
    const place: ISurfacePlace = { face: faceId, bary: [bu, bv, 1 - bu - bv] };
    return { ...place, region: model.regions[model.faceRegion[faceId]], uv: UvOfPlace(model, place) };
}
