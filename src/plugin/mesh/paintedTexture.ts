/**
 * A baked texture on the GPU. Babylon's raw textures lose alpha and filter when a material is cloned, as containers do
 * for copies with materials of their own: hair would show what its alpha hides. Clones of this one keep them.
 */
import { Constants } from "@babylonjs/core/Engines/constants.js";
import type { InternalTexture } from "@babylonjs/core/Materials/Textures/internalTexture.js";
import { Texture } from "@babylonjs/core/Materials/Textures/texture.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { IBakedTexture } from "../../runtime/mesh/bakeTexture.js";

/** Clones share the pixels: who paints one paints all, and the last one that is disposed frees them. */
export class PaintedTexture extends Texture {
    private constructor(
        name: string,
        private readonly _pixels: InternalTexture,
        scene: Scene,
    ) {
        super(null, scene);
        this._texture = _pixels;
        this.name = name;
        this.wrapU = this.wrapV = Texture.CLAMP_ADDRESSMODE;
        this.anisotropicFilteringLevel = 4;
    }

    /** The caller's. */
    public static Create(name: string, { rgba, edge }: IBakedTexture, scene: Scene): PaintedTexture {
        const filter = Texture.TRILINEAR_SAMPLINGMODE;
        const format = Constants.TEXTUREFORMAT_RGBA;
        const pixels = scene.getEngine().createRawTexture(rgba, edge, edge, format, true, false, filter, null);
        return new PaintedTexture(name, pixels, scene);
    }

    /** @param baked of the same size */
    public paint({ rgba }: IBakedTexture): void {
        this.getScene()!.getEngine().updateRawTexture(this._pixels, rgba, this._pixels.format, false);
    }

    /** Called by materials that are cloned. */
    public override clone(): PaintedTexture {
        this._pixels.incrementReferences();
        const copy = new PaintedTexture(this.name, this._pixels, this.getScene() as Scene);
        copy.hasAlpha = this.hasAlpha;
        return copy;
    }
}
