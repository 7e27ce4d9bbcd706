/**
 * GPU copy of what all avatars of one head model and map size share: template, skin weights, expression directions,
 * texel tables, and the buffers in which each avatar has its slot.
 */
import type { HeadModel } from "../../flame/headModel.js";
import { JointCount } from "../../flame/headModel.js";
import { BuildLevels, LevelCount, type ILevels } from "../../flame/levels.js";
import { DynamicFlag, type TexelTable } from "../../flame/texelTable.js";
import {
    HeadParamsLayout,
    HeadVertexLayout,
    LevelGroupLayout,
    OccluderOffsetLayout,
    PackedAttributesLayout,
    PackedDeltaLayout,
    TexelLayout,
} from "../layout.js";
import { OccluderFaces } from "../../flame/occluder.js";
import { CloseUpArena } from "./closeUpArena.js";
import { OwnedBuffers } from "./gpuBuffers.js";
import { MapPacker, type IPackedHead } from "./mapPacker.js";
import { SlotArena } from "./slotArena.js";
import { StructArray } from "./structData.js";

/** Shared by avatars, which borrow it: dispose it after them. */
export class HeadBuffers implements IPackedHead {
    /** HeadParams, uniform */
    public readonly params: GPUBuffer;
    /** [V] HeadVertex */
    public readonly vertices: GPUBuffer;
    /** [V+1] u32, first entry of each vertex */
    public readonly expressionStart: GPUBuffer;
    /** [K] two u32 */
    public readonly expressionEntries: GPUBuffer;
    /** Which Gaussians the coarse levels of detail join. */
    public readonly levels: ILevels;
    /** [m] LevelGroup */
    public readonly levelGroups: GPUBuffer;
    /** [n+m] Texel of the static and delta maps, level after level */
    public readonly texels: GPUBuffer;
    /** [m] Texel of the position map */
    public readonly positionTexels: GPUBuffer;
    /** [n] u32: where each Gaussian is in a map */
    public readonly mapTexels: GPUBuffer;
    /** [d] u32: where each dynamic Gaussian is in a map */
    public readonly dynamicTexels: GPUBuffer;
    /** [3·f] u16 vertices of the faces that occlude, as an index buffer */
    public readonly occluderFaces: GPUBuffer;
    /** 3·f */
    public readonly occluderIndexCount: number;
    /** d */
    public readonly dynamicCount: number;
    /**
     * Persons: [n+m] PackedAttributes each, level after level, and [V] OccluderOffset. Avatars that share maps share a
     * slot.
     */
    public readonly persons: SlotArena<"attributes" | "occluder">;
    /** Avatars: [E+C] f32 (expressions, then pose correctives), [V] HeadVertex, two [d] PackedDelta that take turns, and a u32 of a list of avatars. */
    public readonly avatars: SlotArena<"coefficients" | "expressed" | "deltas" | "changed">;
    /** Persons' detail for close-ups. */
    public readonly closeUps: CloseUpArena;
    /** Takes maps into the slots. */
    public readonly packer: MapPacker;
    private readonly _owned: OwnedBuffers;

