/**
 * GPU copy of what all avatars of one head model and map size share: template, skin weights, expression directions, texel tables.
 */
import type { HeadModel } from "../../flame/headModel";
import { JointCount } from "../../flame/headModel";
import type { TexelTable } from "../../flame/texelTable";
import { HeadVertexLayout, TexelLayout } from "../layout";
import { OwnedBuffers } from "./gpuBuffers";

/** Shared by avatars, which borrow it: dispose it after them. */
export class HeadBuffers {
    /** [V] HeadVertex */
    public readonly vertices: GPUBuffer;
    /** [V+1] u32, first entry of each vertex */
    public readonly expressionStart: GPUBuffer;
    /** [K] two u32 */
    public readonly expressionEntries: GPUBuffer;
    /** [n] Texel of the static and delta maps */
    public readonly texels: GPUBuffer;
    /** [m] Texel of the position map */
    public readonly positionTexels: GPUBuffer;
    private readonly _owned: OwnedBuffers;

    /**
     * @param device borrowed
     * @param model kept, not copied
     * @param table texel table of the static and delta maps
     * @param positionTable texel table of the position map
     */
    public constructor(
        device: GPUDevice,
        public readonly model: HeadModel,
        public readonly table: TexelTable,
        public readonly positionTable: TexelTable,
    ) {
        this._owned = new OwnedBuffers(device, "head");
        this.vertices = this._owned.createFrom("vertices", PackVertices(model));
        const { start, entries } = GatherExpressions(model);
        this.expressionStart = this._owned.createFrom("expressionStart", start);
        this.expressionEntries = this._owned.createFrom("expressionEntries", entries);
        this.texels = this._owned.createFrom("texels", PackTexels(table));
        this.positionTexels = this._owned.createFrom("positionTexels", PackTexels(positionTable));
    }

    /** The device of the buffers. */
    public get device(): GPUDevice {
        return this._owned.device;
    }

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        return this._owned.byteLength;
    }

    /** Destroys the buffers. May be called twice. */
    public dispose(): void {
        this._owned.dispose();
    }
}

/** [V] HeadVertex: position and the weights of neck, jaw, eyeL, eyeR, one byte each. The weight of global is what is left. */
export function PackVertices(model: HeadModel): Uint32Array<ArrayBuffer> {
    const stride = HeadVertexLayout.byteLength / 4;
    const words = new Uint32Array(stride * model.vertexCount);
    const floats = new Float32Array(words.buffer);
    for (let v = 0; v < model.vertexCount; v++) {
        floats.set(model.template.subarray(3 * v, 3 * v + 3), stride * v);
        for (let joint = 1; joint < JointCount; joint++) {
            words[stride * v + 3] |= model.weights[JointCount * v + joint] << (8 * (joint - 1));
        }
    }
    return words;
}

/**
 * Expression directions sorted by vertex, so that one thread can gather all of a vertex without atomics.
 * An entry is expression | x << 16 and y | z << 16, with 16-bit signed offsets as in the model file.
 */
export function GatherExpressions(model: HeadModel): { start: Uint32Array<ArrayBuffer>; entries: Uint32Array<ArrayBuffer> } {
    const { expressionVertex, expressionDelta, expressionStart, vertexCount, expressionCount } = model;
    const start = new Uint32Array(vertexCount + 1);
    for (const vertex of expressionVertex) {
        start[vertex + 1]++;
    }
    for (let v = 0; v < vertexCount; v++) {
        start[v + 1] += start[v];
    }
    const next = start.slice();
    const entries = new Uint32Array(2 * expressionVertex.length);
    for (let e = 0; e < expressionCount; e++) {
        for (let k = expressionStart[e]; k < expressionStart[e + 1]; k++) {
            const at = 2 * next[expressionVertex[k]]++;
            entries[at] = e | (expressionDelta[3 * k] << 16);
            entries[at + 1] = (expressionDelta[3 * k + 1] & 0xffff) | (expressionDelta[3 * k + 2] << 16);
        }
    }
    return { start, entries };
}

/** [n] Texel. */
export function PackTexels(table: TexelTable): Uint32Array<ArrayBuffer> {
    const stride = TexelLayout.byteLength / 4;
    const words = new Uint32Array(stride * table.gaussianCount);
    const floats = new Float32Array(words.buffer);
    for (let g = 0; g < table.gaussianCount; g++) {
        const at = stride * g;
        words[at] = table.texel[g];
        words[at + 1] = table.corners[3 * g] | (table.corners[3 * g + 1] << 16);
        words[at + 2] = table.corners[3 * g + 2] | (table.flags[g] << 16);
        floats[at + 3] = table.bary[3 * g];
        floats[at + 4] = table.bary[3 * g + 1];
    }
    return words;
}
