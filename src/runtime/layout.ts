/**
 * Sizes and byte offsets of the structs in src/shaders, and the constants that kernels and TypeScript share, under the
 * same names. The WGSL is the truth: tests/unit/shaders/shaderTwins.spec.ts reads every const and struct of every
 * shader and compares.
 */

/** Bytes of a struct and of its fields. */
export interface IStructLayout<Field extends string = string> {
    readonly byteLength: number;
    readonly offsets: Readonly<Record<Field, number>>;
}

export const AvatarParamsLayout = {
    byteLength: 256,
    offsets: { drivingFromCanonical: 0, firstVertex: 240 },
} as const satisfies IStructLayout;

export const HeadParamsLayout = {
    byteLength: 32,
    offsets: {
        positionMapCenter: 0,
        positionMapScale: 12,
        vertexCount: 16,
        expressionCount: 20,
        positionCount: 24,
        positionMapTexelCount: 28,
    },
} as const satisfies IStructLayout;

export const ViewParamsLayout = {
    byteLength: 24,
    offsets: { viewportPx: 0, keysPerMeter: 8, flags: 12, occluderFromDepth: 16 },
} as const satisfies IStructLayout;

export const ViewSlotLayout = {
    byteLength: 384,
    offsets: {
        clipFromPosed: 0,
        posedFromCanonical: 64,
        depthFromPosed: 304,
        eyePosed: 320,
        deltaWeights: 336,
        farDepth: 344,
        opacity: 348,
        gaussianCount: 352,
        firstRecord: 356,
        firstTexel: 360,
        firstVertex: 364,
        firstAttributes: 368,
        firstDeltaA: 372,
        firstDeltaB: 376,
        share: 380,
    },
} as const satisfies IStructLayout;

export const HeadVertexLayout = {
    byteLength: 16,
    offsets: { position: 0, weights: 12 },
} as const satisfies IStructLayout;

export const OccluderOffsetLayout = { byteLength: 8, offsets: { xy: 0, z: 4 } } as const satisfies IStructLayout;

export const TexelLayout = {
    byteLength: 16,
    offsets: { vertices01: 0, vertex2Flags: 4, bary01: 8, place: 12 },
} as const satisfies IStructLayout;

export const PackParamsLayout = {
    byteLength: 12,
    offsets: { first: 0, count: 4, mapTexelCount: 8 },
} as const satisfies IStructLayout;

export const CoarsenParamsLayout = {
    byteLength: 12,
    offsets: { first: 0, fineCount: 4, groupCount: 8 },
} as const satisfies IStructLayout;

export const LevelGroupLayout = {
    byteLength: 12,
    offsets: { anchor: 0, first: 4, mask: 8 },
} as const satisfies IStructLayout;

export const PackedAttributesLayout = {
    byteLength: 28,
    offsets: {
        offsetXy: 0,
        offsetZOpacity: 4,
        colorRg: 8,
        colorBScaleX: 12,
        scaleYz: 16,
        rotationXy: 20,
        rotationZw: 24,
    },
} as const satisfies IStructLayout;

export const PackedDeltaLayout = {
    byteLength: 20,
    offsets: { offsetXy: 0, offsetZOpacity: 4, color: 8, scale: 12, rotation: 16 },
} as const satisfies IStructLayout;

export const SplatRecordLayout = {
    byteLength: 32,
    offsets: { centerNdc: 0, depthNdc: 8, viewDepth: 12, axisMajor: 16, axisMinor: 20, colorRg: 24, colorBAlpha: 28 },
} as const satisfies IStructLayout;

export const CloseUpRecordLayout = {
    byteLength: 16,
    offsets: { place: 0, slopeX: 4, slopeY: 8, reads: 12 },
} as const satisfies IStructLayout;

export const CloseUpSlotLayout = {
    byteLength: 128,
    offsets: { strength: 0, layer: 4, edge: 8, reserved: 16 },
} as const satisfies IStructLayout;

