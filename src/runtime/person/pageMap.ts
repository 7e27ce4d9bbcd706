/** The second page of a head model as persons use it: hair beyond the scalp, and bust. */
import { FlexAvatarError } from "../../flame/error.js";
import type { HeadModel } from "../../flame/headModel.js";
import { ParsePageModel, type PageModel } from "../../flame/pageModel.js";
import type { IHeadModelEntry } from "../models/manifest.js";

/** A second page that was loaded. */
export interface IPageModel extends PageModel {
    /** Of its file. */
    readonly sha256: string;
}

/** A page and a map of it, [14,H,W] before activation. */
export interface IPageMap {
    readonly model: IPageModel;
    readonly map: ArrayLike<number>;
}

/**
 * Reads the file of a page.
 * @param head the head model that it belongs to, and its entry of models.json
 * @throws FlexAvatarError `models-mismatch` if it was made for another head model, `file-format`
 */
export function ReadPageModel(bytes: Uint8Array, head: HeadModel, { sha256, page }: IHeadModelEntry): IPageModel {
    const model = ParsePageModel(bytes.slice().buffer, head);
    if (model.headSha256 !== null && model.headSha256 !== sha256) {
        throw new FlexAvatarError(
            "models-mismatch",
            `The second page "${model.model.name}" was made for head model ${model.headSha256.slice(0, 8)}…; loaded is ${sha256.slice(0, 8)}….`,
        );
    }
    return { ...model, sha256: page?.sha256 ?? "" };
}
