/** A person as meshes of plain numbers, baked once; the avatars of the person show it. Knows no scene. */
import { HangingPage } from "../../flame/hangingPage.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { IAvatarFile } from "../../runtime/format/avatarFile.js";
import {
    FacePart,
    PageParts,
    TexelsPerTexel,
    type IMappedModel,
    type IMeshPart,
} from "../../runtime/mesh/personMesh.js";
import { BakeTexture, type IBakedTexture } from "../../runtime/mesh/bakeTexture.js";
import { AddMouth } from "../../runtime/person/mouthColors.js";
import type { IPageModel } from "../../runtime/person/pageMap.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import { ColorChannel, RefinedMap } from "../../runtime/person/refinedMap.js";
import { FinishInSlicesAsync } from "../../runtime/slices.js";
import { MapChannels } from "../../runtime/layout.js";
import type { ICloseUp } from "../../runtime/closeUp.js";

/** Colors that a face is painted with. */
export interface IFaceColors {
    /** [14,H,W] */
    readonly map: ArrayLike<number>;
    readonly closeUp: ICloseUp | null;
    /** 0..1 of the detail for close-ups. */
    readonly strength: number;
}

/** Hair and bust of one map. */
export interface IBakedPage {
    /** The map that they show. */
    readonly map: ArrayLike<number>;
    readonly parts: readonly IMeshPart[];
}

/** One per person; instances share it. */
export class PersonBody {
    /** Hair and bust as they were baked last; null for a person without both. */
    public page: IBakedPage | null = null;
    private _baking: { readonly map: ArrayLike<number>; readonly done: Promise<IBakedPage> } | null = null;

    private constructor(
        private readonly _head: IMappedModel,
        /** [3,H,W] of the file. */
        private readonly _mouth: Float32Array | undefined,
        /** The head, painted as the file says. */
        public readonly face: IMeshPart,
        /** What {@link face} is painted with. */
        public readonly painted: IFaceColors,
    ) {}

    /**
     * Bakes a person, in slices.
     * @param page the second page, or null if the person has none that can be shown
     * @param onSlice called between slices; it may throw
     */
    public static async MakeAsync(
        head: HeadModel,
        file: IAvatarFile,
        page: IPageModel | null,
        onSlice: () => void,
    ): Promise<PersonBody> {
        const { mapSize, closeUp = null, mouth } = file;
        const map = RefinedMap(file).slice();
        const mapped = { model: head, mapSize, map: WithMouth(map, mouth), closeUp };
        const face = await FinishInSlicesAsync(FacePart(mapped, TexelsPerTexel * mapSize, true), onSlice);
        const body = new PersonBody(mapped, mouth, face, { map, closeUp, strength: 1 });
        if (page && file.page) {
            await body.bakePageAsync(page, file.page.map, onSlice);
        }
        return body;
    }

    /** The face's texture in other colors, in slices. */
    public async paintAsync(colors: IFaceColors): Promise<IBakedTexture> {
        const { model, mapSize } = this._head;
        const { vertices, texture } = this.face;
        const map = WithMouth(colors.map, this._mouth);
        const source = { ...colors, map, model, vertices, table: TexelTableOf(model, mapSize) };
        return await FinishInSlicesAsync(BakeTexture(source, texture.edge));
    }

    /** Bakes hair and bust of a map, in slices, once for all avatars; then they are {@link page}. */
    public async bakePageAsync(page: IPageModel, map: ArrayLike<number>, onSlice?: () => void): Promise<IBakedPage> {
        if (map !== this._baking?.map) {
            const { mapSize } = page;
            const mapped = { model: HangingPage(page.model), mapSize, map };
            const work = PageParts(mapped, TexelsPerTexel * mapSize, () => false);
            const done = FinishInSlicesAsync(work, onSlice).then((parts) => (this.page = { map, parts }));
            this._baking = { map, done };
        }
        return await this._baking.done;
    }
}

/** [14,H,W] a copy that is seen into: no driver opens the mouth of a mesh. */
function WithMouth(map: ArrayLike<number>, mouth: Float32Array | undefined): Float32Array {
    const open = Float32Array.from(map);
    AddMouth(open, mouth);
    return open;
}

/** Whether a face looks the same in both. */
export function SameColors(a: IFaceColors, b: IFaceColors): boolean {
    if (a.closeUp !== b.closeUp || (a.closeUp && a.strength !== b.strength)) {
        return false;
    }
    const texels = a.map.length / MapChannels;
    for (let i = ColorChannel * texels; i < (ColorChannel + 3) * texels; i++) {
        if (a.map[i] !== b.map[i]) {
            return false;
        }
    }
    return true;
}
