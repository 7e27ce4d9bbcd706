/**
 * Sizes and byte offsets of the structs in src/shaders/shared, and the constants that kernels and TypeScript share.
 * The WGSL is the truth: tests/unit/runtime/layout.spec.ts parses it and compares every number here.
 */

/** Bytes of a struct and of its fields. */
export interface IStructLayout<Field extends string = string> {
    readonly byteLength: number;
    readonly offsets: Readonly<Record<Field, number>>;
}

export const AvatarParamsLayout = {
    byteLength: 528,
    offsets: {
        posedFromCanonical: 0,
        drivingFromCanonical: 240,
        positionMapCenter: 480,
        positionMapScale: 492,
        deltaWeights: 496,
        vertexCount: 504,
        gaussianCount: 508,
        mapTexelCount: 512,
        positionCount: 516,
        positionMapTexelCount: 520,
    },
} as const satisfies IStructLayout;

export const ViewParamsLayout = {
    byteLength: 128,
    offsets: {
        clipFromPosed: 0,
        depthFromPosed: 64,
        eyePosed: 80,
        viewportPx: 96,
        farDepth: 104,
        keysPerMeter: 108,
        flags: 112,
        recordCount: 116,
    },
} as const satisfies IStructLayout;

export const HeadVertexLayout = { byteLength: 16, offsets: { position: 0, weights: 12 } } as const satisfies IStructLayout;

export const TexelLayout = {
    byteLength: 20,
    offsets: { texel: 0, vertices01: 4, vertex2Flags: 8, bary0: 12, bary1: 16 },
} as const satisfies IStructLayout;

export const SplatRecordLayout = {
    byteLength: 32,
    offsets: { centerNdc: 0, depthNdc: 8, viewDepth: 12, axisMajor: 16, axisMinor: 20, colorRg: 24, colorBAlpha: 28 },
} as const satisfies IStructLayout;

export const DrawArgsLayout = {
    byteLength: 20,
    offsets: {
        vertexCount: 0,
        instanceCount: 4,
        firstVertex: 8,
        firstInstance: 12,
        visibleCount: 16,
    },
} as const satisfies IStructLayout;

export const SortParamsLayout = { byteLength: 4, offsets: { recordCount: 0 } } as const satisfies IStructLayout;

/** The list of buckets follows the struct. */
export const CrowdedLayout = { byteLength: 12, offsets: { count: 0, countY: 4, countZ: 8, buckets: 12 } } as const satisfies IStructLayout;

/** Attribute channels of a static or delta map. */
export const MapChannels = 14;
/** Depth buckets: one per 16-bit key. */
export const BucketCount = 65536;
/** Key of a Gaussian that a view does not draw. */
export const CulledKey = 0xffffffff;
/** A bucket with more records than this is ordered by sortCrowded. */
export const CrowdedSize = 256;
/** Digits of a key in the radix sort. */
export const RadixDigits = 4;
/** Values of a digit. */
export const DigitCount = 16;
/** Records that one workgroup of the radix sort owns. */
export const RadixTileSize = 2048;
/** Below this alpha nothing is drawn. */
export const AlphaCut = 1 / 255;

/** Bits of {@link ViewParamsLayout}'s flags. */
export const ViewCompensateOpacity = 1;
export const ViewCullBackFaces = 2;
export const ViewLinearOutput = 4;
