/**
 * One avatar on the GPU: its slot in the buffers of its head, and the pose of this frame. Views of it keep their own
 * buffers.
 */
import { PoseFeatures } from "../../flame/blendshapes.js";
import { CreateExpressionPose, EffectivePose, type ExpressionPose } from "../../flame/expression.js";
import { JointCount, PoseFeatureCount, PoseLength, type HeadModel } from "../../flame/headModel.js";
import { LevelCount, type Level } from "../../flame/levels.js";
import { OccluderOffsets } from "../../flame/occluder.js";
import { RestPlaces } from "../../flame/pageModel.js";
import { JointMatrices, JointMatricesLength, WithoutHeadTurn } from "../../flame/skinning.js";
import type { ICloseUp } from "../closeUp.js";
import { AvatarParamsLayout, NeverVisible, OccluderOffsetLayout, OffsetReach, ScaleMax } from "../layout.js";
import { OwnedBuffers } from "./gpuBuffers.js";
import type { HeadBuffers } from "./headBuffers.js";
import { StructArray } from "./structData.js";

/** Meters that Gaussians of an unread static map may lie off the head: hair. */
const DefaultReach = 0.1;
/** Opacity 0.9. Networks are trained on 0.98 everywhere. */
const OpaqueLogit = Math.log(0.9 / 0.1);
/** Share of the Gaussians that may be less opaque in an avatar that counts as opaque. */
const ThinShare = 0.01;
/** Meters beyond which Gaussians off the head are taken for errors of a network: they do not stretch the box. */
const LargestReach = 0.5;
/** Meters that an expression may move a vertex beyond the rest box. */
const ExpressionReach = 0.03;
/** A splat is drawn out to where 255 · exp(−k²/2) = 1, if it is opaque. */
const EdgeSigmas = Math.sqrt(2 * Math.log(255));

const Pose = new Float32Array(PoseLength); // scratch of setExpression
const Features = new Float32Array(PoseFeatureCount); // scratch of setExpression

/** Box around an avatar in its posed space, meters. */
export interface IPosedBounds {
    readonly min: ArrayLike<number>;
    readonly max: ArrayLike<number>;
}

/** The static maps of one person, which instances share. */
interface IPerson {
    /** Slot of `head.persons`. */
    readonly slot: number;
    users: number;
    /** Largest distance of a Gaussian's edge from its place on the head. */
    reach: number;
    /** [5,6] as `JointBoxes`, around the Gaussians themselves; null where the head's vertices and the reach tell. */
    boxes: Float32Array | null;
    isOpaque: boolean;
    /** [n] 1 for Gaussians that are left out, as something else hides them; null for none. */
    covered: Uint8Array | null;
    /** What the slot holds, but for what is left out; null where it came from a buffer. */
    map: Float32Array<ArrayBuffer> | null;
    /** Whether the slot holds an occluder. */
    hasOccluder: boolean;
    /** Detail for close-ups, if there is any. */
    closeUp: { readonly source: ICloseUp; readonly layer: number; strength: number } | null;
}

/** One avatar. Maps are given as [14,H,W], before activation, in the channel order of docs/conventions.md. */
export class AvatarBuffers {
    /** AvatarParams, uniform */
    public readonly params: GPUBuffer;
    /** Slot of `head.avatars`. */
    public readonly slot: number;
    /** [5,12] 3×4 row-major: the joints of the last {@link setExpression}. Do not change it. */
    public readonly posedMatrices: Float32Array = new Float32Array(JointMatricesLength);
    /** Weights of the two delta maps; they sum to at most one. Do not change it. */
    public readonly deltaWeights: Float32Array = new Float32Array(2);
    private readonly _owned: OwnedBuffers;
    private _person: IPerson;
    private readonly _paramsData = new ArrayBuffer(AvatarParamsLayout.byteLength);
    private readonly _drivingMatrices = new Float32Array(
        this._paramsData,
        AvatarParamsLayout.offsets.drivingFromCanonical,
        JointMatricesLength,
    );
    private readonly _coefficients: Float32Array<ArrayBuffer>;
    private readonly _jointBoxes: Float32Array;
    private readonly _bounds = { min: new Float32Array(3), max: new Float32Array(3) };
    private _newestDelta = 1;
    private _deltaBlend = 1;
    private _hasDelta = false;
    private _isPosed = false;

