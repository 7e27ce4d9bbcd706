/**
 * GPU buffers of one avatar: its maps, and the head posed for this frame. Views of it keep their own buffers.
 */
import { FlexAvatarError } from "../../flame/error";
import { CreateExpressionPose, EffectivePose, type ExpressionPose } from "../../flame/expression";
import { JointCount, PoseLength, type HeadModel } from "../../flame/headModel";
import { JointMatrices, JointMatricesLength, WithoutHeadTurn } from "../../flame/skinning";
import { AvatarParamsLayout, HeadVertexLayout, MapChannels } from "../layout";
import { OwnedBuffers } from "./gpuBuffers";
import type { HeadBuffers } from "./headBuffers";
import type { IPosedBounds } from "./viewParams";

/** Meters that Gaussians of an unread static map may lie off the head: hair. */
const DefaultReach = 0.1;
/** Meters beyond which Gaussians off the head are taken for errors of a network: they do not stretch the box. */
const LargestReach = 0.5;
/** Meters that an expression may move a vertex beyond the rest box. */
const ExpressionReach = 0.03;

const Pose = new Float32Array(PoseLength); // scratch of setExpression

/** One avatar on the GPU. Maps are [14,H,W], before activation, in the channel order of docs/architecture.md. */
export class AvatarBuffers {
    /** AvatarParams, uniform */
    public readonly params: GPUBuffer;
    /** [E] meters per unit of an expression entry */
    public readonly coefficients: GPUBuffer;
    /** [V] HeadVertex: template and expression, no joints. Written by `SplatPipeline.poseVertices`, as the next two */
    public readonly expressed: GPUBuffer;
    /** [V] vec4f: with all joints */
    public readonly posed: GPUBuffer;
    /** [V] vec4f: with jaw and eyes only */
    public readonly driving: GPUBuffer;
    /** [14,H,W] f32 */
    public readonly staticMap: GPUBuffer;
    /** Two [14,H,W] f32 that take turns */
    public readonly deltaMaps: readonly [GPUBuffer, GPUBuffer];
    private readonly _owned: OwnedBuffers;
    private readonly _paramsData = new ArrayBuffer(AvatarParamsLayout.byteLength);
    private readonly _posedMatrices = this._floats("posedFromCanonical", JointMatricesLength);
    private readonly _drivingMatrices = this._floats("drivingFromCanonical", JointMatricesLength);
    private readonly _deltaWeights = this._floats("deltaWeights", 2);
    private readonly _coefficientsData: Float32Array<ArrayBuffer>;
    private readonly _jointBoxes: Float32Array;
    private readonly _bounds = { min: new Float32Array(3), max: new Float32Array(3) };
    private _newestDelta = 1;
    private _deltaBlend = 1;
    private _hasDelta = false;
    private _reach = DefaultReach;

    /**
     * @param device borrowed; the one of `head`
     * @param head borrowed; must outlive the avatar
     */
    public constructor(
        device: GPUDevice,
        public readonly head: HeadBuffers,
    ) {
        const { model, table, positionTable } = head;
        const mapTexelCount = table.mapSize ** 2;
        this._owned = new OwnedBuffers(device, "avatar");
        this.params = this._owned.create("params", AvatarParamsLayout.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
        this.coefficients = this._owned.create("coefficients", 4 * model.expressionCount);
        this.expressed = this._owned.create("expressed", HeadVertexLayout.byteLength * model.vertexCount);
        this.posed = this._owned.create("posed", 16 * model.vertexCount);
        this.driving = this._owned.create("driving", 16 * model.vertexCount);
        this.staticMap = this._owned.create("staticMap", 4 * MapChannels * mapTexelCount);
        this.deltaMaps = [
            this._owned.create("deltaMapA", 4 * MapChannels * mapTexelCount),
            this._owned.create("deltaMapB", 4 * MapChannels * mapTexelCount),
        ];
        this._coefficientsData = new Float32Array(model.expressionCount);
        this._jointBoxes = JointBoxes(model);

        const words = new Uint32Array(this._paramsData);
        const at = AvatarParamsLayout.offsets;
        words[at.vertexCount / 4] = model.vertexCount;
        words[at.gaussianCount / 4] = table.gaussianCount;
        words[at.mapTexelCount / 4] = mapTexelCount;
        words[at.positionCount / 4] = positionTable.gaussianCount;
        words[at.positionMapTexelCount / 4] = positionTable.mapSize ** 2;
        this._floats("positionMapCenter", 3).set(model.positionMapCenter);
        this._floats("positionMapScale", 1)[0] = model.positionMapScale;
        this.setExpression(CreateExpressionPose(model));
    }

    /** The device of the buffers. */
    public get device(): GPUDevice {
        return this._owned.device;
    }

    /** Gaussians of the avatar: what a ViewBuffers for it must hold. */
    public get gaussianCount(): number {
        return this.head.table.gaussianCount;
    }

    /**
     * Box around the avatar in posed space, meters, for the pose of the last {@link setExpression}. It is generous: joints are bounded
     * exactly, hair and expressions by a margin. The same object each time.
     */
    public get bounds(): IPosedBounds {
        return this._bounds;
    }

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        return this._owned.byteLength;
    }

