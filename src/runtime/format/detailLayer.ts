/**
 * The detail layer of a `.flexavatar` file: differences of colors, eight bits each, so that a difference of zero stays
 * zero.
 */

/** Steps either way. */
const Steps = 127;

/** Differences as bytes. */
export interface IPackedDetail {
    /** [3,H,W]; 128 is no difference, each step is 1/127 of the channel's scale. */
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** Largest difference of each channel. */
    readonly scales: readonly [number, number, number];
}

/**
 * Rounds differences of colors to bytes. What {@link UnpackDetail} gives back packs to the same bytes.
 * @param colors [3,H,W], finite
 */
export function PackDetail(colors: Float32Array): IPackedDetail {
    const texels = colors.length / 3;
    const bytes = new Uint8Array(colors.length);
    const scales: [number, number, number] = [0, 0, 0];
    for (let channel = 0; channel < 3; channel++) {
        const values = colors.subarray(channel * texels, (channel + 1) * texels);
        const scale = (scales[channel] = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
        values.forEach(
            (value, i) => (bytes[channel * texels + i] = 128 + (scale > 0 ? Math.round((Steps * value) / scale) : 0)),
        );
    }
    return { bytes, scales };
}

/** @returns [3,H,W] */
export function UnpackDetail({
    bytes,
    scales,
}: {
    bytes: Uint8Array;
    scales: ArrayLike<number>;
}): Float32Array<ArrayBuffer> {
    const texels = bytes.length / 3;
    const colors = new Float32Array(bytes.length);
    for (let i = 0; i < bytes.length; i++) {
        colors[i] = ((bytes[i] - 128) * scales[i < texels ? 0 : i < 2 * texels ? 1 : 2]) / Steps;
    }
    return colors;
}