    /**
     * @param device borrowed; the one of `head`
     * @param head borrowed; must outlive the avatar
     * @param twin an avatar of the same head whose static map this one shares; each has its own expression and deltas,
     * either may go first
     * @throws FlexAvatarError `too-many-avatars`
     */
    public constructor(
        device: GPUDevice,
        public readonly head: HeadBuffers,
        twin?: AvatarBuffers,
    ) {
        const { model } = head;
        this.slot = head.avatars.acquire();
        try {
            this._person = twin?._person ?? {
                slot: head.persons.acquire(),
                users: 0,
                reach: DefaultReach,
                boxes: null,
                isOpaque: false,
                covered: null,
                map: null,
                hasOccluder: false,
                closeUp: null,
            };
        } catch (error) {
            head.avatars.release(this.slot);
            throw error;
        }
        this._person.users++;
        this._owned = new OwnedBuffers(device, "avatar");
        this.params = this._owned.create(
            "params",
            AvatarParamsLayout.byteLength,
            GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        );
        this._coefficients = new Float32Array(model.expressionCount + model.correctiveCount);
        this._jointBoxes = JointBoxes(model);
        new Uint32Array(this._paramsData)[AvatarParamsLayout.offsets.firstVertex / 4] = this.firstVertex;
        this.setExpression(CreateExpressionPose(model));
    }

    /** The device of the buffers. */
    public get device(): GPUDevice {
        return this._owned.device;
    }

    /** Gaussians of the avatar at its finest level of detail. */
    public get gaussianCount(): number {
        return this.head.table.gaussianCount;
    }

    /** What a ViewBuffers for it must hold where levels of detail may be faded: those of the two finest. */
    public get fadingCount(): number {
        return this.head.levels.start[2];
    }

    /** Gaussians of a level of detail. */
    public gaussiansAt(level: Level): number {
        return this.head.levels.start[level + 1] - this.head.levels.start[level];
    }

    /** First vertex in the head's `expressed` buffer. */
    public get firstVertex(): number {
        return this.slot * this.head.model.vertexCount;
    }

    /** First Gaussian of a level of detail in the head's `attributes` buffer. */
    public firstAttributes(level: Level = 0): number {
        const { start } = this.head.levels;
        return this._person.slot * start[LevelCount] + start[level];
    }

    /** First entry of a delta map in the head's `deltas` buffer. @param which 0 or 1 */
    public firstDelta(which: 0 | 1): number {
        return (2 * this.slot + which) * this.head.dynamicCount;
    }

    /** Whether the GPU has the vertices of the last {@link setExpression}. `SplatPipeline.poseVertices` sees to it. */
    public get isPosed(): boolean {
        return this._isPosed;
    }

    /**
     * Box around the avatar in posed space, meters, for the pose of the last {@link setExpression}. It is generous:
     * joints are bounded exactly, hair and expressions by a margin. The same object each time.
     */
    public get bounds(): IPosedBounds {
        return this._bounds;
    }

    /** Bytes of GPU memory held, of which the static map is divided among those who share it. */
    public get byteLength(): number {
        if (this.isDisposed) {
            return 0;
        }
        const { persons, closeUps } = this.head;
        const shared =
            (persons.slotByteLength + (this._person.closeUp ? closeUps.layerByteLength : 0)) / this._person.users;
        return this._owned.byteLength + this.head.avatars.slotByteLength + shared;
    }

    /** Whether nothing of the far side shows through the near one, so that views may leave it out. */
    public get isOpaque(): boolean {
        return this._person.isOpaque;
    }

    /** Whether it can hide what is behind it: it {@link isOpaque}, and where its surface is is known. */
    public get hasOccluder(): boolean {
        return this._person.hasOccluder;
    }

    /** First entry in the head's `occluder` buffer. */
    public get firstOccluderOffset(): number {
        return this._person.slot * this.head.model.vertexCount;
    }

    /** True after {@link dispose}. */
    public get isDisposed(): boolean {
        return this._owned.isDisposed;
    }