    /**
     * @param device borrowed
     * @param model kept, not copied
     * @param table texel table of the static and delta maps
     * @param positionTable texel table of the position map
     * @param levels of `table`. Default: as the template has them
     */
    public constructor(
        device: GPUDevice,
        public readonly model: HeadModel,
        public readonly table: TexelTable,
        public readonly positionTable: TexelTable,
        levels: ILevels = BuildLevels(model, table),
    ) {
        this._owned = new OwnedBuffers(device, "head");
        this.vertices = this._owned.createFrom("vertices", PackVertices(model));
        const { start, entries } = GatherExpressions(model);
        this.expressionStart = this._owned.createFrom("expressionStart", start);
        this.expressionEntries = this._owned.createFrom("expressionEntries", entries);
        const dynamic = DynamicGaussians(table);
        this.dynamicCount = dynamic.length;
        const place = new Uint32Array(table.gaussianCount);
        dynamic.forEach((gaussian, index) => (place[gaussian] = index));
        this.levels = levels;
        this.levelGroups = this._owned.createFrom("levelGroups", PackGroups(this.levels));
        this.texels = this._owned.createFrom("texels", WithCoarseTexels(PackTexels(table, place), this.levels));
        this.positionTexels = this._owned.createFrom("positionTexels", PackTexels(positionTable, positionTable.texel));
        this.mapTexels = this._owned.createFrom("mapTexels", Uint32Array.from(table.texel));
        this.dynamicTexels = this._owned.createFrom(
            "dynamicTexels",
            dynamic.map((gaussian) => table.texel[gaussian]),
        );
        this.params = this._owned.create(
            "params",
            HeadParamsLayout.byteLength,
            GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        );
        device.queue.writeBuffer(this.params, 0, PackHeadParams(model, positionTable));
        const faces = OccluderFaces(model);
        this.occluderIndexCount = faces.length;
        const indexUsage = GPUBufferUsage.INDEX | GPUBufferUsage.COPY_DST;
        this.occluderFaces = this._owned.create("occluderFaces", faces.byteLength, indexUsage);
        device.queue.writeBuffer(this.occluderFaces, 0, Padded(faces));
        this.persons = new SlotArena(device, "head", {
            attributes: PackedAttributesLayout.byteLength * this.levels.start[LevelCount],
            occluder: OccluderOffsetLayout.byteLength * model.vertexCount,
        });
        this.avatars = new SlotArena(device, "head", {
            coefficients: 4 * Math.max(1, model.expressionCount + model.correctiveCount),
            expressed: HeadVertexLayout.byteLength * model.vertexCount,
            deltas: 2 * PackedDeltaLayout.byteLength * Math.max(1, this.dynamicCount),
            changed: 4,
        });
        this.closeUps = new CloseUpArena(device, model, table);
        this.packer = new MapPacker(device, this);
    }

    /** The device of the buffers. */
    public get device(): GPUDevice {
        return this._owned.device;
    }

    /** Bytes of GPU memory held beside the slots. */
    public get ownByteLength(): number {
        return this._owned.byteLength + this.packer.byteLength;
    }

    /** Bytes of GPU memory held, slots included. */
    public get byteLength(): number {
        return this.ownByteLength + this.persons.byteLength + this.avatars.byteLength + this.closeUps.byteLength;
    }

    /** Destroys the buffers. May be called twice. */
    public dispose(): void {
        this.packer.dispose();
        this.closeUps.dispose();
        this._owned.dispose();
    }
}

/** The Gaussians that the driver may change, in Gaussian order. */
function DynamicGaussians(table: TexelTable): Uint32Array<ArrayBuffer> {
    return Uint32Array.from(
        Array.from({ length: table.gaussianCount }, (_, g) => g).filter((g) => (table.flags[g] & DynamicFlag) !== 0),
    );
}

/** A coarse Gaussian sits where its anchor does. */
function WithCoarseTexels(texels: Uint32Array, { anchor }: ILevels): Uint32Array<ArrayBuffer> {
    const stride = TexelLayout.byteLength / 4;
    const all = new Uint32Array(texels.length + stride * anchor.length);
    all.set(texels);
    anchor.forEach((g, i) => all.copyWithin(texels.length + stride * i, stride * g, stride * (g + 1)));
    return all;
}

/** [m] LevelGroup */
function PackGroups({ anchor, first, mask }: ILevels): Uint32Array<ArrayBuffer> {
    const groups = new StructArray(LevelGroupLayout, anchor.length);
    for (let i = 0; i < anchor.length; i++) {
        groups.setWord("anchor", anchor[i], i);
        groups.setWord("first", first[i], i);
        groups.setWord("mask", mask[i], i);
    }
    return groups.words;
}

/** With a zero more where a copy, which must be of multiples of 4 bytes, needs it. */
function Padded(indices: Uint16Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
    const padded = new Uint16Array(2 * Math.ceil(indices.length / 2));
    padded.set(indices);
    return padded;
}

