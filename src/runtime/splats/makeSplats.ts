/** A person that is a file of Gaussians: where its head is, and what is known about it. */
import { FlexAvatarError } from "../../flame/error.js";
import type { ISimilarity } from "../../flame/fit/similarity.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { IAvatarFile, IFileReference, IStoredSplats } from "../format/avatarFile.js";
import type { SplatSource } from "../format/splatSource.js";
import { MapChannels } from "../layout.js";
import type { ICallOptions } from "../models/progress.js";
import { FaceFinder, type IFaceNetworks } from "../photo/faceFinder.js";
import { FindHeadAsync } from "./findHead.js";
import { PlacementOf, type INeckPlace } from "./placement.js";
import type { IReadSplats } from "./readSplats.js";

/** What a file of Gaussians does not say. */
export interface ISplatSettings {
    /** Default: told by the first bytes. */
    format?: SplatSource;
    /** Where the neck is. Default: found by the face. */
    neck?: INeckPlace;
}

/** Edge of a map that only says that the head model's own skin is meant. */
const EmptySize = 16;

/**
 * Finds the head by its face; one of LAM without a face by its skeleton.
 * @throws FlexAvatarError `splats-no-head`, `aborted` and those of the networks
 */
export async function PlaceHeadAsync(
    { gaussians, skin }: IReadSplats,
    head: HeadModel,
    networks: IFaceNetworks,
    options: ICallOptions,
): Promise<ISimilarity> {
    try {
        return await FindHeadAsync(gaussians, head, new FaceFinder(networks), options);
    } catch (error) {
        if (skin?.neck && error instanceof FlexAvatarError && error.code === "splats-no-head") {
            return PlacementOf(head, { neck: skin.neck });
        }
        throw error;
    }
}

/** The person as files hold it. Rays and hats meet the head model's mean skin. */
export function SplatPerson(
    name: string,
    { gaussians, skin, format }: IReadSplats,
    splats: IStoredSplats,
    headModel: IFileReference,
): IAvatarFile {
    const moved = skin ? `, skin weights, ${skin.expressions.size} expressions` : "";
    return {
        name,
        headModel,
        model: { name: "splats", step: 0 },
        mapSize: EmptySize,
        staticMap: new Float32Array(MapChannels * EmptySize * EmptySize),
        identityFeatures: new Float32Array(1),
        identityShape: [1, 1, 1],
        fit: { shape: new Float32Array(1), photos: [] },
        provenance: `A file of the format ${format}: ${gaussians.count} Gaussians${moved}.`,
        license: "",
        consent: "",
        splats,
    };
}