    /**
     * Sets the Gaussians at rest. An avatar that shares them gets its own; the others keep theirs. An array also tells
     * how far Gaussians lie off the head, for {@link bounds}, and whether the avatar {@link isOpaque} and {@link
     * hasOccluder}; for a buffer 0.1 m, no and no are assumed.
     * @param source [14,H,W]; a buffer is read in queue order and stays the caller's
     * @throws FlexAvatarError `invalid-argument` if its size is wrong, `too-many-avatars`
     */
    public setStaticMap(source: Float32Array<ArrayBuffer> | GPUBuffer): void {
        if (this._person.users > 1) {
            const slot = this.head.persons.acquire();
            const { closeUp } = this._person;
            this._person.users--;
            this._person = {
                slot,
                users: 1,
                reach: DefaultReach,
                boxes: null,
                isOpaque: false,
                covered: null,
                map: null,
                hasOccluder: false,
                closeUp: null,
            };
            if (closeUp) {
                this.setCloseUp(closeUp.source, closeUp.strength);
            }
        }
        this._person.map = source instanceof Float32Array ? source : null;
        this._pack(source);
        this._person.reach = source instanceof Float32Array ? this._reachOf(source) : DefaultReach;
        this._person.boxes = source instanceof Float32Array && this._isStill ? GaussianBoxes(this.head, source) : null;
        this._person.isOpaque = source instanceof Float32Array && this._hidesItsBack(source);
        this._person.hasOccluder =
            source instanceof Float32Array &&
            this._person.isOpaque &&
            this.head.occluderIndexCount > 0 &&
            this._writeOccluder(source);
        this._updateBounds();
    }

    /** What avatars that share a static map have in common: compare it by identity. */
    public get person(): object {
        return this._person;
    }

    /**
     * Gives the Gaussians at rest new colors, for all that share them. Much cheaper than {@link setStaticMap}, as
     * nothing else may differ.
     * @param staticMap [14,H,W], the map in use but for its channels 4 to 6
     * @throws FlexAvatarError `invalid-argument` if its size is wrong
     */
    public setColors(staticMap: Float32Array<ArrayBuffer>): void {
        this._person.map = staticMap;
        this._pack(staticMap);
    }

    /**
     * Leaves Gaussians out that something else hides, for all that share the static map. Only where that came as an
     * array; the same object again does nothing.
     * @param covered [n] 1 for those; kept; null for none
     * @returns whether anything changed
     */
    public setCovered(covered: Uint8Array | null): boolean {
        const person = this._person;
        if (person.covered === covered || !person.map) {
            return false;
        }
        person.covered = covered;
        this._pack(person.map);
        return true;
    }

    /**
     * Sets the detail for close-ups, for all that share the static map. The same object again only changes its
     * strength.
     * @param closeUp kept until it is replaced; null for none
     * @param strength 0..1
     * @throws FlexAvatarError `invalid-argument` if its size is wrong, `too-many-avatars`
     */
    public setCloseUp(closeUp: ICloseUp | null, strength: number): void {
        const { closeUps } = this.head;
        const before = this._person.closeUp;
        if (before && before.source === closeUp) {
            before.strength = strength;
            return;
        }
        this._person.closeUp = closeUp && { source: closeUp, layer: closeUps.acquire(closeUp), strength };
        if (before) {
            closeUps.release(before.source);
        }
    }

    /** Layer and strength of the detail for close-ups, or null without any. Do not change it. */
    public get closeUp(): { readonly layer: number; readonly strength: number } | null {
        return this._person.closeUp;
    }

    /**
     * Gives the newest output of the driver. The one given before it becomes the start of the interpolation by {@link
     * deltaBlend}.
     * @param source [14,H,W]; a buffer is read in queue order and stays the caller's
     * @throws FlexAvatarError `invalid-argument` if its size is wrong
     */
    public setDeltaMap(source: Float32Array<ArrayBuffer> | GPUBuffer): void {
        this.head.packer.packDelta(source, this.slot, 1 - this._newestDelta);
        this._newestDelta = 1 - this._newestDelta;
        this._hasDelta = true;
        this._weighDeltas();
    }

    /** Share of the newest delta map, 0..1, the rest being the one before it (at first: no change). Default 1. */
    public get deltaBlend(): number {
        return this._deltaBlend;
    }

