/** Position maps for drivers, made where a driver wants them: on the processor or on the GPU. */
import { FlexAvatarError } from "../../flame/error.js";
import type { ExpressionPose } from "../../flame/expression.js";
import { CreatePositionMapScratch, PositionMap, type PositionMapScratch } from "../../flame/positionMap.js";
import type { AvatarBuffers, HeadBuffers, SplatPipeline } from "../passes/index.js";
import type { IDriverPose } from "./driver.js";

/** The pose that an avatar shows. One per avatar; allocates nothing but its scratch, once. */
export class ShownPose implements IDriverPose {
    private _scratch: PositionMapScratch | null = null;

    /**
     * @param _pipeline borrowed
     * @param _buffers borrowed; posed here if they are not yet
     * @param _pose the expression set last, kept
     */
    public constructor(
        private readonly _pipeline: SplatPipeline,
        private readonly _buffers: AvatarBuffers,
        private readonly _pose: ExpressionPose,
    ) {}

    public get positionCount(): number {
        return PositionCount(this._buffers.head);
    }

    public writePositionMap(into: Float32Array<ArrayBuffer>): Float32Array {
        const { model, positionTable } = this._buffers.head;
        this._scratch ??= CreatePositionMapScratch(model);
        return PositionMap(model, positionTable, this._pose, into, this._scratch);
    }

    public recordPositionMap(encoder: GPUCommandEncoder, into: GPUBuffer): void {
        if (!this._buffers.isPosed) {
            this._pipeline.poseVertices(encoder, this._buffers);
        }
        this._pipeline.positionMap(encoder, this._buffers, into);
    }
}

/** A pose that no avatar shows. */
export class OtherPose implements IDriverPose {
    /**
     * @param _head head model, and texel table of position maps
     * @param _pose read when it is asked for
     * @param _device for drivers on the GPU; null where there is none
     */
    public constructor(
        private readonly _head: Pick<HeadBuffers, "model" | "positionTable">,
        private readonly _pose: ExpressionPose,
        private readonly _device: GPUDevice | null,
    ) {}

    public get positionCount(): number {
        return PositionCount(this._head);
    }

    public writePositionMap(into: Float32Array<ArrayBuffer>): Float32Array {
        return PositionMap(this._head.model, this._head.positionTable, this._pose, into);
    }

    public recordPositionMap(_encoder: GPUCommandEncoder, into: GPUBuffer): void {
        const positions = new Float32Array(this.positionCount);
        this.writePositionMap(positions);
        this._device!.queue.writeBuffer(into, 0, positions); // before whatever the encoder is submitted with
    }
}

function PositionCount({ positionTable }: Pick<HeadBuffers, "positionTable">): number {
    return 3 * positionTable.mapSize ** 2;
}

/** The buffer that a driver on the GPU reads its position map from. @returns [3,P,P] f32, owned by the caller */
export function CreatePositionBuffer(device: GPUDevice, positionCount: number): GPUBuffer {
    return device.createBuffer({
        label: "avatar.positionMap",
        size: 4 * positionCount,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    });
}

/** @throws FlexAvatarError `invalid-argument` if a pose's position map has another size than the network's */
export function CheckPose(pose: IDriverPose, positionCount: number): void {
    if (pose.positionCount !== positionCount) {
        throw new FlexAvatarError(
            "invalid-argument",
            `The driver got a position map of ${pose.positionCount} values and needs ${positionCount}.`,
        );
    }
}
