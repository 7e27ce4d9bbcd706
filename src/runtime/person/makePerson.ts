/**
 * From photos to a person: what a `.flexavatar` file holds. Photos are prepared, the head model is fitted to all of
 * them, and the networks reconstruct. No scene, no GPU buffers, no Babylon.
 */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { PhotoAnchors } from "../../flame/fit/anchors.js";
import type { HeadModelFit } from "../../flame/fit/fitHeadModel.js";
import { IdentityPrior } from "../../flame/fit/prior.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import { QuaternionOfRotation } from "../../flame/rotation.js";
import { DrawInHead, type IOutline } from "../bust/headOutline.js";
import type { IAvatarFile, IStoredFit } from "../format/avatarFile.js";
import type { ModelRuntime } from "../models/modelRuntime.js";
import type { ICallOptions } from "../models/progress.js";
import { PhotoFromCrop } from "../photo/crop.js";
import type { PhotoSource } from "../photo/decode.js";
import type { IPreparedPhoto } from "../photo/preparePhoto.js";
import { MendSeam } from "./mendSeam.js";
import {
    FitPhotosAsync,
    PrepareBackPhotoAsync,
    PreparePhotosAsync,
    RefineSourceOf,
    type IPhotoParts,
    type IPrepareWish,
} from "./preparePhotos.js";
import type { IRefineSource } from "./refineViews.js";
import { MakeThumbnailAsync } from "./thumbnail.js";

/** What making a person uses. */
export interface IPersonParts extends IPhotoParts {
    readonly networks: Pick<
        ModelRuntime,
        "model" | "modelName" | "headModel" | "runFaceGraphAsync" | "reconstructAsync"
    >;
    /** Runs a stage, and may look at the clock. */
    timeAsync<T>(stage: "photos" | "fit" | "reconstruct", work: () => Promise<T>): Promise<T>;
}

/** Settings of {@link MakePersonAsync}. */
export interface IPersonRun extends ICallOptions {
    /** What of the photos is prepared for refinement too. */
    readonly wish: IPrepareWish;
    /** Settles when the networks that reconstruct are ready. */
    readonly ready?: Promise<void>;
}

/** A person, and the photos prepared for refinement as was asked for. */
export interface IMadePerson {
    readonly file: IAvatarFile;
    readonly refineSource: IRefineSource;
}

/**
 * Makes a person.
 * @throws FlexAvatarError `photo-count` and the other codes of photos, those of networks, `aborted`
 */
export async function MakePersonAsync(
    parts: IPersonParts,
    photos: readonly PhotoSource[],
    name: string,
    { wish, ready, signal, onProgress }: IPersonRun,
): Promise<IMadePerson> {
    const { networks, head } = parts;
    const { photoSize, maxPhotos, anchorSize, mapSize } = networks.model;
    if (photos.length > maxPhotos) {
        throw new FlexAvatarError(
            "photo-count",
            `The model "${networks.modelName}" got ${photos.length} photos and takes 1 to ${maxPhotos}.`,
        );
    }
    const { prepared, back } = await parts.timeAsync("photos", async () => ({
        prepared: await PreparePhotosAsync(parts, photos, wish, { signal, onProgress }),
        back: await PrepareBackPhotoAsync(parts, wish, { signal, onProgress }),
    }));
    ThrowIfAborted(signal, "fitting the head");
    onProgress?.({ stage: "fitting the head", fraction: 0 });
    const { fit, anchors, prior } = await parts.timeAsync("fit", async () => {
        const fitted = await FitPhotosAsync(head, prepared, signal);
        return {
            fit: fitted,
            // The paper's networks take photos alone.
            anchors: anchorSize > 0 ? fitted.views.map((view) => PhotoAnchors(head, fitted, view, anchorSize)) : [],
            prior: anchorSize > 0 ? IdentityPrior(head, fitted, anchorSize) : new Float32Array(),
        };
    });
    onProgress?.({ stage: "fitting the head", fraction: 1 });
    const images = prepared.map(({ image }) => image);
    await ready;
    const { staticMap, identityFeatures } = await parts.timeAsync("reconstruct", () =>
        networks.reconstructAsync({ photos: images, anchors, prior }, { signal, onProgress }),
    );
    const table = TexelTableOf(head, mapSize);
    MendSeam(head, table, staticMap);
    DrawInHead(head, table, staticMap, OutlineOf(prepared, fit));
    const [, ...identityShape] = networks.model.graphs.driver.inputs.identity_features;
    const file: IAvatarFile = {
        name,
        headModel: { name: networks.model.headModel, sha256: networks.headModel.sha256 },
        model: { name: networks.modelName, step: networks.model.step },
        mapSize,
        staticMap,
        identityFeatures,
        identityShape: identityShape as [number, number, number],
        fit: StoredFit(fit),
        thumbnail: await MakeThumbnailAsync(images[0], photoSize),
        provenance: `Made from ${photos.length} ${photos.length === 1 ? "photo" : "photos"} with babylon-flexavatar.`,
        license: "All rights are with the owners of the photos.",
        consent: "",
    };
    return { file, refineSource: RefineSourceOf(prepared, fit, back) };
}

/** Of the photo that shows the face most from the front. */
function OutlineOf(prepared: readonly IPreparedPhoto[], fit: HeadModelFit): IOutline {
    const facing = fit.views.map(({ rotation }) => rotation[8]); // cosine between the head's front and the camera
    const index = facing.indexOf(Math.max(...facing));
    const { matte, crop, cropPx: size, sourceSize } = prepared[index];
    const edge = Math.max(1, crop.sidePx / size);
    const [right, below] = [sourceSize.width - edge, sourceSize.height - edge];
    const inside = Float32Array.from(matte, (_, i) => {
        const [x, y] = PhotoFromCrop(crop, ((i % size) + 0.5) / size, (Math.floor(i / size) + 0.5) / size);
        return Number(x >= edge && y >= edge && x <= right && y <= below);
    });
    return { camera: fit.views[index], matte, inside, size };
}

function StoredFit(fit: HeadModelFit): IStoredFit {
    return {
        shape: fit.shape,
        photos: fit.views.map(({ rotation, translation, focal, expression }) => {
            const quaternion = new Float32Array(4);
            QuaternionOfRotation(rotation, quaternion, 0);
            return { camera: { rotation: [...quaternion], translation: [...translation], focal }, expression };
        }),
    };
}