export const AtlasFrameLayout = {
    byteLength: 12,
    offsets: { place: 0, frame01: 4, frame23: 8 },
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
export const CrowdedLayout = {
    byteLength: 12,
    offsets: { count: 0, countY: 4, countZ: 8, buckets: 12 },
} as const satisfies IStructLayout;

export const RefineParamsLayout = {
    byteLength: 16,
    offsets: { size: 0, across: 4, firstRow: 8, gaussianCount: 12 },
} as const satisfies IStructLayout;

export const RefineEllipseLayout = {
    byteLength: 24,
    offsets: { center: 0, conicXx: 8, conicXy: 12, conicYy: 16, opacity: 20 },
} as const satisfies IStructLayout;

export const DriverEnterParamsLayout = {
    byteLength: 24,
    offsets: { width: 0, height: 4, channels: 8, block: 12, gain: 16, hasRest: 20 },
} as const satisfies IStructLayout;

export const DriverConvParamsLayout = {
    byteLength: 44,
    offsets: {
        width: 0,
        height: 4,
        sourceWidth: 8,
        sourceHeight: 12,
        blocks0: 16,
        blocks: 20,
        shift0: 24,
        outBlocks: 28,
        relu: 32,
        hasBefore: 36,
        hasAfter: 40,
    },
} as const satisfies IStructLayout;

export const DriverPoolParamsLayout = {
    byteLength: 16,
    offsets: { width: 0, height: 4, sourceWidth: 8, sourceHeight: 12 },
} as const satisfies IStructLayout;

export const DriverExitParamsLayout = {
    byteLength: 20,
    offsets: { width: 0, height: 4, channels: 8, block: 12, scale: 16 },
} as const satisfies IStructLayout;

/** Threads per workgroup of the kernels that run over a list. */
export const WorkgroupSizes = Object.freeze({
    poseVertices: 64,
    positionMap: 64,
    splatProject: 64,
    splatCloseUp: 64,
    packStatic: 64,
    packDelta: 64,
    coarsen: 64,
    sortCountKeys: 256,
    sortScatter: 256,
    sortTies: 256,
    refineSum: 64,
});
/** Threads per workgroup of the driver's kernels, along x and along y. */
export const DriverWorkgroupEdge = 8;

/** Attribute channels of a static or delta map. */
export const MapChannels = 14;
/**
 * Units and steps of packed attributes, as in src/shaders/shared/attributes.wgsl: meters, meters, ln m, ln m, steps
 * from 0 to 1.
 */
export const OffsetReach = 0.5;
export const DeltaOffsetReach = 0.125;
export const LogScaleMiddle = -6;
export const DeltaLogScaleReach = 4;
export const DeltaBits = 511;
/** Logit that a record with a number that is none gets. */
export const NeverVisible = -60000;
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
/** What a Gaussian of a shell is drawn down to, in parts of its opacity. */
export const ShellCut = 1 / 8;
/**
 * How far the axis of a Gaussian of a shell may look away where another layer lies inside it, and of one without, and
 * towards the camera where it is seen from inside: cosines.
 */
export const OutsideCosine = 0.45;
export const InsideCosine = 0.1;
/** Standard deviations of a Gaussian are held between these, meters. */
export const ScaleMin = 1e-5;
export const ScaleMax = 0.02;
/** Low-pass filter of the training rasteriser, px². */
export const DilationPx2 = 0.3;
/** The projection is linearised no farther out than this, NDC. */
export const JacobianNdc = 1.3;
/**
 * How far a surface may look away: cosine for what lies on the head; margin beyond the horizon of a head with this
 * radius, meters.
 */
export const BackFaceCosine = 0.2;
export const HorizonMargin = 0.05;
export const HeadRadius = 0.08;

/** Bits of {@link ViewParamsLayout}'s flags. */
export const ViewCompensateOpacity = 1;
export const ViewHasOccluders = 2;
export const ViewKeepOffScreen = 4;
