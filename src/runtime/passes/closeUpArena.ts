/**
 * Atlases of detail of all persons of a head: layers of one texture, mip levels included, and where each Gaussian lies
 * in them. Both come with the first atlas and go with the last.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { AtlasFrames } from "../../flame/atlasFrames.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { CloseUpLevels, CloseUpScale, LevelEdge, MipLevels, type ICloseUp } from "../closeUp.js";
import { HalvesFromFloats } from "../format/half.js";
import { AtlasFrameLayout } from "../layout.js";
import { StructArray } from "./structData.js";

/** Layers that shaders can name. */
const MostLayers = 256;

/** One per head. */
export class CloseUpArena {
    private readonly _layers = new Map<ICloseUp, { layer: number; users: number }>();
    private readonly _free: number[] = [];
    private _texture: GPUTexture | null = null;
    private _frames: GPUBuffer | null = null;

    /**
     * @param device borrowed
     * @param _model kept
     * @param _table of the static maps; kept
     */
    public constructor(
        public readonly device: GPUDevice,
        private readonly _model: HeadModel,
        private readonly _table: TexelTable,
    ) {}

    /** E, texels per side of every atlas. */
    public get edge(): number {
        return CloseUpScale * this._table.mapSize;
    }

    /** r8snorm, a layer per atlas; null without any. Another object when it has grown. */
    public get texture(): GPUTexture | null {
        return this._texture;
    }

    /** [n] AtlasFrame, as long as there is a texture. */
    public get frames(): GPUBuffer {
        return this._frames!;
    }

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        return this._texture ? this._texture.depthOrArrayLayers * this.layerByteLength + this._frames!.size : 0;
    }

    /** Bytes of one atlas. */
    public get layerByteLength(): number {
        let bytes = 0;
        for (let level = 0; level < CloseUpLevels; level++) {
            bytes += LevelEdge(this.edge, level) ** 2;
        }
        return bytes;
    }

    /**
     * Takes an atlas in; the same object again shares its layer.
     * @returns its layer
     * @throws FlexAvatarError `invalid-argument` if its size is not {@link edge}, `too-many-avatars`
     */
    public acquire(closeUp: ICloseUp): number {
        const { edge } = this;
        if (closeUp.edge !== edge || closeUp.shades.length !== edge * edge) {
            throw new FlexAvatarError(
                "invalid-argument",
                `An atlas of detail has ${closeUp.shades.length} texels for an edge of ${closeUp.edge}; wanted ${edge} squared.`,
            );
        }
        const known = this._layers.get(closeUp);
        if (known) {
            known.users++;
            return known.layer;
        }
        if (this._free.length === 0) {
            this._grow();
        }
        const layer = this._free.pop()!;
        this._layers.set(closeUp, { layer, users: 1 });
        MipLevels(closeUp).forEach((texels, mipLevel) => {
            const size = LevelEdge(edge, mipLevel);
            this.device.queue.writeTexture(
                { texture: this._texture!, mipLevel, origin: [0, 0, layer] },
                texels,
                { bytesPerRow: size },
                [size, size],
            );
        });
        return layer;
    }

    /** Gives back what {@link acquire} took. */
    public release(closeUp: ICloseUp): void {
        const known = this._layers.get(closeUp);
        if (!known || --known.users > 0) {
            return;
        }
        this._layers.delete(closeUp);
        this._free.push(known.layer);
        if (this._layers.size === 0) {
            this.dispose();
        }
    }

    /** Frees the texture, once what was submitted in this task is done with it. May be called twice. */
    public dispose(): void {
        this._retire(this._texture, this._frames);
        this._texture = this._frames = null;
        this._free.length = 0;
        this._layers.clear();
    }

    /** Room for one more. */
    private _grow(): void {
        const before = this._texture;
        const count = before?.depthOrArrayLayers ?? 0;
        const most = Math.min(MostLayers, this.device.limits.maxTextureArrayLayers);
        if (count === most) {
            throw new FlexAvatarError(
                "too-many-avatars",
                `This GPU device holds the close-up detail of ${most} people, and one more was wanted.`,
            );
        }
        this._frames ??= this._makeFrames();
        this._texture = this.device.createTexture({
            label: "head.closeUps",
            size: [this.edge, this.edge, count + 1],
            format: "r8snorm",
            mipLevelCount: CloseUpLevels,
            usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC,
        });
        if (before) {
            const encoder = this.device.createCommandEncoder({ label: "head.closeUps" });
            for (let mipLevel = 0; mipLevel < CloseUpLevels; mipLevel++) {
                const size = LevelEdge(this.edge, mipLevel);
                encoder.copyTextureToTexture({ texture: before, mipLevel }, { texture: this._texture, mipLevel }, [
                    size,
                    size,
                    count,
                ]);
            }
            this.device.queue.submit([encoder.finish()]);
            this._retire(before);
        }
        this._free.push(count);
    }

    private _makeFrames(): GPUBuffer {
        const words = PackFrames(this._table, AtlasFrames(this._model, this._table));
        const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
        const buffer = this.device.createBuffer({ label: "head.atlasFrames", size: words.byteLength, usage });
        this.device.queue.writeBuffer(buffer, 0, words);
        return buffer;
    }

    /** A frame that is being recorded may still draw with them. */
    private _retire(...resources: readonly (GPUTexture | GPUBuffer | null)[]): void {
        if (resources.some((resource) => resource)) {
            void Promise.resolve()
                .then(() => this.device.queue.onSubmittedWorkDone())
                .catch(() => undefined)
                .then(() => resources.forEach((resource) => resource?.destroy()));
        }
    }
}

/** [n] AtlasFrame */
function PackFrames({ mapSize, texel, gaussianCount }: TexelTable, frames: Float32Array): Uint32Array<ArrayBuffer> {
    const packed = new StructArray(AtlasFrameLayout, gaussianCount);
    const halves = HalvesFromFloats(frames);
    const unorm = (index: number): number => Math.round((65535 * (index + 0.5)) / mapSize);
    for (let g = 0; g < gaussianCount; g++) {
        packed.setWord("place", unorm(texel[g] % mapSize) | (unorm(Math.floor(texel[g] / mapSize)) << 16), g);
        packed.setWord("frame01", halves[4 * g] | (halves[4 * g + 1] << 16), g);
        packed.setWord("frame23", halves[4 * g + 2] | (halves[4 * g + 3] << 16), g);
    }
    return packed.words;
}
