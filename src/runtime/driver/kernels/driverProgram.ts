/**
 * What {@link DriverExecutor} runs: the driver network as a few fused steps. Made from an ONNX graph by
 * `../lowerDriver.ts`; holds no GPU object.
 */

/**
 * An intermediate result: `channels` in blocks of four, `[ceil(channels / 4), height, width]` of vec4. Index into
 * {@link IDriverProgram.maps}.
 */
export type MapId = number;

/** Size of an intermediate result. */
export interface IDriverMap {
    channels: number;
    height: number;
    width: number;
}

/** Channel-major input to blocks of four: `(input − rest) · gain`, then space to depth (channel, row, column). */
export interface IEnterStep {
    kind: "enter";
    input: "identity" | "position";
    /** `[channels,height,width]` to subtract, or null. */
    rest: Float32Array | null;
    gain: number;
    /** Edge of the square of texels that becomes one. */
    block: number;
    channels: number;
    result: MapId;
}

/**
 * Convolution over the channels of one or two maps, one after the other, with what follows it: `relu(convolution + bias
 * + before) + after`.
 */
export interface IConvStep {
    kind: "conv";
    /** `shift` 1 reads the map at twice its size, nearest texel. */
    sources: readonly { map: MapId; shift: number }[];
    /** `[outputs, inputs, kernel, kernel]`, inputs as the sources have them. */
    weights: Float32Array;
    /** `[outputs]` */
    bias: Float32Array;
    kernel: number;
    stride: number;
    pad: number;
    before: MapId | null;
    relu: boolean;
    after: MapId | null;
    result: MapId;
}

/** Largest of each 2×2 texels. */
export interface IPoolStep {
    kind: "pool";
    source: MapId;
    result: MapId;
}

/**
 * Depth to space (channel, row, column), times `unit` per channel, enlarged with linear interpolation, channel-major.
 */
export interface IExitStep {
    kind: "exit";
    source: MapId;
    block: number;
    /** `[channels]` of the result. */
    unit: Float32Array;
    scale: number;
}

export type DriverStep = IEnterStep | IConvStep | IPoolStep | IExitStep;

/** A driver network. */
export interface IDriverProgram {
    maps: readonly IDriverMap[];
    /** What depends on the identity features only: run once per avatar. */
    once: readonly DriverStep[];
    /** The rest, in order, ending with the one exit. */
    steps: readonly DriverStep[];
    /** Values of the two inputs and of the delta map. */
    identityCount: number;
    positionCount: number;
    deltaCount: number;
}

/** Floating-point operations of one run, a multiplication and an addition counted as two, convolutions only. */
export function DriverFlops({ maps, steps }: IDriverProgram): number {
    return steps.reduce((sum, step) => {
        if (step.kind !== "conv") {
            return sum;
        }
        const { height, width } = maps[step.result];
        return sum + 2 * step.weights.length * height * width;
    }, 0);
}

/** Vec4s of a map. */
export function MapBlocks({ channels }: IDriverMap): number {
    return Math.ceil(channels / 4);
}