    public set deltaBlend(value: number) {
        this._deltaBlend = Math.min(1, Math.max(0, value));
        this._weighDeltas();
    }

    /**
     * Sets expression and joints of this frame. `SplatPipeline.poseVertices` applies it.
     * @param expressionPose read, not kept
     */
    public setExpression(expressionPose: ExpressionPose): void {
        const { model } = this.head;
        EffectivePose(model, expressionPose, Pose);
        PoseFeatures(Pose, Features);
        JointMatrices(Pose, model.joints, this.posedMatrices);
        JointMatrices(WithoutHeadTurn(Pose, Pose), model.joints, this._drivingMatrices);
        for (let e = 0; e < model.expressionCount; e++) {
            this._coefficients[e] = expressionPose.expression[e] * model.expressionScale[e];
        }
        for (let c = 0; c < model.correctiveCount; c++) {
            this._coefficients[model.expressionCount + c] = Features[c] * model.correctiveScale[c];
        }
        if (!this._isStill) {
            const { avatars } = this.head;
            const offset = avatars.offset("coefficients", this.slot);
            this.device.queue.writeBuffer(avatars.buffer("coefficients"), offset, this._coefficients);
            this._isPosed = false;
        }
        this.device.queue.writeBuffer(this.params, 0, this._paramsData);
        this._updateBounds();
    }

    /** Called by `SplatPipeline.poseVertices` when it has recorded the pose. @internal */
    public _markPosed(): void {
        this._isPosed = true;
    }

    /**
     * Gives everything back. The head stays, and the static map as long as another avatar shares it. May be called
     * twice.
     */
    public dispose(): void {
        if (this.isDisposed) {
            return;
        }
        this._owned.dispose();
        this.head.avatars.release(this.slot);
        if (--this._person.users === 0) {
            this.setCloseUp(null, 0);
            this.head.persons.release(this._person.slot);
        }
    }

    /** Without expressions and driver, vertices stay as they are before joints, and so do Gaussians. */
    private get _isStill(): boolean {
        return this.head.model.expressionCount === 0 && this.head.dynamicCount === 0;
    }

    private _pack(source: Float32Array<ArrayBuffer> | GPUBuffer): void {
        const { covered, slot } = this._person;
        if (!covered || !(source instanceof Float32Array)) {
            this.head.packer.packStatic(source, slot);
            return;
        }
        const { texel, mapSize } = this.head.table;
        const map = source.slice();
        covered.forEach((isCovered, g) => {
            if (isCovered) {
                map[3 * mapSize * mapSize + texel[g]] = NeverVisible;
            }
        });
        this.head.packer.packStatic(map, slot);
    }

    private _weighDeltas(): void {
        this.deltaWeights[this._newestDelta] = this._hasDelta ? this._deltaBlend : 0;
        this.deltaWeights[1 - this._newestDelta] = this._hasDelta ? 1 - this._deltaBlend : 0;
    }

    /** Largest distance of a Gaussian's drawn edge from its place on the head. */
    private _reachOf(map: Float32Array): number {
        const { table } = this.head;
        const texels = table.mapSize ** 2;
        let reach = 0;
        for (let g = 0; g < table.gaussianCount; g++) {
            const t = table.texel[g];
            const offset = Math.hypot(map[t], map[texels + t], map[2 * texels + t]);
            const scale = Math.exp(Math.max(map[7 * texels + t], map[8 * texels + t], map[9 * texels + t]));
            const edge = offset + EdgeSigmas * Math.min(scale, ScaleMax);
            reach = edge > reach ? edge : reach; // false for a NaN
        }
        return Math.min(reach, LargestReach);
    }

    private _hidesItsBack(map: Float32Array): boolean {
        const { table } = this.head;
        const opacities = map.subarray(3 * table.mapSize ** 2);
        let thin = 0;
        for (let g = 0; g < table.gaussianCount; g++) {
            thin += opacities[table.texel[g]] >= OpaqueLogit ? 0 : 1; // a NaN is thin
        }
        return thin <= ThinShare * table.gaussianCount;
    }