    /** True after {@link dispose}. */
    public get isDisposed(): boolean {
        return this._owned.isDisposed;
    }

    /**
     * Sets the Gaussians at rest. An array also tells how far Gaussians lie off the head, for {@link bounds}; for a buffer 0.1 m is assumed.
     * @param source [14,H,W]; a buffer is copied in queue order and stays the caller's
     * @throws FlexAvatarError `invalid-argument` if its size is wrong
     */
    public setStaticMap(source: Float32Array<ArrayBuffer> | GPUBuffer): void {
        this._upload(source, this.staticMap, "setStaticMap");
        this._reach = source instanceof Float32Array ? this._reachOf(source) : DefaultReach;
        this._updateBounds();
    }

    /**
     * Gives the newest output of the driver. The one given before it becomes the start of the interpolation by {@link deltaBlend}.
     * @param source [14,H,W]; a buffer is copied in queue order and stays the caller's
     * @throws FlexAvatarError `invalid-argument` if its size is wrong
     */
    public setDeltaMap(source: Float32Array<ArrayBuffer> | GPUBuffer): void {
        this._upload(source, this.deltaMaps[1 - this._newestDelta], "setDeltaMap");
        this._newestDelta = 1 - this._newestDelta;
        this._hasDelta = true;
        this._writeDeltaWeights();
    }

    /** Share of the newest delta map, 0..1, the rest being the one before it (at first: no change). Default 1. */
    public get deltaBlend(): number {
        return this._deltaBlend;
    }

    public set deltaBlend(value: number) {
        this._deltaBlend = Math.min(1, Math.max(0, value));
        this._writeDeltaWeights();
    }

    /**
     * Sets expression and joints of this frame. `SplatPipeline.poseVertices` applies it.
     * @param expressionPose read, not kept
     */
    public setExpression(expressionPose: ExpressionPose): void {
        const { model } = this.head;
        EffectivePose(model, expressionPose, Pose);
        JointMatrices(Pose, model.joints, this._posedMatrices);
        JointMatrices(WithoutHeadTurn(Pose, Pose), model.joints, this._drivingMatrices);
        for (let e = 0; e < model.expressionCount; e++) {
            this._coefficientsData[e] = expressionPose.expression[e] * model.expressionScale[e];
        }
        this.device.queue.writeBuffer(this.coefficients, 0, this._coefficientsData);
        this.device.queue.writeBuffer(this.params, 0, this._paramsData);
        this._updateBounds();
    }

    /** Destroys the buffers. The head stays. May be called twice. */
    public dispose(): void {
        this._owned.dispose();
    }

    private _floats(field: keyof typeof AvatarParamsLayout.offsets, length: number): Float32Array<ArrayBuffer> {
        return new Float32Array(this._paramsData, AvatarParamsLayout.offsets[field], length);
    }