function PackHeadParams(model: HeadModel, positionTable: TexelTable): ArrayBuffer {
    const params = new StructArray(HeadParamsLayout);
    params.setFloats("positionMapCenter", model.positionMapCenter);
    params.setFloat("positionMapScale", model.positionMapScale);
    params.setWord("vertexCount", model.vertexCount);
    params.setWord("expressionCount", model.expressionCount + model.correctiveCount);
    params.setWord("positionCount", positionTable.gaussianCount);
    params.setWord("positionMapTexelCount", positionTable.mapSize ** 2);
    return params.bytes;
}

/**
 * [V] HeadVertex: position and the weights of neck, jaw, eyeL, eyeR, one byte each. The weight of global is what is
 * left.
 */
export function PackVertices(model: HeadModel): Uint32Array<ArrayBuffer> {
    const vertices = new StructArray(HeadVertexLayout, model.vertexCount);
    for (let v = 0; v < model.vertexCount; v++) {
        vertices.setFloats("position", model.template.subarray(3 * v, 3 * v + 3), v);
        let weights = 0;
        for (let joint = 1; joint < JointCount; joint++) {
            weights |= model.weights[JointCount * v + joint] << (8 * (joint - 1));
        }
        vertices.setWord("weights", weights, v);
    }
    return vertices.words;
}

/**
 * Expression directions, then pose correctives, sorted by vertex, so that one thread can gather all of a vertex without
 * atomics. An entry is direction | x << 16 and y | z << 16, with 16-bit signed offsets as in the model file.
 */
function GatherExpressions(model: HeadModel): {
    start: Uint32Array<ArrayBuffer>;
    entries: Uint32Array<ArrayBuffer>;
} {
    const { vertexCount, expressionCount, expressionVertex, correctiveCount, correctiveVertex } = model;
    const start = new Uint32Array(vertexCount + 1);
    for (const vertex of [...expressionVertex, ...correctiveVertex]) {
        start[vertex + 1]++;
    }
    for (let v = 0; v < vertexCount; v++) {
        start[v + 1] += start[v];
    }
    const next = start.slice();
    const entries = new Uint32Array(2 * (expressionVertex.length + correctiveVertex.length));
    const put = (direction: number, vertex: number, delta: Int16Array, k: number): void => {
        const at = 2 * next[vertex]++;
        entries[at] = direction | (delta[3 * k] << 16);
        entries[at + 1] = (delta[3 * k + 1] & 0xffff) | (delta[3 * k + 2] << 16);
    };
    for (let e = 0; e < expressionCount; e++) {
        for (let k = model.expressionStart[e]; k < model.expressionStart[e + 1]; k++) {
            put(e, expressionVertex[k], model.expressionDelta, k);
        }
    }
    for (let c = 0; c < correctiveCount; c++) {
        for (let k = model.correctiveStart[c]; k < model.correctiveStart[c + 1]; k++) {
            put(expressionCount + c, correctiveVertex[k], model.correctiveDelta, k);
        }
    }
    return { start, entries };
}

/**
 * [n] Texel.
 * @param place [n] what each says of its place
 */
export function PackTexels(table: TexelTable, place: Uint32Array): Uint32Array<ArrayBuffer> {
    const texels = new StructArray(TexelLayout, table.gaussianCount);
    for (let g = 0; g < table.gaussianCount; g++) {
        texels.setWord("vertices01", table.corners[3 * g] | (table.corners[3 * g + 1] << 16), g);
        texels.setWord("vertex2Flags", table.corners[3 * g + 2] | (table.flags[g] << 16), g);
        texels.setWord("bary01", Unorm16(table.bary[3 * g]) | (Unorm16(table.bary[3 * g + 1]) << 16), g);
        texels.setWord("place", place[g], g);
    }
    return texels.words;
}

function Unorm16(value: number): number {
    return Math.round(65535 * Math.min(1, Math.max(0, value)));
}