    /** @returns whether the map says where the surface is */
    private _writeOccluder(map: Float32Array): boolean {
        const { model, table, persons } = this.head;
        const offsets = OccluderOffsets(model, table, map);
        if (offsets) {
            const { buffer, offset } = persons.binding("occluder", this._person.slot);
            this.device.queue.writeBuffer(buffer, offset, PackOccluder(offsets));
        }
        return offsets !== null;
    }

    /**
     * A skinned vertex or Gaussian is a mean of its joints' transforms of it, so the union of the joints' transformed
     * boxes holds them all.
     */
    private _updateBounds(): void {
        const { min, max } = this._bounds;
        min.fill(Infinity);
        max.fill(-Infinity);
        const { reach, boxes } = this._person;
        const margin = boxes ? 0 : reach + ExpressionReach;
        const of = boxes ?? this._jointBoxes;
        for (let joint = 0; joint < JointCount; joint++) {
            const box = 6 * joint;
            if (of[box] > of[box + 3]) {
                continue; // no vertex follows this joint
            }
            for (let row = 0; row < 3; row++) {
                const m = 12 * joint + 4 * row;
                let middle = this.posedMatrices[m + 3];
                let half = margin;
                for (let axis = 0; axis < 3; axis++) {
                    const slope = this.posedMatrices[m + axis];
                    middle += (slope * (of[box + axis] + of[box + 3 + axis])) / 2;
                    half += (Math.abs(slope) * (of[box + 3 + axis] - of[box + axis])) / 2;
                }
                min[row] = Math.min(min[row], middle - half);
                max[row] = Math.max(max[row], middle + half);
            }
        }
    }
}

/** [V] OccluderOffset */
function PackOccluder(offsets: Float32Array): Uint32Array<ArrayBuffer> {
    const packed = new StructArray(OccluderOffsetLayout, offsets.length / 3);
    const snorm = (meters: number): number =>
        Math.round(32767 * Math.min(1, Math.max(-1, meters / OffsetReach))) & 0xffff;
    for (let v = 0; v < offsets.length / 3; v++) {
        packed.setWord("xy", snorm(offsets[3 * v]) | (snorm(offsets[3 * v + 1]) << 16), v);
        packed.setWord("z", snorm(offsets[3 * v + 2]), v);
    }
    return packed.words;
}

/** [5,6] smallest and largest x, y, z of the vertices that follow each joint; smallest above largest if none does. */
function JointBoxes(model: HeadModel): Float32Array {
    const boxes = EmptyBoxes();
    for (let joint = 0; joint < JointCount; joint++) {
        for (let v = 0; v < model.vertexCount; v++) {
            if (model.weights[JointCount * v + joint] === 0) {
                continue;
            }
            for (let axis = 0; axis < 3; axis++) {
                Stretch(boxes, 6 * joint + axis, model.template[3 * v + axis], 0);
            }
        }
    }
    return boxes;
}

/** {@link JointBoxes} around the drawn edges of the Gaussians that follow each joint. */
function GaussianBoxes({ model, table }: HeadBuffers, map: Float32Array): Float32Array {
    const places = RestPlaces(model, table, map);
    const texels = table.mapSize ** 2;
    const boxes = EmptyBoxes();
    for (let g = 0; g < table.gaussianCount; g++) {
        const t = table.texel[g];
        const scale = Math.exp(Math.max(map[7 * texels + t], map[8 * texels + t], map[9 * texels + t]));
        const edge = EdgeSigmas * Math.min(scale, ScaleMax);
        for (let joint = 0; joint < JointCount; joint++) {
            if (table.weights[JointCount * g + joint] > 0) {
                for (let axis = 0; axis < 3; axis++) {
                    Stretch(boxes, 6 * joint + axis, places[3 * g + axis], edge);
                }
            }
        }
    }
    return boxes;
}

function EmptyBoxes(): Float32Array {
    return Float32Array.from({ length: 6 * JointCount }, (_, i) => (i % 6 < 3 ? Infinity : -Infinity));
}

/** Makes room for what reaches `edge` to both sides. A NaN changes nothing. */
function Stretch(boxes: Float32Array, at: number, middle: number, edge: number): void {
    boxes[at] = middle - edge < boxes[at] ? middle - edge : boxes[at];
    boxes[at + 3] = middle + edge > boxes[at + 3] ? middle + edge : boxes[at + 3];
}
