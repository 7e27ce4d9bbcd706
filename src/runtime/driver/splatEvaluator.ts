/** The evaluator of a head of Gaussians that no network made: it has buffers of its own, and no driver. */
import { BuildTexelTable } from "../../flame/texelTable.js";
import { HeadBuffers, type AvatarBuffers, type SplatPipeline } from "../passes/index.js";
import type { ISplatHead } from "../splats/splatHead.js";
import { AvatarEvaluator } from "./avatarEvaluator.js";

/** Buffers that instances share; they go with the last one. */
interface ISharedHead {
    readonly buffers: HeadBuffers;
    users: number;
}

/** Owns the avatar's GPU buffers, and with other instances those of the head. */
export class SplatEvaluator extends AvatarEvaluator {
    private _isReleased = false;

    private constructor(
        pipeline: SplatPipeline,
        private readonly _shared: ISharedHead,
        maps: Float32Array<ArrayBuffer> | AvatarBuffers,
    ) {
        super(pipeline, _shared.buffers, maps, null);
        _shared.users++;
    }

    /** @throws FlexAvatarError `too-many-avatars` */
    public static Create(pipeline: SplatPipeline, { model, table, levels, map }: ISplatHead): SplatEvaluator {
        const buffers = new HeadBuffers(pipeline.device, model, table, BuildTexelTable(model, 1), levels);
        try {
            return new SplatEvaluator(pipeline, { buffers, users: 0 }, map);
        } catch (error) {
            buffers.dispose();
            throw error;
        }
    }

    public override createInstance(): SplatEvaluator {
        return new SplatEvaluator(this.pipeline, this._shared, this.buffers);
    }

    public override dispose(): void {
        super.dispose();
        if (!this._isReleased) {
            this._isReleased = true;
            if (--this._shared.users === 0) {
                this._shared.buffers.dispose();
            }
        }
    }
}
