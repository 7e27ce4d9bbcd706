/**
 * Bytes that a frame must move through memory, pass by pass, next to the least that any renderer of such avatars must
 * move. For benchmarks. Each byte of a buffer counts once per pass that touches it; what a cache holds (vertices,
 * slots) counts once per avatar.
 */
import {
    BucketCount,
    HeadVertexLayout,
    OccluderOffsetLayout,
    PackedAttributesLayout,
    PackedDeltaLayout,
    SplatRecordLayout,
    TexelLayout,
    ViewSlotLayout,
} from "../layout.js";
import { OccluderPx } from "./view/viewBuffers.js";

/** What an avatar is made of, as far as it costs bytes. */
export interface IAvatarSize {
    gaussianCount: number;
    /** Those that the driver may change. */
    dynamicCount: number;
    vertexCount: number;
    /** Sparse entries of all expression directions: `model.expressionVertex.length`. */
    expressionEntryCount: number;
    /** Corners of the faces that hide what is behind them, `head.occluderIndexCount`; default 0: nothing is hidden. */
    occluderIndexCount?: number;
}

/** One pass. */
export interface IPassBytes {
    readonly pass: "poseVertices" | "splatOccluder" | "splatProject" | "sort" | "draw";
    readonly readBytes: number;
    readonly writtenBytes: number;
    /** Lower bound, read and written. */
    readonly floorBytes: number;
}

/**
 * Lower bounds per unit: a dense FLAME of 136 f16 directions; 28 B of deltas and 36 B at rest; two 8-bit radix passes;
 * 32 B record and index.
 */
const FloorPerVertex = 136 * 6 + 20 + 16;
const FloorPerDelta = 28;
const FloorPerGaussian = 36 + 32 + 4;
const FloorPerKey = 28;
const FloorPerSplat = 36;

/**
 * All avatars of a view in a frame in which every face moves; the sort is the counting sort.
 * @param deltaMaps 2 while delta maps are blended, else 1
 * @param visibleShare share of the Gaussians that survive culling
 */
export function FrameBytes(avatars: readonly IAvatarSize[], deltaMaps: 1 | 2 = 1, visibleShare = 1): IPassBytes[] {
    const sum = (of: (avatar: IAvatarSize) => number): number =>
        avatars.reduce((total, avatar) => total + of(avatar), 0);
    const gaussians = sum(({ gaussianCount }) => gaussianCount);
    const dynamic = sum(({ dynamicCount }) => dynamicCount);
    const vertices = sum(({ vertexCount }) => vertexCount);
    const entries = sum(({ expressionEntryCount }) => expressionEntryCount);
    const visible = visibleShare * gaussians;
    const occluderIndices = sum(({ occluderIndexCount = 0 }) => occluderIndexCount);
    const occluderPixels = occluderIndices > 0 ? OccluderPx * OccluderPx : 0;
    return [
        {
            pass: "poseVertices",
            readBytes: (HeadVertexLayout.byteLength + 4) * vertices + 8 * entries,
            writtenBytes: HeadVertexLayout.byteLength * vertices,
            floorBytes: FloorPerVertex * vertices,
        },
        {
            // No renderer must do it: it makes the others cheaper.
            pass: "splatOccluder",
            readBytes:
                occluderIndices > 0
                    ? (HeadVertexLayout.byteLength + OccluderOffsetLayout.byteLength) * vertices + 2 * occluderIndices
                    : 0,
            writtenBytes: 4 * occluderPixels,
            floorBytes: 0,
        },
        {
            pass: "splatProject",
            readBytes:
                (TexelLayout.byteLength + PackedAttributesLayout.byteLength) * gaussians +
                deltaMaps * PackedDeltaLayout.byteLength * dynamic +
                HeadVertexLayout.byteLength * vertices +
                ViewSlotLayout.byteLength * avatars.length +
                4 * occluderPixels,
            writtenBytes: 4 * gaussians + SplatRecordLayout.byteLength * visible,
            floorBytes: FloorPerGaussian * gaussians + FloorPerDelta * dynamic,
        },
        {
            // Buckets: counted, scanned twice, written once. Keys: scattered (4 read, 4 written, 8 for the atomic),
            // then put in order among their like.
            pass: "sort",
            readBytes: 2 * 4 * BucketCount + 8 * gaussians + (16 + 4) * visible,
            writtenBytes: 2 * 4 * BucketCount + (4 + 4 + 4) * visible,
            floorBytes: FloorPerKey * gaussians,
        },
        {
            pass: "draw",
            readBytes: (4 + SplatRecordLayout.byteLength) * visible,
            writtenBytes: 0,
            floorBytes: FloorPerSplat * visible,
        },
    ];
}