    private _upload(source: Float32Array<ArrayBuffer> | GPUBuffer, target: GPUBuffer, what: string): void {
        const byteLength = source instanceof Float32Array ? source.byteLength : source.size;
        // A buffer from a pool may be larger than what it holds.
        if (source instanceof Float32Array ? byteLength !== target.size : byteLength < target.size) {
            const { mapSize } = this.head.table;
            throw new FlexAvatarError(
                "invalid-argument",
                `${what} got ${byteLength} bytes, wanted ${target.size}: [${MapChannels},${mapSize},${mapSize}] of float32.`,
            );
        }
        if (source instanceof Float32Array) {
            this.device.queue.writeBuffer(target, 0, source);
            return;
        }
        const encoder = this.device.createCommandEncoder({ label: what });
        encoder.copyBufferToBuffer(source, 0, target, 0, target.size);
        this.device.queue.submit([encoder.finish()]);
    }

    private _writeDeltaWeights(): void {
        this._deltaWeights[this._newestDelta] = this._hasDelta ? this._deltaBlend : 0;
        this._deltaWeights[1 - this._newestDelta] = this._hasDelta ? 1 - this._deltaBlend : 0;
        this.device.queue.writeBuffer(this.params, AvatarParamsLayout.offsets.deltaWeights, this._deltaWeights);
    }

    /** Largest distance of a Gaussian's three-sigma edge from its place on the head. */
    private _reachOf(map: Float32Array): number {
        const { table } = this.head;
        const texels = table.mapSize ** 2;
        let reach = 0;
        for (let g = 0; g < table.gaussianCount; g++) {
            const t = table.texel[g];
            const offset = Math.hypot(map[t], map[texels + t], map[2 * texels + t]);
            const scale = Math.exp(Math.max(map[7 * texels + t], map[8 * texels + t], map[9 * texels + t]));
            const edge = offset + 3 * Math.min(scale, 0.02);
            reach = edge > reach ? edge : reach; // false for a NaN
        }
        return Math.min(reach, LargestReach);
    }

    /** A skinned vertex is a mean of its joints' transforms of it, so the union of the joints' transformed boxes holds them all. */
    private _updateBounds(): void {
        const { min, max } = this._bounds;
        min.fill(Infinity);
        max.fill(-Infinity);
        const margin = this._reach + ExpressionReach;
        for (let joint = 0; joint < JointCount; joint++) {
            const box = 6 * joint;
            if (this._jointBoxes[box] > this._jointBoxes[box + 3]) {
                continue; // no vertex follows this joint
            }
            for (let row = 0; row < 3; row++) {
                const m = 12 * joint + 4 * row;
                let middle = this._posedMatrices[m + 3];
                let half = margin;
                for (let axis = 0; axis < 3; axis++) {
                    const slope = this._posedMatrices[m + axis];
                    middle += (slope * (this._jointBoxes[box + axis] + this._jointBoxes[box + 3 + axis])) / 2;
                    half += (Math.abs(slope) * (this._jointBoxes[box + 3 + axis] - this._jointBoxes[box + axis])) / 2;
                }
                min[row] = Math.min(min[row], middle - half);
                max[row] = Math.max(max[row], middle + half);
            }
        }
    }
}

/** [5,6] smallest and largest x, y, z of the vertices that follow each joint; smallest above largest if none does. */
function JointBoxes(model: HeadModel): Float32Array {
    const boxes = new Float32Array(6 * JointCount);
    for (let joint = 0; joint < JointCount; joint++) {
        boxes.fill(Infinity, 6 * joint, 6 * joint + 3);
        boxes.fill(-Infinity, 6 * joint + 3, 6 * joint + 6);
        for (let v = 0; v < model.vertexCount; v++) {
            if (model.weights[JointCount * v + joint] === 0) {
                continue;
            }
            for (let axis = 0; axis < 3; axis++) {
                const x = model.template[3 * v + axis];
                boxes[6 * joint + axis] = Math.min(boxes[6 * joint + axis], x);
                boxes[6 * joint + 3 + axis] = Math.max(boxes[6 * joint + 3 + axis], x);
            }
        }
    }
    return boxes;
}
